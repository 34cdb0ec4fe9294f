#!/bin/sh
# Runs each program without and with the drop-in in turn, five times. Prints for each row the median times, the median
# of how many times as fast the drop-in was, and whether that reaches the goal. Writes the same figures to FILE as JSON.
#
#   compare.sh LIBRARY FILE PROGRAM...
set -eu
library=$1 file=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rounds=5
with="env LD_PRELOAD=$library"
for round in $(seq $rounds); do
  for program in "$@"; do
    # The order changes from round to round.
    if [ $((round % 2)) = 0 ]; then "$program" >>"$work/kernel"; fi
    $with "$program" >>"$work/shared"
    if [ $((round % 2)) = 1 ]; then "$program" >>"$work/kernel"; fi
  done
done
# The files of both runs have the same rows in each round. Two spaces before a row show that it belongs to the row
# above.
paste "$work/kernel" "$work/shared" | awk -F '\t' -v rounds=$rounds -v file="$file" '
  function median(values, n, i, j, t) {
    for (i = 2; i <= n; i++)
      for (j = i; j > 1 && values[j] < values[j - 1]; j--) { t = values[j]; values[j] = values[j - 1]; values[j - 1] = t }
    return values[int((n + 1) / 2)]
  }
  {
    name = $2
    if (name !~ /^  /) above = name
    else name = above "," substr(name, 2)
    if (!(name in count)) { order[++rows] = name; shown[name] = $2; wanted[name] = $1 }
    n = ++count[name]
    kernel[name, n] = $3; shared[name, n] = $6
  }
  END {
    printf "A plain <mqueue.h> program, in nanoseconds, medians of %d rounds:\n", rounds
    printf "  %-52s %10s %10s %7s\n", "", "kernel", "drop-in", "times"
    printf "{\"rounds\": %d, \"rows\": [", rounds > file
    for (row = 1; row <= rows; row++) {
      name = order[row]
      n = count[name]
      for (i = 1; i <= n; i++) { a[i] = kernel[name, i] + 0; b[i] = shared[name, i] + 0; c[i] = b[i] > 0 ? a[i] / b[i] : 0 }
      left = median(a, n); right = median(b, n); times = median(c, n)
      is_measured = kernel[name, 1] ~ /^[-0-9.]+$/ && shared[name, 1] ~ /^[-0-9.]+$/
      printf("%s\n  {\"what\": \"%s\", \"wanted\": %s, \"kernel_ns\": ", (row > 1 ? "," : ""), name, wanted[name]) > file
      if (wanted[name] == 0) {
        printf "  %-52s %10.1f %10.1f\n", shown[name], left, right
        printf "%.1f, \"shared_ns\": %.1f, \"times\": null}", left, right > file
        continue
      }
      if (!is_measured) {
        printf "  %-52s %10s %10.1f          (kernel: %s)\n", shown[name], "-", right, kernel[name, 1]
        printf "null, \"shared_ns\": %.1f, \"times\": null}", right > file
        continue
      }
      # A difference of at most 3 % counts as no slower.
      is_met = times >= (wanted[name] == 1 ? 0.97 : wanted[name])
      aim = wanted[name] == 1 ? "no slower" : sprintf("at least %gx", wanted[name])
      printf "  %-52s %10.1f %10.1f %7.2f  %s: %s\n", shown[name], left, right, times, aim, is_met ? "met" : "MISSED"
      printf("%.1f, \"shared_ns\": %.1f, \"times\": %.3f, \"met\": %s}", left, right, times, (is_met ? "true" : "false")) > file
      met += is_met; judged++
    }
    printf "\n]}\n" > file
    printf "  %d of %d as wanted\n", met, judged
  }'
