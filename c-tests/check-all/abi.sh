#!/bin/sh
# C programs are built against the committed interface: the size and offset of every field, the type of every argument
# and the value of every constant are those of abi.xml.
. "$(dirname "$0")/../support/script.sh"

"$root/c-tests/support/abi.sh" "$STAGE/include/robustipc.h" "$work/librobustipc.so" "librobustipc.so.$soversion"
abidiff --no-show-locs "$root/abi.xml" "$work/librobustipc.so" >&2 ||
  fail "the interface is not that of abi.xml: if that is meant, run make abi and commit it"

# The committed description lists what the library exports; an empty one would differ from nothing.
# Calls that only the private header declares are no part of the interface.
for name in $(sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' "$root/include/robustipc.h"); do
  grep -q "elf-symbol name='$name'" "$root/abi.xml" || fail "abi.xml lacks $name: run make abi and commit it"
done
grep -q "<class-decl name='ipc_type_t'" "$root/abi.xml" || fail "abi.xml lacks the types"
