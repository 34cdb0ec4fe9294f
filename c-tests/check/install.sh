#!/bin/sh
# make install installs what a user needs: links, stripped libraries, pkg-config in both ways, and the manual under
# every call's name. A program in C and in C++ is linked to the shared and to the static library, with pkg-config, by
# hand, with make and with CMake. make uninstall removes everything that was installed.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/nine.c" <<'END'
#include <robustipc.h>
#include <stdio.h>
typedef struct { int value; } Shared;
static const ipc_type_t shared_type = IPC_TYPE_FIELDS(Shared, 1, value);
int main(void) {
  ipc_shm_t *shm;
  if (ipc_shm_sealed(&shm, &shared_type) != 0) return puts(ipc_last_error());
  return ipc_shm_close(shm);
}
END

installed() {
  (cd "$1" && find . ! -type d | sort)
}

# As root runs it under sudo: in an environment of its own, where cargo is not on the path. The libraries are built.
make_here() {
  quietly env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CARGO_TARGET_DIR="$TARGET" \
    "$MAKE" -C "$root" CARGO=/nonexistent/cargo RUSTC=/nonexistent/rustc "$@"
}

# Into a packager's directory: what is installed must name the prefix, not the directory.
make_here install DESTDIR="$work/package" PREFIX=/opt/robust
lib=$work/package/opt/robust/lib
expect "the link for linkers" "librobustipc.so.$version" "$(readlink "$lib/librobustipc.so")"
expect "the link for programs" "librobustipc.so.$version" "$(readlink "$lib/librobustipc.so.$soversion")"
for library in librobustipc.so librobustipc-posix.so librobustipc.a; do
  readelf -SW "$lib/$library" | grep -qF .debug_info && fail "$library has debug information"
done
soname=$(readelf -d "$lib/librobustipc.so.$version" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
expect "the soname" "librobustipc.so.$soversion" "$soname"
cmp "$lib/../include/robustipc.h" "$root/include/robustipc.h" || fail "another header is installed"
cmp "$lib/robustipc/robustipc.supp" "$root/robustipc.supp" || fail "other suppressions are installed"

packaged() {
  PKG_CONFIG_SYSROOT_DIR=$work/package PKG_CONFIG_LIBDIR=$lib/pkgconfig $PKG_CONFIG "$@" robustipc
}
expect "pkg-config --modversion" "$version" "$(packaged --modversion)"
expect "pkg-config --cflags" "-I$work/package/opt/robust/include" "$(packaged --cflags | xargs)"
expect "pkg-config --libs" "-L$lib -lrobustipc" "$(packaged --libs | xargs)"
case $(packaged --static --libs) in
  *" -lrobustipc "*-lc*) ;;
  *) fail "pkg-config --static --libs lacks the libraries that a static link needs" ;;
esac
grep -qF "$work" "$lib/pkgconfig/robustipc.pc" && fail "robustipc.pc names the packager's directory"

# The nine lines, as C and as C++, shared and static.
# shellcheck disable=SC2046,SC2086
for language in c c++; do
  case $language in
    c) compile="$CC -x c -std=c99" ;;
    c++) compile="$CXX -x c++ -std=c++17" ;;
  esac
  shared="$(packaged --cflags) $work/nine.c -x none $(packaged --libs)"
  static="$(packaged --cflags) $work/nine.c -x none -L$lib -l:librobustipc.a $(packaged --static --libs-only-l)"
  static=$(echo "$static" | sed 's/ -lrobustipc / /')
  quietly $compile $warnings $shared -o "$work/shared"
  quietly $compile $warnings $static -o "$work/static"
  quietly env LD_LIBRARY_PATH="$lib" "$work/shared"
  quietly "$work/static"
  readelf -d "$work/shared" | grep -q "NEEDED.*librobustipc\.so\.$soversion\]" ||
    fail "the shared program does not ask for librobustipc.so.$soversion"
  readelf -d "$work/static" | grep -q robustipc && fail "the static program asks for the shared library"
  # The whole program is static, libc too.
  quietly $compile $warnings -static $(packaged --cflags) "$work/nine.c" -x none $(packaged --static --libs) \
    -o "$work/all_static"
  quietly "$work/all_static"
  readelf -d "$work/all_static" | grep -q NEEDED && fail "the program linked with -static asks for a shared library"
done

# By hand, as the README has it.
# shellcheck disable=SC2086
quietly $CC "$work/nine.c" -I"$work/package/opt/robust/include" -L"$lib" -lrobustipc -o "$work/by_hand"
quietly env LD_LIBRARY_PATH="$lib" "$work/by_hand"

# With make, as the README has it.
mkdir "$work/make"
cp "$work/nine.c" "$work/make/main.c"
"$root/c-tests/support/block.sh" make "$root/README.md" >"$work/make/Makefile"
quietly env PKG_CONFIG_SYSROOT_DIR="$work/package" PKG_CONFIG_LIBDIR="$lib/pkgconfig" \
  "$MAKE" -C "$work/make" CC="$CC" main
quietly env LD_LIBRARY_PATH="$lib" "$work/make/main"

# With CMake, as the README has it.
if has cmake; then
  mkdir "$work/cmake"
  cp "$work/nine.c" "$work/cmake/main.c"
  "$root/c-tests/support/block.sh" cmake "$root/README.md" >"$work/cmake/CMakeLists.txt"
  quietly cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$work/package/opt/robust"
  quietly cmake --build "$work/cmake/build"
  quietly "$work/cmake/build/main"
fi

# In C++, as the README has it.
"$root/c-tests/support/block.sh" cpp "$root/README.md" >"$work/reading.cpp"
# shellcheck disable=SC2046
quietly $CXX -std=c++17 $warnings "$work/reading.cpp" $(packaged --cflags --libs) -o "$work/reading"

# The manual is found under the name of every call, through one page for each group of calls.
man=$work/package/opt/robust/share/man
for page in "$root"/man/*.[0-9]; do
  section=${page##*.}
  cmp "$page" "$man/man$section/$(basename "$page")" || fail "$page is not installed"
  for name in $("$root/man/names.sh" "$page"); do
    [ -e "$man/man$section/$name.$section" ] || fail "there is no man page $name"
  done
done

make_here uninstall DESTDIR="$work/package" PREFIX=/opt/robust
expect "what uninstall leaves" "" "$(installed "$work/package")"

# Directories of the user's choice, and nothing outside of them.
make_here install DESTDIR="$work/split" PREFIX=/usr LIBDIR=/usr/lib/here INCLUDEDIR=/usr/include/there MANDIR=/usr/man
[ -e "$work/split/usr/lib/here/pkgconfig/robustipc.pc" ] || fail "LIBDIR is not used"
[ -e "$work/split/usr/include/there/robustipc.h" ] || fail "INCLUDEDIR is not used"
[ -e "$work/split/usr/man/man7/robustipc.7" ] || fail "MANDIR is not used"
expect "what stands elsewhere" "" "$(installed "$work/split" | grep -v -e '^./usr/lib/here/' -e '^./usr/include/there/' -e '^./usr/man/')"

# Paths with spaces. pkg-config escapes them, so its answer is read by eval, as a shell in make reads it.
make_here install PREFIX="$work/a prefix" LIBDIR="$work/a prefix/a lib" DESTDIR="$work/a package"
[ -e "$work/a package$work/a prefix/a lib/librobustipc.so.$version" ] || fail "a DESTDIR with a space is not used"
make_here install PREFIX="$work/a prefix" LIBDIR="$work/a prefix/a lib"
answer=$(PKG_CONFIG_LIBDIR="$work/a prefix/a lib/pkgconfig" $PKG_CONFIG --cflags --libs robustipc)
eval "quietly $CC -std=c99 $warnings \"\$work/nine.c\" $answer -o \"\$work/spaced\""
quietly env LD_LIBRARY_PATH="$work/a prefix/a lib" "$work/spaced"
make_here uninstall PREFIX="$work/a prefix" LIBDIR="$work/a prefix/a lib"
expect "what uninstall leaves under a prefix with a space" "" "$(installed "$work/a prefix")"
