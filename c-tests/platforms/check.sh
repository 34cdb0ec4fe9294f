#!/bin/sh
# Builds and runs the tests for other platforms, one after the other, and prints one line for each:
#
#   check.sh PLATFORM...
#
# make builds the library and the tests of this machine first. The rest comes from Debian, through packages.sh, and stays
# in target/platforms. docs/platforms.md has the table of the platforms.
. "$(dirname "$0")/packages.sh"
. "$(dirname "$0")/vm.sh"
. "$(dirname "$0")/userland.sh"
cd "$root"
mkdir -p "$platforms/kernels"
: "${CC:=cc}" "${PKG_CONFIG:=pkg-config}"
here=$TARGET/c-tests
slow='/killed_at_every_instruction$|/system_call_fails$|/handler_anywhere$|/no_memory$'

# The tests of a build in which a process dies, or a lock's owner goes otherwise.
owner_deaths() {
  find "$1/c-tests" -type f -perm -100 -path "$1/c-tests/[a-z]*/*" | grep -E '/(general|mutex|rwlock|cond|permits|barrier|once|sem|mq)/' |
    grep -vE '/(valgrind|sanitized|shared)/' | grep -E 'killed|owner_|holder_|death' | grep -vE "$slow|holder_jumps" | sort
}

# Prints a platform's line, and the failures before it:  report PLATFORM LOG HOW
report() {
  summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$2" | tail -n 1)
  case $summary in
    *", 0 failed, "*) grep '^skip' "$2" || true ;;
    *)
      sed 's/^/    /' "$2"
      summary="${summary:-no result}"
      failures=$((failures + 1))
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

kernel_here() {
  owner_deaths "$TARGET" >"$platforms/$1.list"
  vm "$1" amd64 "$2" "$(libc_folder)" "$TARGET" 1200
}

failures=0
for platform in "$@"; do
  started=$(date +%s)
  case $platform in
    oldkernel) oldkernel ;;
    linux-5.10) kernel_here linux-5.10 linux-image-amd64/bullseye ;;
    preempt-rt) kernel_here preempt-rt linux-image-rt-amd64/bookworm ;;
    debian11) userland debian11 bullseye ;;
    debian13) userland debian13 trixie ;;
    *) fail "no such platform: $platform" ;;
  esac
done
[ "$failures" -eq 0 ]
