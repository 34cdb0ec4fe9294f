#!/bin/sh
# The manual is well-formed and complete: mandoc has no warning; every call is found under its own name and stands in
# the synopsis of its page; the page has each error of the call's comment in the header; and all pages have the same
# sections.
. "$(dirname "$0")/../support/script.sh"

mandoc -T lint -W warning "$root"/man/*.[0-9] >&2 || fail "mandoc warns"

# Reports everything that is missing in one run.
complain() {
  echo "$*" >&2
  faults=1
}
faults=0

# Calls that only the private header declares have no page.
sed -n 's/^[a-z].*[ *]\(ipc_[a-z0-9_]*\)(.*/\1/p' "$root/include/robustipc.h" >"$work/public"
while read -r name; do
  page=
  for candidate in "$root"/man/*.3; do
    if [ "$(basename "$candidate" .3)" = "$name" ] || "$root/man/names.sh" "$candidate" | grep -qx "$name"; then
      page=$candidate
    fi
  done
  if [ -z "$page" ]; then
    complain "no page in man/ has $name in its NAME"
  elif ! mandoc -T ascii "$page" | sed "s/.$(printf '\b')//g" | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
    grep -w "$name" >/dev/null; then
    complain "the synopsis of $(basename "$page") lacks $name"
  fi
done <"$work/public"

# "CALL ERROR" for each error that the comment before each call's declaration lists.
awk '
  /^\/\*/ { comment = "" }
  { comment = comment $0 "\n" }
  /^[a-z].*ipc_[a-z0-9_]+\(/ {
    match($0, /ipc_[a-z0-9_]+\(/)
    call = substr($0, RSTART, RLENGTH - 1)
    errors = index(comment, " Errors")
    comment = errors ? substr(comment, errors) : ""
    while (match(comment, /-E[A-Z0-9][A-Z0-9]+/)) {
      print call, substr(comment, RSTART, RLENGTH)
      comment = substr(comment, RSTART + RLENGTH)
    }
  }
' "$root/include/robustipc.h" | sort -u >"$work/errors"
[ "$(wc -l <"$work/errors")" -gt 500 ] || fail "the header's errors are not found"
for page in "$root"/man/ipc_*.3; do
  sed -n '/^\.Sh ERRORS/,/^\.Sh SIGNALS/p' "$page" >"$work/described"
  for name in $(basename "$page" .3) $("$root/man/names.sh" "$page"); do
    sed -n "s/^$name -//p" "$work/errors" | while read -r error; do
      grep -qw "$error" "$work/described" || echo "$(basename "$page") has no -$error, which $name can return"
    done
  done
done >"$work/missing"
[ ! -s "$work/missing" ] || complain "$(cat "$work/missing")"

# All pages have the sections of ipc_mutex(3) in its order; a page may have more sections between them.
sections=$(grep '^\.Sh' "$root/man/ipc_mutex.3")
for page in "$root"/man/ipc_*.3; do
  [ "$(grep '^\.Sh' "$page" | grep -Fx "$sections")" = "$sections" ] ||
    complain "$(basename "$page") has other sections than ipc_mutex.3"
done

# No page describes a call that the library lacks, and no page refers to a page that does not exist.
for page in "$root"/man/ipc_*.3; do
  for name in $("$root/man/names.sh" "$page"); do
    grep -qx "$name" "$root/exports.txt" || complain "$(basename "$page") describes $name, which is not exported"
  done
done
for page in "$root"/man/*.[0-9]; do
  for name in $(sed -n 's/^\.Xr \(ipc_[a-z0-9_]*\) .*/\1/p' "$page" | sort -u); do
    [ -e "$root/man/$name.3" ] || grep -qx "$name" "$root/exports.txt" ||
      complain "$(basename "$page") refers to $name(3), which is not there"
  done
done
[ "$faults" -eq 0 ] || fail "the manual is not complete"
