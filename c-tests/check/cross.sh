#!/bin/sh
# CROSS_COMPILE chooses the compilers, the strip program, cargo's target and cargo's linker. mk/target.sh finds the target by
# the compiler's macros. A prefix without a compiler, and a machine that is not supported, fail with one line that says so.
. "$(dirname "$0")/../support/script.sh"
cd "$root"

# Compilers that are not installed are left out.
while read -r compiler target; do
  has "$compiler" || continue
  expect "$compiler" "$target" "$(mk/target.sh "$compiler")"
done <<'END'
aarch64-linux-gnu-gcc aarch64-unknown-linux-gnu
arm-linux-gnueabihf-gcc armv7-unknown-linux-gnueabihf
riscv64-linux-gnu-gcc riscv64gc-unknown-linux-gnu
i686-linux-gnu-gcc i686-unknown-linux-gnu
musl-gcc x86_64-unknown-linux-musl
END
expect "this machine" "$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')" "$(mk/target.sh "$CC")"
expect "with options" "$(mk/target.sh "$CC")" "$(mk/target.sh "$CC" -O2)"

# A toolchain of one's own: the prefix may be a path.
mkdir "$work/bin"
for tool in gcc g++ strip; do
  printf '#!/bin/sh\nexec %s "$@"\n' "$CC" >"$work/bin/my-$tool"
  chmod +x "$work/bin/my-$tool"
done
cat >"$work/print.mk" <<'END'
include Makefile
print:
	@echo "$(CC) $(CXX) $(STRIP) $(CARGO_BUILD_TARGET) $(CARGO_TARGET_$(CARGO_TARGET_NAME)_LINKER)"
END
prefix=$work/bin/my-
target=$(mk/target.sh "$CC")
found=$(env -u CC -u CXX -u STRIP -u CARGO_BUILD_TARGET "$MAKE" -s -f "$work/print.mk" print CROSS_COMPILE="$prefix")
expect "CROSS_COMPILE" "${prefix}gcc ${prefix}g++ ${prefix}strip $target ${prefix}gcc" "$found"

found=$(env -u CC -u CARGO_BUILD_TARGET "$MAKE" -s -f "$work/print.mk" print CROSS_COMPILE="$work/none-" 2>&1) &&
  fail "a prefix without a compiler is accepted"
case $found in
  *"robustipc: CROSS_COMPILE=$work/none- names no compiler"*) ;;
  *) fail "unclear: $found" ;;
esac
printf '#!/bin/sh\necho "#define __GLIBC__ 2"; echo "#define __mips__ 1"\n' >"$work/bin/my-gcc"
found=$(mk/target.sh "$work/bin/my-gcc" 2>&1) && fail "an unknown machine is accepted: $found"
case $found in
  *"supported are x86-64"*) ;;
  *) fail "unclear: $found" ;;
esac
