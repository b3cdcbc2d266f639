#!/bin/sh
# Makes .cache/qemu, what test/interop/numa.test.ts boots: QEMU, Debian's cloud kernel and busybox. Everything is downloaded as
# packages and unpacked there; nothing is installed and no privilege is needed. Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib-setup.sh

CACHE=.cache/qemu
PACKAGES='qemu-system-x86 linux-image-cloud-amd64 busybox-static'
# What they depend on and nothing here runs.
UNUSED='perl* libperl* initramfs* linux-base_* udev_* systemd* adduser_* passwd_* debconf_* dpkg_* tar_* klibc* libklibc*
  libgtk* libicu* mesa* libllvm* libgl1-mesa* dracut* ipxe* qemu-system-gui* qemu-utils_* ovmf_* cpio_* kmod_*'
# Changes when this script does.
STAMP=$(cksum <scripts/qemu-root.sh)

download() {
  mkdir -p "$CACHE/archives/partial"
  : >"$CACHE/status"
  # As if nothing were installed, so that every library comes along.
  # shellcheck disable=SC2086 # a list of words
  apt-get install -y -q --download-only --no-install-recommends \
    -o Debug::NoLocking=true -o "Dir::State::status=$PWD/$CACHE/status" \
    -o "Dir::Cache=$PWD/$CACHE" -o "Dir::Cache::archives=$PWD/$CACHE/archives" $PACKAGES
}

is_unused() {
  for pattern in $UNUSED; do
    # shellcheck disable=SC2254 # a pattern
    case "$1" in $pattern) return 0 ;; esac
  done
  return 1
}

unpack() {
  root="$CACHE/root"
  mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
  for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
  for archive in "$CACHE"/archives/*.deb; do
    is_unused "$(basename "$archive")" ||
      dpkg-deb --fsys-tarfile "$archive" |
      tar -x -C "$root" --keep-directory-symlink --no-same-owner \
        --exclude './usr/share/doc/*' --exclude './usr/share/man/*' --exclude './usr/share/locale/*' \
        --exclude './lib/modules/*' --exclude './etc/*'
  done
  mv "$root"/boot/vmlinuz-* "$CACHE/vmlinuz"
}

if [ -e "$CACHE/stamp" ] && [ "$(cat "$CACHE/stamp")" = "$STAMP" ]; then
  say "$CACHE is there"
  exit
fi
[ "$(package_manager)" = apt-get ] || die "$CACHE is made of Debian's packages, which needs apt-get"
say "making $CACHE of Debian's packages: $PACKAGES"
rm -rf "$CACHE"
download || { as_root apt-get update -q && download; } ||
  die "could not download $PACKAGES; run apt-get update as root, and this again"
unpack
rm -r "$CACHE/archives"
echo "$STAMP" >"$CACHE/stamp"
say "$CACHE is made"
