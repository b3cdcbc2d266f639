# Set-up shared by quickstart.sh and test.sh; sourced, not run. Installs only what is missing, and says what it does.
# The caller sets -eu and stands in the root of the repository.

NODE_MAJOR=20
NODE_MINOR=17

say() {
  printf '== %s\n' "$*"
}

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

require_node() {
  have node || die "Node.js is not installed; version $NODE_MAJOR.$NODE_MINOR or later is needed (https://nodejs.org)"
  have npm || die "npm is not installed; it comes with Node.js, on Debian and Ubuntu as the package npm"
  node -e "const [major, minor] = process.versions.node.split('.').map(Number);
    process.exit(major > $NODE_MAJOR || (major === $NODE_MAJOR && minor >= $NODE_MINOR) ? 0 : 1)" ||
    die "Node.js $(node --version) is too old; version $NODE_MAJOR.$NODE_MINOR or later is needed (https://nodejs.org)"
  say "Node.js $(node --version), npm $(npm --version)"
}

package_manager() {
  for manager in apt-get dnf apk; do
    if have "$manager"; then
      echo "$manager"
      return
    fi
  done
}

# Runs its arguments as root; fails when there is no way to.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo "$@"
  else
    return 1
  fi
}

# install_packages PACKAGE... : fails when they cannot be installed.
install_packages() {
  case "$(package_manager)" in
    apt-get)
      if [ -z "${SETUP_APT_UPDATED:-}" ]; then
        as_root apt-get update -q || return 1
        SETUP_APT_UPDATED=yes
      fi
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
      ;;
    dnf) as_root dnf install -y -q "$@" ;;
    apk) as_root apk add --quiet "$@" ;;
    *) return 1 ;;
  esac
}

# What the addon is built with. Prints the missing packages by this system's names.
missing_build_packages() {
  manager=$(package_manager)
  if ! have g++ && ! have c++; then
    case "$manager" in
      dnf) echo gcc-c++ ;;
      apk) echo build-base linux-headers ;;
      *) echo g++ ;;
    esac
  fi
  have make || echo make
  have python3 || echo python3
  if [ ! -e /usr/include/liburing.h ]; then
    case "$manager" in
      dnf) echo liburing-devel ;;
      *) echo liburing-dev ;;
    esac
  fi
}

setup_build_tools() {
  missing=$(missing_build_packages | tr '\n' ' ')
  if [ -z "$missing" ]; then
    say "compiler, make, python3 and liburing are there"
    return
  fi
  say "installing what the addon is built with: $missing"
  # shellcheck disable=SC2086 # a list of words
  install_packages $missing ||
    say "could not install $missing- going on without: the daemon serves through node:fs where the addon cannot be built"
}

# Installs the npm packages as locked and builds, or only builds when they are installed already.
setup_project() {
  if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    say "npm packages are installed; building"
    npm run --silent build
  else
    say "installing npm packages and building (npm ci)"
    npm ci --no-audit --no-fund --foreground-scripts
  fi
}
