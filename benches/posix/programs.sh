#!/bin/sh
# Runs programs that others wrote without and with the drop-in in turn, five times, and prints the medians: stress-ng's
# --mq (Debian's stress-ng) and pmqtest (Debian's rt-tests). A program that is not installed is left out.
#
#   programs.sh LIBRARY
set -eu
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=5

# Operations a second, all instances together, in the time that passed.
stress() { "$@" stress-ng --mq "$instances" --timeout 2 --metrics-brief 2>&1 | awk '/ mq  */ { print $9 }'; }
# The mean latency in microseconds, over all pairs of threads.
latency() {
  # shellcheck disable=SC2086 # the options are several words
  "$@" pmqtest $options -q 2>&1 | tr ',' '\n' | awk '/ Avg / { sum += $2; n++ } END { if (n) print sum / n }'
}

# measure FUNCTION NAME: the order changes from round to round.
measure() {
  for round in $(seq $rounds); do
    if [ $((round % 2)) = 0 ]; then "$1" env >>"$work/$2.kernel"; fi
    "$1" env LD_PRELOAD="$library" >>"$work/$2.shared"
    if [ $((round % 2)) = 1 ]; then "$1" env >>"$work/$2.kernel"; fi
  done
}

median() { sort -g "$1" | sed -n "$(((rounds + 1) / 2))p"; }

# report NAME WHAT UNIT GOAL: the drop-in's figure divided by the kernel's.
report() {
  echo "$(median "$work/$1.kernel") $(median "$work/$1.shared")" | awk -v what="$2" -v unit="$3" -v goal="$4" '
    NF == 2 { printf "  %-44s %12.1f %12.1f %8.2f  %s; %s\n", what, $1, $2, $2 / $1, unit, goal }
    NF != 2 { printf "  %-44s could not be measured\n", what }'
}

printf 'Programs that others wrote, medians of %d rounds:\n  %-44s %12s %12s %8s\n' $rounds "" kernel drop-in ratio
if command -v stress-ng >/dev/null; then
  for instances in 1 4; do
    measure stress "stress$instances"
    report "stress$instances" "stress-ng --mq $instances" "operations a second" "the goal is 1 or more"
  done
else
  echo "  stress-ng is not installed"
fi
if command -v pmqtest >/dev/null; then
  options="-S -p 80 -i 500 -l 1000"
  measure latency bound
  report bound "pmqtest -S -p 80, pairs on one processor" "microseconds" "the goal is 1.2 or less"
  options="-p 80 -i 500 -l 1000"
  measure latency free
  report free "pmqtest -p 80" "microseconds" "the goal is 0.5 or less"
else
  echo "  pmqtest is not installed"
fi
