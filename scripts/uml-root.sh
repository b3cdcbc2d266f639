#!/bin/sh
# Makes .cache/uml, what test/interop/uml-guest.ts boots: Debian's Linux as a plain program (user-mode-linux) with
# the kernel's iSCSI initiator, and the files that its guest needs. Everything is downloaded as packages and unpacked there;
# nothing is installed and no privilege is needed. Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib-setup.sh

CACHE=.cache/uml
# iscsid and iscsiadm; slirp carries the guest's network over ordinary sockets; sg3-utils, sdparm and ddpt ask disks everything;
# dmsetup makes one disk of two paths.
PACKAGES='user-mode-linux slirp open-iscsi busybox-static e2fsprogs kmod sg3-utils sdparm ddpt dmsetup'
# What they depend on and the guest never runs.
UNUSED='perl* libperl* *-perl_* libgdbm* libdb5* usrmerge_* udev_* debconf_* dpkg_* tar_* passwd_* adduser_* libpam*'
# Changes when this script does.
STAMP=$(cksum <scripts/uml-root.sh)

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
  for directory in dev etc host mnt proc run sys tmp var; do mkdir "$root/$directory"; done
  for archive in "$CACHE"/archives/*.deb; do
    is_unused "$(basename "$archive")" ||
      dpkg-deb --fsys-tarfile "$archive" |
      tar -x -C "$root" --keep-directory-symlink --no-same-owner --exclude './usr/share/*' --exclude './etc/*'
  done
  mkdir -p "$root/etc/iscsi"
  ln -s uml/modules "$root/usr/lib/modules"
  for applet in $("$root/bin/busybox" --list); do
    [ -e "$root/bin/$applet" ] || [ -e "$root/sbin/$applet" ] || ln -s busybox "$root/bin/$applet"
  done
  # iscsid serves whom it can name.
  echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
  # `folder` comes from the kernel's command line.
  cat >"$root/init" <<'END'
#!/bin/sh
mount -t hostfs none /host -o "$folder"
sh /host/guest.sh
poweroff -f
END
  chmod +x "$root/init"
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
