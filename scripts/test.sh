#!/bin/sh
# Installs what is missing, builds, checks the code and runs every test: with the addon, without it, and the C++ core alone.
# The last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
. scripts/lib-setup.sh

# setup_command COMMAND PACKAGE : Debian's and Ubuntu's name of what provides COMMAND.
setup_command() {
  have "$1" || TEST_PACKAGES="$TEST_PACKAGES $2"
}

# qemu-img names its iscsi driver whether the module is installed or not.
has_qemu_iscsi() {
  for module in /usr/lib/*/qemu/block-iscsi.so; do
    [ -e "$module" ] && return 0
  done
  return 1
}

# It is tested as a child process of the tests; a service of this machine it shall not become.
setup_isns_server() {
  if [ -x /usr/sbin/isnsd ] && [ -x /usr/sbin/isnsadm ]; then
    say "isnsd and isnsadm are there"
    return
  fi
  say "installing open-isns-server and open-isns-utils"
  install_packages open-isns-server open-isns-utils ||
    die "could not install open-isns-server and open-isns-utils; install them as root and run this again"
  if [ -d /run/systemd/system ]; then
    as_root systemctl disable --now isnsd.service ||
      say "isnsd may run on this machine now; to stop it: systemctl disable --now isnsd.service"
  fi
}

# The clients that the daemon is tested with, the C++ formatter, and cmake for the core's own tests.
setup_test_tools() {
  TEST_PACKAGES=
  setup_command iscsi-ls libiscsi-bin
  setup_command qemu-img qemu-utils
  setup_command clang-format clang-format
  setup_command cmake cmake
  if [ "$(package_manager)" = apt-get ] && ! has_qemu_iscsi; then
    TEST_PACKAGES="$TEST_PACKAGES qemu-block-extra"
  fi
  if [ -z "$TEST_PACKAGES" ]; then
    say "iscsi-ls, qemu-img with iscsi, clang-format and cmake are there"
    return
  fi
  [ "$(package_manager)" = apt-get ] ||
    die "install what Debian calls$TEST_PACKAGES; this script knows the names for Debian and Ubuntu only"
  say "installing what the tests need:$TEST_PACKAGES"
  # shellcheck disable=SC2086 # a list of words
  install_packages $TEST_PACKAGES || die "could not install$TEST_PACKAGES; install them as root and run this again"
}

# The kernel's own initiator runs in user-mode-linux, which Debian has for this processor alone; a machine with two NUMA nodes is
# QEMU's.
setup_linux_guest() {
  [ "$(uname -m)" = x86_64 ] || return 0
  scripts/uml-root.sh
  scripts/qemu-root.sh
}

require_node
setup_build_tools
setup_test_tools
scripts/libiscsi-root.sh
setup_isns_server
setup_linux_guest
setup_project
say "checking types, style and C++ format (npm run check)"
npm run --silent check
say "running every test"
exec node scripts/run-tests.mjs "$@"
