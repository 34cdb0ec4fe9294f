#!/bin/sh
# The manual is well-formed and complete: mandoc finds nothing to warn about, and every call is found
# under its own name, and in the synopsis of the page.
. "$(dirname "$0")/../support/script.sh"

mandoc -T lint -W warning "$root"/man/*.[0-9] >&2 || fail "mandoc warns"
for name in $(cat "$root/exports.txt"); do
  page=
  for candidate in "$root"/man/*.3; do
    if [ "$(basename "$candidate" .3)" = "$name" ] || "$root/man/names.sh" "$candidate" | grep -qx "$name"; then
      page=$candidate
    fi
  done
  [ -n "$page" ] || fail "no page in man/ has $name in its NAME"
  mandoc -T ascii "$page" | sed "s/.$(printf '\b')//g" | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | grep -qw "$name" ||
    fail "the synopsis of $(basename "$page") lacks $name"
done
# Nor does it promise what the library lacks.
for page in "$root"/man/ipc_*.3; do
  for name in $("$root/man/names.sh" "$page"); do
    grep -qx "$name" "$root/exports.txt" || fail "$(basename "$page") describes $name, which is not exported"
  done
done
