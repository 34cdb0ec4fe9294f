#!/bin/sh
# The programs in the README and on the man pages compile as they are printed; the README's also runs.
# A page's programs stand between .Bd and .Ed (or .nf and .fi, .EX and .EE). A block is a program if it has a main
# function or the comment  /* example */.
. "$(dirname "$0")/../support/script.sh"

# shellcheck disable=SC2046
compile() {
  quietly $CC -std=c11 -D_GNU_SOURCE $warnings $(staged --cflags) "$1" -o "$2" $(staged --libs) -pthread
}

"$root/c-tests/support/block.sh" c "$root/README.md" >"$work/readme.c"
lines=$(wc -l <"$work/readme.c")
[ "$lines" -le 25 ] || fail "the README's example has $lines lines; expected at most 25"
compile "$work/readme.c" "$work/readme"
# It runs twice, once to create its object and once to find it, under a name of its own.
sed "s|\"/[^\"]*\"|\"/ripc-test-$$-readme\"|" "$work/readme.c" >"$work/named.c"
compile "$work/named.c" "$work/named"
trap 'rm -rf "$work" "/dev/shm/ripc-test-$$-readme"' EXIT
for count in 1 2; do
  found=$(LD_LIBRARY_PATH=$STAGE/lib "$work/named") || fail "the README's example fails"
  expect "the count of the README's example" "$count samples" "${found%,*}"
done

for page in "$root"/man/*.[0-9]; do
  mkdir -p "$work/page"
  rm -f "$work"/page/*
  # Escapes become characters of C: \e and \\ are a backslash, \- is a minus, \(dq and \(aq are quotes, \& is nothing.
  awk -v directory="$work/page" '
    /^\.(Bd|nf|EX)/ { in_block = 1; text = ""; next }
    /^\.(Ed|fi|EE)/ {
      in_block = 0
      if (text ~ /\/\* example \*\// || text ~ /int main\(/) printf "%s", text > (directory "/" ++count ".c")
      next
    }
    in_block {
      gsub(/\\&/, "")
      gsub(/\\-/, "-")
      gsub(/\\\(dq/, "\"")
      gsub(/\\\(aq/, "\047")
      gsub(/\\[e\\]/, "\\")
      text = text $0 "\n"
    }
  ' "$page"
  case $page in
    */ipc_*) [ -e "$work/page/1.c" ] || fail "$(basename "$page") has no example" ;;
  esac
  for example in "$work"/page/*.c; do
    [ -e "$example" ] || continue
    compile "$example" "$work/page/program"
  done
done
