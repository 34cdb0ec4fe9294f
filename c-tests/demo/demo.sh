#!/bin/sh
# The main job, shown: a producer and a consumer share a typed struct. The producer is killed with
# SIGKILL while it holds the lock and the struct is half-written; the consumer notices, repairs
# and goes on; a new producer continues the sequence. Then jobs go through a message queue: their
# sender has ended, a worker is killed with a job in its hands, and the next does this one and the
# rest. Takes about five seconds.
#
#   demo.sh DIRECTORY    where the programs producer, consumer and worker are
set -eu

programs=$1
name=/robustipc-demo-$$
queue=$name-jobs
scratch=$(mktemp -d)
producer='' consumer='' worker=''

clean_up() {
  status=$?
  trap - EXIT
  for process in $producer $consumer $worker; do kill -9 "$process" 2>/dev/null || true; done
  rm -rf "$scratch" "/dev/shm$name" "/dev/shm$queue"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

await_stop() {
  until grep -q '^State:.[TZ]' "/proc/$1/status"; do sleep 0.01; done
}

mkfifo "$scratch/lines"
"$programs/consumer" "$name" 45 >"$scratch/lines" &
consumer=$!
"$programs/producer" "$name" 20 &
producer=$!

# Beside the consumer, which may be behind by then, and get no further: the lock is held.
{
  await_stop "$producer"
  echo "producer $producer stands still, holding the lock, sample 20 half-written: kill -9"
  kill -9 "$producer"
} &
watcher=$!

# What the consumer prints is what drives the rest of the show.
while read -r line; do
  echo "$line"
  case $line in
    *"thrown away"*)
      wait "$watcher"
      wait "$producer" 2>/dev/null || true
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

"$programs/worker" "$queue" send 6
echo "6 jobs wait in a message queue; who sent them has ended"
"$programs/worker" "$queue" work 3 &
worker=$!
await_stop "$worker"
echo "worker $worker stands still with job 3 in its hands: kill -9"
kill -9 "$worker"
wait "$worker" 2>/dev/null || true
worker=
"$programs/worker" "$queue" work

for left in "$name" "$queue"; do
  if [ -e "/dev/shm$left" ]; then
    echo "demo: /dev/shm$left was left behind" >&2
    exit 1
  fi
done
