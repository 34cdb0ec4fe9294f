#!/bin/sh
# Shows the main job. A producer and a consumer share a typed struct. The producer is killed with SIGKILL while it holds
# the lock and the struct is half-written. The consumer notices, repairs the struct and goes on, and a new producer
# continues the sequence. Then jobs go through a message queue. Their sender has ended, a worker is killed with a job in
# its hands, and the next worker does that job and the rest. The demonstration takes about 5 s.
#
#   demo.sh DIRECTORY    DIRECTORY has the programs producer, consumer and worker
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

# In the background, because the consumer may be behind by now. It cannot pass this point while the lock is held.
{
  await_stop "$producer"
  echo "producer $producer stands still, holding the lock, sample 20 half-written: kill -9"
  kill -9 "$producer"
} &
watcher=$!

# The consumer's output drives the rest of the demonstration.
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
echo "6 jobs wait in a message queue; their sender has ended"
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
