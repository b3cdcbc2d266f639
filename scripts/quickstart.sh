#!/bin/sh
# Installs what is missing, builds, and starts the daemon in the foreground with its default disk.
# Arguments go to the daemon: scripts/quickstart.sh --port 3261
set -eu
cd "$(dirname "$0")/.."
. scripts/lib-setup.sh

require_node
setup_build_tools
setup_project
say "starting: gotgt-native daemon $*"
exec node dist/cli/main.js daemon "$@"
