#!/bin/sh
# ThreadSanitizer reports nothing about two threads that only this library orders, whatever they use of it and whether
# they link the shared or the static library. It still reports a real race of theirs.
. "$(dirname "$0")/../support/script.sh"

echo 'int main(void) { return 0; }' >"$work/empty.c"
$CC -fsanitize=thread "$work/empty.c" -o "$work/empty" 2>/dev/null && "$work/empty" 2>/dev/null ||
  skip "this compiler has no ThreadSanitizer that runs here"

compile() {
  # shellcheck disable=SC2086 # the flags are split on purpose
  quietly $CC -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=thread -I"$root/c-tests/support" $1 "$root/c-tests/support/race.c" \
    -o "$work/$2" $3 -pthread
}
compile "$(staged --cflags)" shared "$(staged --libs)"
compile "$(staged --cflags)" static "-Wl,-Bstatic $(staged --libs --static | sed 's/-lrobustipc/& -Wl,-Bdynamic/')"

export LD_LIBRARY_PATH="$STAGE/lib"
for program in "$work/shared" "$work/static"; do
  status=0
  "$program" nothing >"$work/report" 2>&1 || status=$?
  expect "the status for a real race" 66 "$status"
  quietly grep "WARNING: ThreadSanitizer: data race" "$work/report"
  for way in $("$program" --list); do quietly "$program" "$way"; done
done
