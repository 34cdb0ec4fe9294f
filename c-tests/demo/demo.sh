#!/bin/sh
# The main job, shown: a producer and a consumer share a typed struct. The producer is killed with
# SIGKILL while it holds the lock and the struct is half-written; the consumer notices, repairs
# and goes on; a new producer continues the sequence. Takes about five seconds.
#
#   demo.sh DIRECTORY    where the programs producer and consumer are
set -eu

programs=$1
name=/robustipc-demo-$$
scratch=$(mktemp -d)
producer='' consumer=''

clean_up() {
  status=$?
  trap - EXIT
  for process in $producer $consumer; do kill -9 "$process" 2>/dev/null || true; done
  rm -rf "$scratch" "/dev/shm$name"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

mkfifo "$scratch/lines"
"$programs/consumer" "$name" 45 >"$scratch/lines" &
consumer=$!
"$programs/producer" "$name" 20 &
producer=$!

# What the consumer prints is what drives the show.
while read -r line; do
  echo "$line"
  case $line in
    "sample 19:"*)
      until grep -q '^State:.T' "/proc/$producer/status"; do sleep 0.01; done
      echo "producer $producer stands still, holding the lock, sample 20 half-written: kill -9"
      kill -9 "$producer"
      wait "$producer" 2>/dev/null || true
      producer=
      ;;
    *"thrown away"*)
      "$programs/producer" "$name" &
      producer=$!
      echo "a new producer runs: $producer"
      ;;
  esac
done <"$scratch/lines"

wait "$consumer"
consumer=
kill -TERM "$producer"
wait "$producer"
producer=
if [ -e "/dev/shm$name" ]; then
  echo "demo: /dev/shm$name was left behind" >&2
  exit 1
fi
