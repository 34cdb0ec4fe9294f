#!/bin/sh
# Runs the conformance tests for <mqueue.h> and the programs from documents, and reports their results.
#
#   run.sh [--preload LIBRARY [--differences FILE]] DIRECTORY
#
# DIRECTORY holds the compiled programs: plain/ and fortified/ those of c-tests/posix/*.c, documents/ those of
# c-tests/posix/documents/. They run on the kernel's queues, or with LIBRARY preloaded on those of that library.
# FILE names the tests that LIBRARY is known not to pass; these are skipped. Each test is a process of its own.
# First, assertions.txt is compared with the programs: each assertion needs a test, and each test an assertion. The
# last line of the output is that of ../run.sh.
set -u

preload=
if [ "${1:-}" = --preload ]; then
  # The dynamic linker only warns if the library is missing.
  preload=$(realpath -e "$2") || exit 2
  shift 2
  # The drop-in has to find librobustipc.so beside itself.
  unset LD_LIBRARY_PATH
fi
differences=/dev/null
if [ "${1:-}" = --differences ]; then
  differences=$(realpath -e "$2") || exit 2
  shift 2
fi
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
  echo "usage: run.sh [--preload LIBRARY [--differences FILE]] DIRECTORY" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The table has three columns, and each id once.
grep -v -e '^#' -e '^$' "$here/assertions.txt" >"$work/assertions"
if ! awk '
  NF < 3 { print "assertions.txt: not three columns: " $0; bad = 1 }
  seen[$1]++ { print "assertions.txt: the id " $1 " appears twice"; bad = 1 }
  END { exit bad }' "$work/assertions" >&2; then
  exit 1
fi
awk '{ print $2 }' "$work/assertions" | LC_ALL=C sort -u >"$work/asserted"

# ../run.sh runs one script for each test. The library is preloaded into the program only.
script() {
  mkdir -p "$(dirname "$work/$1")"
  printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
  chmod +x "$work/$1"
  echo "$1" >>"$work/tests"
}
with=${preload:+env LD_PRELOAD=$preload }

for kind in plain fortified; do
  for source in "$here"/*.c; do
    program=$(basename "$source" .c)
    if ! names=$("$programs/$kind/$program"); then
      echo "$kind/$program does not list its tests" >&2
      exit 1
    fi
    for name in $names; do
      echo "$program.$name" >>"$work/found.$kind"
      reason=$(sed -n "s/^$program\.$name  *//p" "$differences")
      if [ -n "$reason" ]; then
        script "$kind/$program.$name" "echo 'skipped: $reason'; exit 77"
        continue
      fi
      script "$kind/$program.$name" "exec $with'$programs/$kind/$program' $name"
    done
  done
  LC_ALL=C sort -o "$work/found.$kind" "$work/found.$kind"
  # comm prints the lines that only one of the two files has.
  LC_ALL=C comm -3 "$work/asserted" "$work/found.$kind" >"$work/difference"
  if [ -s "$work/difference" ]; then
    sed -e "s/^[^[:blank:]].*/assertions.txt names a test that $kind lacks: &/" \
      -e 's/^[[:blank:]]/a test without an assertion in assertions.txt: /' "$work/difference" >&2
    exit 1
  fi
done

for source in "$here"/documents/*.c "$here"/documents/*.cpp; do
  [ -e "$source" ] || continue
  base=${source%.*}
  program=$(basename "$base")
  mkdir -p "$work/documents/programs"
  printf '#!/bin/sh\nexec %s"%s" "$@"\n' "$with" "$programs/documents/$program" >"$work/documents/programs/$program"
  chmod +x "$work/documents/programs/$program"
  script "documents/$program" "exec '$here/../ported.sh' '$base' '$work/documents/programs/$program'"
done

cd "$work" || exit 1
echo "$(wc -l <"$work/assertions") assertions, on ${preload:-the kernel}"
xargs "$here/../run.sh" <"$work/tests"
