#!/bin/sh
# Builds and runs the tests for other platforms, one after the other, and prints one line for each:
#
#   check.sh PLATFORM...
#
# A platform has failed if its line has failures or says "no result": its tools are missing, its programs cannot be built, or the
# run did not come to its end. The next platform runs all the same.
#
# make builds the library and the tests of this machine first. The rest comes from Debian, through packages.sh, and stays
# in target/platforms. docs/platforms.md has the table of the platforms.
. "$(dirname "$0")/packages.sh"
. "$(dirname "$0")/vm.sh"
. "$(dirname "$0")/userland.sh"
. "$(dirname "$0")/cross.sh"
cd "$root"
mkdir -p "$platforms/kernels"
: "${CC:=cc}" "${PKG_CONFIG:=pkg-config}"
here=$TARGET/c-tests
slow='/killed_at_every_instruction$|/system_call_fails$|/handler_anywhere$|/no_memory$'

# The tests in which a process dies, or a lock's owner goes otherwise: their programs on this machine, built or not.
owner_deaths() {
  grep -E '/(general|mutex|rwlock|cond|permits|barrier|once|sem|mq)/' "$platforms/tests" | grep -v /shared/ |
    grep -E 'killed|owner_|holder_|death' | grep -vE "$slow|holder_jumps" | sort
}

# Prints a platform's line, and the failures before it:  report PLATFORM LOG HOW
report() {
  summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$2" | tail -n 1)
  case $summary in
    *", 0 failed, "*) grep '^skip' "$2" || true ;;
    *)
      sed 's/^/    /' "$2"
      summary="${summary:-no result}"
      status=1
      ;;
  esac
  echo "$1: $summary ($3, $(($(date +%s) - started)) s)"
}

oldkernel() {
  log=$platforms/oldkernel.log
  # shellcheck disable=SC2046 # names of tests have no spaces
  c-tests/run.sh --wrap "$here/platforms/oldkernel" "$here/platforms/old_kernel_refuses" $(cat "$platforms/tests") >"$log" 2>&1 || true
  report oldkernel "$log" "seccomp as on Linux 5.4, all C tests"
}

# vm PLATFORM MACHINE META-PACKAGE LIBRARIES BUILD SECONDS
vm() {
  need "qemu-system-$(qemu_of "$2"):qemu-system" cpio:cpio strip:binutils timeout:coreutils
  log=$platforms/$1.log
  kernel=$(fetch_kernel "$1" "$3")
  version=$(cat "$kernel.version")
  make_initramfs "$platforms/$1.cpio" "$2" "$4" "$5" "$platforms/$1.list"
  boot "$2" "$kernel" "$platforms/$1.cpio" "$6" >"$log" || true
  rm -f "$platforms/$1.cpio"
  report "$1" "$log" "qemu, Linux $version, $(wc -l <"$platforms/$1.list") tests"
}

qemu_of() {
  case $1 in amd64) echo x86_64 ;; arm64) echo aarch64 ;; armhf) echo arm ;; *) echo "$1" ;; esac
}

# The folder in which this machine's compiler finds its libc.
libc_folder() {
  dirname "$($CC -print-file-name=libc.so.6)"
}

# The names of the tests, below a build's folder c-tests:  tests_of all|no-c++|deaths
tests_of() {
  case $1 in
    all) cat "$platforms/tests" ;;
    no-c++) while read -r program; do
      name=${program#"$here/"}
      [ -e "c-tests/${name%.test}.cpp" ] || echo "$program"
    done <"$platforms/tests" ;;
    deaths) owner_deaths ;;
  esac | sed "s|^$here/||"
}

# A platform whose programs run on this machine's kernel:  native PLATFORM TRIPLE COMPILER STRIP TESTS HOW [MAKE-ARGUMENT...]
native() {
  platform=$1 log=$platforms/$1.log which=$5 how=$6
  triple=$2 compiler=$3 stripper=$4
  shift 6
  if cross_build "$platform" "$triple" "$compiler" "$stripper" "$which" "$@" >"$log" 2>&1; then
    tests_of "$which" | sed "s|^|$platforms/$platform/c-tests/|" | xargs c-tests/run.sh >"$log" 2>&1 || true
  fi
  report "$platform" "$log" "$how, all C tests"
}

# The conformance set on the drop-in of the platform that was built last, with each size that a time has there:
#   drop_in [MAKE-ARGUMENT...]
drop_in() {
  log=$platforms/$platform-exports.log
  STAGE=$platforms/$platform/stage c-tests/run.sh "$root/c-tests/check/posix_exports.sh" >"$log" 2>&1 || true
  report "$platform" "$log" "the drop-in's exports"
  for defines in "" "-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64"; do
    log=$platforms/$platform-posix.log
    cross_make "$platform" "$triple" "$compiler" "$stripper" "$@" "POSIX_DEFINES=$defines" \
      "POSIX_TESTS=$platforms/$platform/posix${defines:+-time64}" check-posix-shared >"$log" 2>&1 || true
    report "$platform" "$log" "the conformance set on the drop-in, ${defines:-times of 32 bits}"
  done
}

# A platform that boots in a virtual machine:
#   emulated PLATFORM MACHINE META-PACKAGE TRIPLE COMPILER STRIP LIBRARIES TESTS SECONDS [MAKE-ARGUMENT...]
emulated() {
  platform=$1 machine=$2 meta=$3 triple=$4 compiler=$5 stripper=$6 libraries=$7 which=$8 seconds=$9
  shift 9
  if cross_build "$platform" "$triple" "$compiler" "$stripper" "$which" "$@" >"$platforms/$platform.log" 2>&1; then
    tests_of "$which" | grep -vE "$slow" | sed "s|^|$platforms/$platform/c-tests/|" >"$platforms/$platform.list"
    OBJECT_STRIP=$stripper
    vm "$platform" "$machine" "$meta" "$libraries" "$platforms/$platform" "$seconds"
  else
    report "$platform" "$platforms/$platform.log" "cross build"
  fi
}

kernel_here() {
  owner_deaths >"$platforms/$1.list"
  vm "$1" amd64 "$2" "$(libc_folder)" "$TARGET" 1200
}

# A process for each platform: its failure, also a missing tool, leaves the others alone.
if [ $# -ne 1 ]; then
  failures=0
  for platform; do "$0" "$platform" || failures=$((failures + 1)); done
  exit $((failures != 0))
fi
status=0
platform=$1 started=$(date +%s)
case $platform in
  oldkernel) oldkernel ;;
  linux-5.10) kernel_here linux-5.10 linux-image-amd64/bullseye ;;
  preempt-rt) kernel_here preempt-rt linux-image-rt-amd64/bookworm ;;
  debian11) userland debian11 bullseye ;;
  debian13) userland debian13 trixie ;;
  i686)
    need i686-linux-gnu-gcc:gcc-i686-linux-gnu i686-linux-gnu-g++:g++-i686-linux-gnu
    compiler=$(with_loader i686-linux-gnu-gcc /usr/i686-linux-gnu/lib ld-linux.so.2)
    cxx=$(with_loader i686-linux-gnu-g++ /usr/i686-linux-gnu/lib ld-linux.so.2)
    native i686 i686-unknown-linux-gnu "$compiler" i686-linux-gnu-strip all "glibc, 32 bits" "CXX=$cxx"
    drop_in "CXX=$cxx"
    ;;
  x86_64-musl)
    need musl-gcc:musl-tools
    compiler=$(musl_compiler x86_64 gcc)
    native x86_64-musl x86_64-unknown-linux-musl "$compiler" strip no-c++ "musl, static" DROP_IN=no "CFLAGS=-O1 -static" \
      "PKG_CONFIG=$PKG_CONFIG --static"
    ;;
  aarch64)
    need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
    emulated aarch64 arm64 linux-image-arm64:arm64/bookworm aarch64-unknown-linux-gnu aarch64-linux-gnu-gcc \
      aarch64-linux-gnu-strip /usr/aarch64-linux-gnu/lib deaths 1200
    ;;
  armv7)
    need arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf
    emulated armv7 armhf linux-image-armmp:armhf/bookworm armv7-unknown-linux-gnueabihf arm-linux-gnueabihf-gcc \
      arm-linux-gnueabihf-strip /usr/arm-linux-gnueabihf/lib deaths 1200
    ;;
  riscv64)
    need riscv64-linux-gnu-gcc:gcc-riscv64-linux-gnu
    emulated riscv64 riscv64 linux-image-riscv64:riscv64/trixie riscv64gc-unknown-linux-gnu riscv64-linux-gnu-gcc \
      riscv64-linux-gnu-strip /usr/riscv64-linux-gnu/lib deaths 1200
    ;;
  aarch64-musl)
    need aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu musl-gcc:musl-tools
    compiler=$(musl_compiler aarch64 aarch64-linux-gnu-gcc)
    emulated aarch64-musl arm64 linux-image-arm64:arm64/bookworm aarch64-unknown-linux-musl "$compiler" \
      aarch64-linux-gnu-strip none deaths 1200 DROP_IN=no "CFLAGS=-O1 -static" "PKG_CONFIG=$PKG_CONFIG --static"
    ;;
  *) fail "no such platform: $platform" ;;
esac
exit $status
