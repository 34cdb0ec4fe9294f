#!/bin/sh
# Runs C test programs side by side and reports the results.
#
#   run.sh [--wrap COMMAND] PROGRAM...
#
# A program passes with status 0 and is skipped with status 77. It fails with any other status, or if it takes more than
# TEST_TIMEOUT seconds (300, so that a slow machine does not decide a result). The output of a failed program is shown.
# COMMAND, for example valgrind, is put before each program. The last line is: N passed, N failed, N skipped.
#
# TEST_JOBS programs run at once: by default two for each processor, because most tests wait more than they compute. The
# slowest ones, which slow.txt lists, begin first, so that none of them runs alone at the end. With TEST_TIMES=FILE, the
# seconds that each program took are written there, the longest first.
#
# A test that leaves something behind fails too. Root's tests get a /dev/shm, kernel queues and System V objects of
# their own, so everything left there belongs to them. An ordinary user's tests share these with other programs, so only
# names with a test's process id are known to be a test's. The tests always have a directory TMPDIR of their own.
set -u

if [ -z "${ROBUSTIPC_ALONE:-}" ] && [ "$(id -u)" = 0 ] &&
  unshare --mount --ipc mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
  ROBUSTIPC_ALONE=yes exec unshare --mount --ipc "$0" "$@"
fi

wrap=
if [ "${1:-}" = --wrap ]; then
  wrap=$2
  shift 2
fi
if [ $# -eq 0 ]; then
  echo "usage: run.sh [--wrap COMMAND] PROGRAM..." >&2
  exit 2
fi

results=$(mktemp -d) || exit 1
# The name is short, to leave room in a socket's path. The directory is open to the other users that tests become.
TMPDIR=$(mktemp -d /tmp/ripc-XXXXXX) && chmod 1777 "$TMPDIR" || exit 1
trap 'rm -rf "$results" "$TMPDIR"' EXIT
export results wrap TMPDIR
if [ -n "${ROBUSTIPC_ALONE:-}" ]; then
  mkdir "$results/mqueue"
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm && mount -t mqueue mqueue "$results/mqueue" || exit 1
  trap 'umount "$results/mqueue"; rm -rf "$results" "$TMPDIR"' EXIT
fi
: "${TEST_TIMEOUT:=300}"
export TEST_TIMEOUT

# Runs one program. Its output goes into a file of its own, and the file's name ends with the verdict.
run_one='
  name=$(echo "$1" | tr / _)
  # In 1/100 s. Not every date(1) knows nanoseconds: busybox does not.
  read -r begin rest </proc/uptime
  timeout -k 5 "$TEST_TIMEOUT" $wrap "$1" >"$results/$name.out" 2>&1 </dev/null
  status=$?
  read -r end rest </proc/uptime
  echo "$((${end%.*}${end#*.} - ${begin%.*}${begin#*.})) $1" >"$results/$name.time"
  case $status in
    0) verdict=passed ;;
    77) verdict=skipped ;;
    124 | 137) verdict=failed; echo "(timed out after $TEST_TIMEOUT s)" >>"$results/$name.out" ;;
    *) verdict=failed; echo "(status $status)" >>"$results/$name.out" ;;
  esac
  mv "$results/$name.out" "$results/$name.$verdict"
'
# The programs, with those that slow.txt lists first, in its order.
slowest_first() {
  awk 'NR == FNR { if (!/^#/ && NF) slow[++count] = $1; next }
    { all[++programs] = $0 }
    END {
      for (i = 1; i <= count; i++)
        for (j = 1; j <= programs; j++)
          if (!(j in begun) && ("/" all[j]) ~ ("/" slow[i] "(\\.sh|\\.test)?$")) { begun[j]; print all[j] }
      for (j = 1; j <= programs; j++) if (!(j in begun)) print all[j]
    }' "$(dirname "$0")/slow.txt" -
}
: "${TEST_JOBS:=$((2 * $(nproc)))}"
printf '%s\n' "$@" | slowest_first | xargs -n 1 -P "$TEST_JOBS" sh -c "$run_one" run_one
if [ -n "${TEST_TIMES:-}" ]; then
  cat "$results"/*.time | sort -rn | awk '{ printf "%7.1f %s\n", $1 / 100, $2 }' >"$TEST_TIMES"
fi

passed=0 failed=0 skipped=0
for program in "$@"; do
  name=$(echo "$program" | tr / _)
  shown=${program#"$PWD"/}
  if [ -e "$results/$name.passed" ]; then
    passed=$((passed + 1))
  elif [ -e "$results/$name.skipped" ]; then
    skipped=$((skipped + 1))
    echo "skip $shown: $(tail -n 1 "$results/$name.skipped")"
  else
    failed=$((failed + 1))
    echo "FAIL $shown"
    sed 's/^/    /' "$results/$name.failed"
  fi
done

leave() {
  failed=$((failed + 1))
  echo "FAIL left behind: $1"
}

# A name carries the process id of its test. If that process is over, the test has left the name behind. Other users'
# tests are not this run's: kill -0 cannot tell whether they run.
for left in /dev/shm/ripc-test-* /dev/shm/sem.ripc-test-*; do
  [ -e "$left" ] || [ -L "$left" ] || continue
  [ -O "$left" ] || continue
  pid=${left#*ripc-test-}
  pid=${pid%%[!0-9]*}
  if ! kill -0 "$pid" 2>/dev/null; then
    leave "$left"
    rm -rf "$left"
  fi
done
for left in "$TMPDIR"/ripc-test-*; do
  if [ -e "$left" ] || [ -L "$left" ]; then leave "$left"; fi
done
if [ -n "${ROBUSTIPC_ALONE:-}" ]; then
  {
    find /dev/shm "$results/mqueue" -mindepth 1
    for kind in shm msg sem; do
      awk -v kind=$kind 'NR > 1 { print "System V " kind " " $2 }' /proc/sysvipc/$kind
    done
  } >"$results/left"
  while read -r left; do leave "$left"; done <"$results/left"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
