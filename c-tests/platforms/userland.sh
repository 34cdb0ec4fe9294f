# shellcheck shell=sh disable=SC2154 # packages.sh sets the folders
# For check.sh: the release library, and the C libraries of other Debian releases.

# A C compiler that builds for a Debian release's libc:  release_compiler FOLDER RELEASE [OPTION...]
# The system's compiler reads the release's headers and libraries, so what it links needs only that release's glibc.
release_compiler() {
  compiler=$platforms/$1-cc
  folder=$platforms/$1
  unpack "$folder" "libc6/$2" "libc6-dev/$2" "linux-libc-dev/$2" "libgcc-s1/$2"
  shift 2
  # gcc searches its own libc's folder before the sysroot's, but not before those of -L.
  places="-B$folder/usr/lib/x86_64-linux-gnu -L$folder/usr/lib/x86_64-linux-gnu -L$folder/lib/x86_64-linux-gnu"
  printf '#!/bin/sh\nexec %s --sysroot=%s %s "$@" %s\n' "$CC" "$folder" "$places" "$*" >"$compiler"
  chmod +x "$compiler"
  echo "$compiler"
}

# Builds the library as a release is built: linked with Debian 11's glibc 2.31, so that it loads there and on all newer ones.
release_library() {
  linker=$(release_compiler debian11 bullseye) || exit 1
  if ! CARGO_TARGET_DIR=$platforms/release CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=$linker \
    "$MAKE" --no-print-directory CC="$linker" "$platforms/release/stage/installed" >"$platforms/release.log" 2>&1; then
    cat "$platforms/release.log"
    fail "the release library cannot be built"
  fi
}

# Runs the tests of deaths with the release library and a release's libc:  userland PLATFORM RELEASE
userland() {
  log=$platforms/$1.log
  build=$platforms/$1-tests
  rm -rf "$build"
  release_library
  needed=$(mk/size.sh --glibc "$platforms/release/lib/librobustipc.so")
  [ "$(printf '%s\n2.31\n' "$needed" | sort -V | tail -n 1)" = 2.31 ] ||
    fail "the release library needs glibc $needed; expected 2.31 at most"
  release_compiler "$1" "$2" >/dev/null
  libraries=$platforms/$1/lib/x86_64-linux-gnu:$platforms/$1/usr/lib/x86_64-linux-gnu
  libc=$(find "$platforms/$1" -type f -name 'libc[.-]*so*' | grep -E '/libc(\.so\.6|-[0-9.]+\.so)$' | head -n 1)
  loader=$(find "$platforms/$1" -type f -name 'ld-*.so*' | grep -E '/ld-(linux-x86-64|[0-9.]+)\.so' | head -n 1)
  [ -n "$libc" ] && [ -n "$loader" ] || fail "no libc in Debian's package libc6 of $2"
  # --disable-new-dtags: the folder counts for what the library needs, too.
  compiler=$(release_compiler "$1" "$2" "-Wl,--dynamic-linker=$loader,--disable-new-dtags,-rpath,$libraries")
  owner_deaths | while read -r program; do
    name=${program#"$here/"}
    mkdir -p "$(dirname "$build/$name")"
    "$compiler" -std=c11 -D_GNU_SOURCE -O1 -Ic-tests/support -I"$platforms/release/stage/include" "c-tests/$name.c" \
      -o "$build/$name" -L"$platforms/release/stage/lib" -lrobustipc "-Wl,-rpath,$platforms/release/stage/lib" -pthread \
      -lrt >>"$build.log" 2>&1 || echo "cannot compile c-tests/$name.c" >&2
    echo "$build/$name"
  done >"$platforms/$1.list"
  xargs c-tests/run.sh <"$platforms/$1.list" >"$log" 2>&1 || true
  version=$(grep -a -m 1 -o 'stable release version [0-9.]*[0-9]' "$libc" | sed 's/.* //')
  report "$1" "$log" "release library, glibc $version, $(wc -l <"$platforms/$1.list") tests"
}
