#!/bin/sh
# A five-line program is built and run with each way to take the library: CMake's find_package, from an installation that was moved
# after it was made, CMake's FetchContent, and a Meson subproject. Each is used without network. A way whose tool is missing
# is left out.
. "$(dirname "$0")/../support/script.sh"

has cmake || has meson || skip "neither cmake nor meson is installed"

cat >"$work/five.c" <<'END'
#include <robustipc.h>
int main(void) {
  ipc_shm_t *shm;
  return ipc_shm_anonymous(&shm, 64) < 0 || ipc_shm_close(shm) < 0;
}
END

# The installation of the tests, as make installs it, then moved away from its prefix.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CARGO_TARGET_DIR="$TARGET" \
  "$MAKE" -C "$root" CARGO=/nonexistent/cargo RUSTC=/nonexistent/rustc install PREFIX="$work/made here" >"$work/output" 2>&1 ||
  { cat "$work/output"; fail "make install failed"; }
mv "$work/made here" "$work/moved"

project() {
  mkdir -p "$work/$1"
  cp "$work/five.c" "$work/$1/main.c"
  cat >"$work/$1/$2"
}

if has cmake; then
  project found CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(five LANGUAGES C)
find_package(robustipc 0.1 REQUIRED)
add_executable(shared main.c)
target_link_libraries(shared robustipc::robustipc)
add_executable(static main.c)
target_link_libraries(static robustipc::static)
END
  quietly cmake -S "$work/found" -B "$work/found/build" -DCMAKE_PREFIX_PATH="$work/moved"
  quietly cmake --build "$work/found/build"
  quietly "$work/found/build/shared"
  quietly "$work/found/build/static"
  readelf -d "$work/found/build/static" | grep -q robustipc && fail "robustipc::static links the shared library"

  # Another minor version may break a program, so it is not found.
  sed -i 's/find_package(robustipc 0.1/find_package(robustipc 0.99/' "$work/found/CMakeLists.txt"
  cmake -S "$work/found" -B "$work/found/other" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/output" 2>&1 &&
    fail "find_package(robustipc 0.99) accepts $version"
fi

# The two ways that build the library build into this build's folder, where everything is up to date.

if has cmake && has cargo; then
  project fetched CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.16)
project(five LANGUAGES C)
include(FetchContent)
FetchContent_Declare(robustipc SOURCE_DIR "$root")
FetchContent_MakeAvailable(robustipc)
add_executable(shared main.c)
target_link_libraries(shared robustipc::robustipc)
add_executable(static main.c)
target_link_libraries(static robustipc::static)
END
  quietly cmake -S "$work/fetched" -B "$work/fetched/build" -DROBUSTIPC_TARGET="$TARGET"
  quietly cmake --build "$work/fetched/build"
  quietly "$work/fetched/build/shared"
  quietly "$work/fetched/build/static"
fi

if has meson && has ninja && has cargo; then
  project meson meson.build <<'END'
project('five', 'c')
robustipc = dependency('robustipc', fallback: ['robustipc', 'robustipc_dep'])
executable('five', 'main.c', dependencies: robustipc)
END
  mkdir "$work/meson/subprojects"
  ln -s "$root" "$work/meson/subprojects/robustipc"
  quietly env PKG_CONFIG_LIBDIR=/nonexistent meson setup "$work/meson/build" "$work/meson"
  quietly env CARGO_TARGET_DIR="$TARGET" ninja -C "$work/meson/build"
  quietly "$work/meson/build/five"
fi
