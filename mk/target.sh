#!/bin/sh
# Prints the name that cargo has for the machine of a C compiler:  target.sh COMPILER [OPTION...]
#
# The compiler's predefined macros decide, because its name differs between Debian, Buildroot, Yocto and others.
set -eu

macros=$(echo '#include <features.h>' | "$@" -dM -E -x c - 2>/dev/null) || {
  echo "robustipc: $*: the compiler does not run, or finds no C library" >&2
  exit 1
}
is_defined() {
  printf '%s\n' "$macros" | grep -q "^#define $1\( \|\$\)"
}
unsupported() {
  echo "robustipc: $*: supported are x86-64, i686, aarch64, ARMv7 with hard float and riscv64, with little-endian data" >&2
  exit 1
}

libc=musl
if is_defined __GLIBC__; then libc=gnu; fi
if is_defined __UCLIBC__; then unsupported "uClibc"; fi
if is_defined __BIG_ENDIAN__ || is_defined __ARMEB__ || is_defined __AARCH64EB__; then unsupported "big-endian data"; fi

if is_defined __x86_64__ && is_defined __ILP32__; then unsupported "x32"
elif is_defined __x86_64__; then echo "x86_64-unknown-linux-$libc"
elif is_defined __i386__; then echo "i686-unknown-linux-$libc"
elif is_defined __aarch64__ && ! is_defined __ILP32__; then echo "aarch64-unknown-linux-$libc"
elif is_defined __arm__ && is_defined __ARM_PCS_VFP; then echo "armv7-unknown-linux-${libc}eabihf"
elif is_defined __riscv && [ "$(printf '%s\n' "$macros" | awk '$2 == "__riscv_xlen" { print $3 }')" = 64 ]; then
  echo "riscv64gc-unknown-linux-$libc"
else
  unsupported "the machine of $*"
fi
