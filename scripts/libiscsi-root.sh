#!/bin/sh
# Makes .cache/libiscsi-1.20, whose iscsi-test-cu test/interop/conformance.test.ts runs beside the installed one: libiscsi of a
# later Debian with the libraries that it was built for. Packages are downloaded and unpacked there, checked by Debian's own
# keys; nothing is installed and no privilege is needed. Does nothing when it is there already. Where it cannot be made, the
# reason stands in .cache/libiscsi-1.20/absent, and the test repeats it.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib-setup.sh

CACHE=.cache/libiscsi-1.20
SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# What a program needs to start has to come along with the libraries that libiscsi-bin names; the rest of it stays away.
PACKAGES='libiscsi-bin=1.20.*'
UNUSED='passwd_* adduser_* base-passwd_* debconf_* login* libpam* libsemanage* libdb5*'
# Changes when this script does.
STAMP=$(cksum <scripts/libiscsi-root.sh)

# The mirror that this machine gets its own packages from.
mirror() {
  apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(REPO_URI)' |
    awk '$1 == "Packages" && $2 == "main" && $3 !~ /security/ { print $3; exit }'
}

# apt-get with lists, sources and a record of what is installed of its own: nothing is, so that every library comes along.
own_apt_get() {
  apt-get -q \
    -o Debug::NoLocking=true -o APT::Update::Post-Invoke-Success= -o Acquire::Languages=none -o APT::Sandbox::User= \
    -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$PWD/$CACHE/sources" \
    -o "Dir::State=$PWD/$CACHE/state" -o "Dir::State::status=$PWD/$CACHE/state/status" \
    -o "Dir::Cache=$PWD/$CACHE/cache" "$@"
}

download() {
  mkdir -p "$CACHE/sources" "$CACHE/state/lists/partial" "$CACHE/cache/archives/partial"
  : >"$CACHE/state/status"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$1" "$SUITE" "$KEYRING" \
    >"$CACHE/sources/$SUITE.sources"
  own_apt_get update && own_apt_get install -y --download-only --no-install-recommends "$PACKAGES"
}

is_unused() {
  for pattern in $UNUSED; do
    # shellcheck disable=SC2254 # a pattern
    case "$1" in $pattern) return 0 ;; esac
  done
  return 1
}

unpack() {
  mkdir -p "$CACHE/files"
  for archive in "$CACHE"/cache/archives/*.deb; do
    is_unused "$(basename "$archive")" ||
      dpkg-deb --fsys-tarfile "$archive" |
      tar -x -C "$CACHE/files" --keep-directory-symlink --no-same-owner --exclude './usr/share/*' --exclude './etc/*'
  done
  # Its own loader finds its own libraries: this machine's are older.
  cat >"$CACHE/iscsi-test-cu" <<'END'
#!/bin/sh
usr=$(dirname "$0")/files/usr
set -- "$usr"/bin/iscsi-test-cu "$@"
for loader in "$usr"/lib/*/ld-linux*.so.*; do
  exec "$loader" --library-path "$(dirname "$loader")" "$@"
done
END
  chmod +x "$CACHE/iscsi-test-cu"
  "$CACHE/iscsi-test-cu" -l >/dev/null || die "$CACHE/iscsi-test-cu does not start"
}

# absent REASON : ends without.
absent() {
  rm -rf "$CACHE"
  mkdir -p "$CACHE"
  printf '%s\n' "$1" >"$CACHE/absent"
  say "the tests do without libiscsi 1.20: $1"
  exit
}

if [ -e "$CACHE/stamp" ] && [ "$(cat "$CACHE/stamp")" = "$STAMP" ]; then
  say "$CACHE is there"
  exit
fi
grep -q '^ID=debian$' /etc/os-release || absent "this is not Debian"
[ -e "$KEYRING" ] || absent "there is no $KEYRING to check Debian's packages with"
uri=$(mirror)
[ -n "$uri" ] || absent "apt-get names no mirror of Debian"
say "making $CACHE of Debian's packages: $PACKAGES of $SUITE"
rm -rf "$CACHE"
download "$uri" || absent "Debian's $SUITE could not be downloaded from this machine's mirror"
unpack
rm -r "$CACHE/cache" "$CACHE/state" "$CACHE/sources"
echo "$STAMP" >"$CACHE/stamp"
say "$CACHE is made"
