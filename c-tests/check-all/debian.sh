#!/bin/sh
# The Debian packages are built from the archive of make dist, without network. lintian finds no error and no warning. The packages
# are installed in a root with nothing but libc6, and there a program of five lines and ripc run.
. "$(dirname "$0")/../support/script.sh"

has dpkg-buildpackage && has dh || skip "dpkg-dev or debhelper is not installed"
has git && has python3 && has "$CARGO" || skip "git, python3 or cargo is not installed"
[ "$(id -u)" = 0 ] || skip "only root installs packages in a root of their own"

quietly env CARGO="$CARGO" "$root/mk/dist.sh" "$work"
mv "$work/robustipc-$version.tar.gz" "$work/robustipc_$version.orig.tar.gz"
tar -xzf "$work/robustipc_$version.orig.tar.gz" -C "$work"
source=$work/robustipc-$version
cp -R "$source/packaging/debian" "$source/debian"
grep -q "^robustipc ($version-" "$source/debian/changelog" || fail "the changelog's version is not $version"

# The home is not there, and the network neither. -d: Rust need not come from Debian here.
alone=
if unshare --net true 2>/dev/null; then alone="unshare --net"; fi
sysroot=$(rustc --print sysroot)
(
  cd "$source"
  # shellcheck disable=SC2086
  quietly $alone env -u CARGO_HOME -u CARGO -u RUSTFLAGS -u TARGET -u LIBS -u STAGE -u STRIP HOME=/nonexistent LC_ALL=C.UTF-8 \
    PATH="$sysroot/bin:/usr/sbin:/usr/bin:/sbin:/bin" dpkg-buildpackage -us -uc -d -b
)

# Until the packages go to Debian there is no number of a wish for them.
if has lintian; then
  quietly lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$work"/*.deb
fi

# Every symbol is in the library's symbols file; dh_makeshlibs has failed if one is missing there.
for package in librobustipc0.1 librobustipc-posix0.1 librobustipc-dev robustipc-tools; do
  set -- "$work/${package}_${version}-"*.deb
  [ -e "$1" ] || fail "no package $package was built"
done

# A root with the C library alone. The packages' dependencies are checked against it.
architecture=$(dpkg --print-architecture)
mkdir "$work/base" "$work/root" "$work/root/dev" "$work/root/tmp"
options="--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances"
# shellcheck disable=SC2086
base=$(apt-cache depends $options libc6 libgcc-s1 | sed -n 's/^\([a-z0-9][^ :<]*\)$/\1/p' | LC_ALL=C sort -u)
chmod 755 "$work" "$work/base"
# shellcheck disable=SC2086
(cd "$work/base" && apt-get download -q $base) >"$work/output" 2>&1 || skip "apt-get downloads no packages: $(tail -n 1 "$work/output")"
mkdir -p "$work/root/var/lib/dpkg/info" "$work/root/var/lib/dpkg/updates"
# The base is unpacked, without its scripts, and stands in dpkg's list as installed.
for package in "$work"/base/*.deb; do
  dpkg-deb --extract "$package" "$work/root"
  dpkg-deb --field "$package"
  printf 'Status: install ok installed\n\n'
done >"$work/root/var/lib/dpkg/status"
set --
for package in librobustipc0.1 librobustipc-posix0.1 librobustipc-dev robustipc-tools; do
  set -- "$@" "$work/${package}_${version}"-*_"$architecture.deb"
done
quietly env DEBIAN_FRONTEND=noninteractive dpkg --root="$work/root" --force-script-chrootless --force-not-root \
  --log=/dev/null --install "$@"

cat >"$work/five.c" <<'END'
#include <robustipc.h>
int main(void) {
  ipc_shm_t *shm;
  return ipc_shm_anonymous(&shm, 64) < 0 || ipc_shm_close(shm) < 0;
}
END
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
installed() {
  PKG_CONFIG_SYSROOT_DIR=$work/root PKG_CONFIG_LIBDIR=$work/root/usr/lib/$triplet/pkgconfig $PKG_CONFIG "$@" robustipc
}
# shellcheck disable=SC2046,SC2086
quietly $CC "$work/five.c" -o "$work/root/tmp/five" $(installed --cflags --libs)
quietly chroot "$work/root" /tmp/five
# shellcheck disable=SC2046,SC2086
quietly $CC "$work/five.c" -o "$work/root/tmp/static" $(installed --cflags) \
  "$work/root/usr/lib/$triplet/librobustipc.a" $(installed --static --libs | sed 's/-lrobustipc\>//')
quietly chroot "$work/root" /tmp/static
expect "ripc's version" "ripc $version" "$(chroot "$work/root" /usr/bin/ripc --version)"

# Nothing is left after a purge but what the base has.
quietly dpkg --root="$work/root" --force-script-chrootless --force-not-root --log=/dev/null --purge \
  librobustipc-dev robustipc-tools librobustipc-posix0.1 librobustipc0.1
find "$work/root/usr" -name '*robustipc*' -o -name 'ripc*' >"$work/left"
[ ! -s "$work/left" ] || fail "a purge leaves $(head -n 3 "$work/left")"
