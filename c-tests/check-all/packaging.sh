#!/bin/sh
# The files for vcpkg, Buildroot and Yocto. These three cannot be run here, so their recipes run with stand-ins for the functions and
# variables that the three provide: the commands are real, and install the library that this build has made. A program of five
# lines is built with what the vcpkg port installs.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/five.c" <<'END'
#include <robustipc.h>
int main(void) {
  ipc_shm_t *shm;
  return ipc_shm_anonymous(&shm, 64) < 0 || ipc_shm_close(shm) < 0;
}
END

# make without the recipe's settings of the target, so that it finds everything up to date in the build's own folder. What it
# was called with is written down.
mkdir "$work/bin"
real=$(command -v "$MAKE")
cat >"$work/bin/make" <<END
#!/bin/sh
echo "make \$*" >>"$work/calls"
for argument; do
  shift
  case \$argument in CARGO_FLAGS=* | CARGO_BUILD_TARGET=* | CROSS_COMPILE=* | CARGO=*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec env -u ROBUSTIPC_RPATH CARGO_TARGET_DIR="$TARGET" "$real" --no-print-directory "\$@"
END
chmod +x "$work/bin/make"

# Every recipe has this version, and the licences of this source.
found=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/packaging/vcpkg/robustipc/vcpkg.json")
expect "vcpkg's version" "$version" "$found"
expect "Buildroot's version" "$version" "$(sed -n 's/^ROBUSTIPC_VERSION = //p' "$root/packaging/buildroot/package/robustipc/robustipc.mk")"
recipe=$root/packaging/yocto/recipes-support/robustipc/robustipc_$version.bb
[ -e "$recipe" ] || fail "the Yocto recipe is for another version"
(cd "$root" && grep '^sha256' packaging/buildroot/package/robustipc/robustipc.hash | sed 's/^sha256  //' | sha256sum -c --quiet) >&2 ||
  fail "robustipc.hash has other licences"
sed -n 's|.*file://\(LICENSE-[A-Z]*\);md5=\([0-9a-f]*\).*|\2  \1|p' "$recipe" >"$work/licences"
expect "the number of Yocto's licences" 2 "$(wc -l <"$work/licences" | tr -d ' ')"
(cd "$root" && md5sum -c --quiet "$work/licences") >&2 || fail "LIC_FILES_CHKSUM has other licences"

installed() {
  for file in lib/librobustipc.so lib/pkgconfig/robustipc.pc include/robustipc.h share/man/man3/ipc_mutex.3; do
    [ -e "$1/$file" ] || fail "$2 installs no $file"
  done
}

# Yocto: do_compile and do_install in a shell.
{
  sed -n '/^do_[a-z]*() {$/,/^}$/p' "$recipe" | sed "s/\\\${@bb.utils.contains('PACKAGECONFIG', '\([a-z]*\)', 'true', 'false', d)}/false/"
  sed -n '/^EXTRA_OEMAKE = "\\$/,/^"$/p' "$recipe" | sed 's/ = /=/'
} >"$work/recipe.sh"
cat >"$work/yocto.sh" <<END
set -eu
prefix=/usr libdir=/usr/lib includedir=/usr/include mandir=/usr/share/man bindir=/usr/bin
CARGO=cargo RUST_HOST_SYS=x86_64-poky-linux-gnu RUSTFLAGS= S="$root" B="$work/yocto-build" D="$work/yocto"
oe_cargo_fix_env() { :; }
. "$work/recipe.sh"
oe_runmake() { eval "make \$EXTRA_OEMAKE \\"\\\$@\\""; }
do_compile
do_install
END
: >"$work/calls"
quietly env PATH="$work/bin:$PATH" sh "$work/yocto.sh"
installed "$work/yocto/usr" "the Yocto recipe"
grep -q "CARGO_BUILD_TARGET=x86_64-poky-linux-gnu" "$work/calls" || fail "the Yocto recipe names no target"

# Buildroot: the package's commands with make.
cat >"$work/buildroot.mk" <<END
BR2_EXTERNAL_ROBUSTIPC_PATH := $root/packaging/buildroot
TARGET_MAKE_ENV := PATH=$work/bin:\$(PATH)
PKG_CARGO_ENV := CARGO_HOME=$work/cargo-home
TARGET_CROSS := x86_64-buildroot-linux-gnu-
RUSTC_TARGET_NAME := x86_64-unknown-linux-gnu
STAGING_DIR := $work/staging
TARGET_DIR := $work/target-root
INSTALL := install
all: $root
include \$(BR2_EXTERNAL_ROBUSTIPC_PATH)/external.mk
.PHONY: $root
# The recipe of a package runs with its folder as the target.
$root:
	\$(ROBUSTIPC_BUILD_CMDS)
	\$(ROBUSTIPC_INSTALL_STAGING_CMDS)
	\$(ROBUSTIPC_INSTALL_TARGET_CMDS)
END
# The commands say \$(@D)/target and \$(MAKE): the folder of the target \"\$(root)/.\" is the source.
sed -i "s|^all: .*|all: $root/.stamp|; s|^\.PHONY: .*|.PHONY: $root/.stamp|; s|^$root:|$root/.stamp:|" "$work/buildroot.mk"
: >"$work/calls"
quietly "$MAKE" --no-print-directory -f "$work/buildroot.mk" MAKE=make
installed "$work/staging/usr" "the Buildroot package"
[ -e "$work/target-root/usr/lib/librobustipc.so.$soversion" ] || fail "the Buildroot package installs no library on the target"
grep -q "CROSS_COMPILE=x86_64-buildroot-linux-gnu-" "$work/calls" || fail "the Buildroot package names no compiler"

# vcpkg: the port with CMake, and a program with what it installs, moved to another folder.
has cmake || { echo "skipped: cmake is not installed, so the vcpkg port was not run" >&2; exit 0; }
grep -q '^{' "$root/packaging/vcpkg/robustipc/vcpkg.json" || fail "vcpkg.json is no JSON"
for linkage in dynamic static; do
  cat >"$work/port.cmake" <<END
cmake_minimum_required(VERSION 3.16)
set(PORT robustipc)
set(TARGET_TRIPLET x64-linux)
set(VCPKG_LIBRARY_LINKAGE $linkage)
set(CURRENT_PORT_DIR "$root/packaging/vcpkg/robustipc")
set(CURRENT_PACKAGES_DIR "$work/vcpkg-$linkage")
set(CURRENT_BUILDTREES_DIR "$work/vcpkg-build")
function(vcpkg_execute_required_process)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "WORKING_DIRECTORY;LOGNAME" "COMMAND")
  execute_process(COMMAND \${arg_COMMAND} WORKING_DIRECTORY "\${arg_WORKING_DIRECTORY}" RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: \${arg_COMMAND}")
  endif()
endfunction()
function(vcpkg_fixup_pkgconfig)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  foreach(file IN LISTS arg_FILE_LIST)
    if(NOT EXISTS "\${file}")
      message(FATAL_ERROR "there is no \${file}")
    endif()
  endforeach()
endfunction()
include("$root/packaging/vcpkg/robustipc/portfile.cmake")
END
  # A port's file knows its own folder.
  sed "s|\${CMAKE_CURRENT_LIST_DIR}|$root/packaging/vcpkg/robustipc|" "$work/port.cmake" >"$work/port-$linkage.cmake"
  quietly env PATH="$work/bin:$PATH" cmake -P "$work/port-$linkage.cmake"
  mv "$work/vcpkg-$linkage" "$work/moved $linkage"
  mkdir "$work/program-$linkage"
  cp "$work/five.c" "$work/program-$linkage/main.c"
  kind=robustipc
  [ "$linkage" = dynamic ] || kind=static
  cat >"$work/program-$linkage/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(five LANGUAGES C)
find_package(robustipc 0.1 CONFIG REQUIRED)
add_executable(five main.c)
target_link_libraries(five PRIVATE robustipc::$kind)
END
  quietly cmake -S "$work/program-$linkage" -B "$work/program-$linkage/build" -DCMAKE_PREFIX_PATH="$work/moved $linkage"
  quietly cmake --build "$work/program-$linkage/build"
  quietly "$work/program-$linkage/build/five"
done
[ -e "$work/moved static/lib/librobustipc.so" ] && fail "the static port has the shared library"
[ -e "$work/moved dynamic/lib/librobustipc.a" ] && fail "the shared port has the static library"
exit 0
