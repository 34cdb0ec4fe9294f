#!/bin/sh
# Shows the main job. A producer and a consumer share a typed struct. The producer is killed with SIGKILL while it holds
# the lock and the struct is half-written. The consumer notices, repairs the struct and goes on, and a new producer
# continues the sequence. Then jobs go through a message queue. Their sender has ended, a worker is killed with a job in
# its hands, and the next worker does that job and the rest. A camera has two consumers, and one of them is killed with a frame in
# its hands. A call waits for its answer while its server is killed, and the next server answers. The sums at the end are 0.
# The demonstration takes about 8 s.
#
#   demo.sh DIRECTORY    DIRECTORY has the programs producer, consumer, worker, camera and answers
set -eu

programs=$1
name=/robustipc-demo-$$
queue=$name-jobs
frames=$name-frames
service=$name-answers
scratch=$(mktemp -d)
producer='' consumer='' worker='' camera='' looker='' server='' client=''

clean_up() {
  status=$?
  trap - EXIT
  for process in $producer $consumer $worker $camera $looker $server $client; do kill -9 "$process" 2>/dev/null || true; done
  "$programs/camera" "$frames" remove || true
  rm -rf "$scratch" "/dev/shm$name" "/dev/shm$queue" "/dev/shm$service"
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
    *"torn samples"*) echo "$line" >"$scratch/sums" ;;
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

"$programs/camera" "$frames" shoot 60 >"$scratch/camera" &
camera=$!
until [ -e "/dev/shm$frames" ]; do sleep 0.01; done
"$programs/camera" "$frames" look 60 20 &
looker=$!
"$programs/camera" "$frames" look 60 >"$scratch/looker" &
second=$!
await_stop "$looker"
echo "consumer $looker of the camera stands still with frame 20 in its hands: kill -9"
kill -9 "$looker"
wait "$looker" 2>/dev/null || true
looker=$second
wait "$looker"
wait "$camera"
camera='' looker=''
echo "the other consumer and the camera go on"
cat "$scratch/looker" "$scratch/camera"

"$programs/answers" "$service" serve 3 &
server=$!
"$programs/answers" "$service" ask 6 >"$scratch/client" &
client=$!
await_stop "$server"
echo "server $server stands still with question 3 in its hands, and client $client waits in its call: kill -9"
kill -9 "$server"
wait "$server" 2>/dev/null || true
"$programs/answers" "$service" serve >"$scratch/server" &
server=$!
wait "$client"
wait "$server"
server='' client=''
cat "$scratch/server" "$scratch/client"

cat "$scratch/looker" "$scratch/camera" "$scratch/server" "$scratch/client" >>"$scratch/sums"
tr ',' '\n' <"$scratch/sums" | awk -F ': ' '
  /torn/ { torn += $2 }
  /leaked/ { leaked += $2 }
  /lost|missed/ { lost += $2 }
  END {
    printf "in all: torn %d, leaked %d, lost %d\n", torn, leaked, lost
    exit torn + leaked + lost != 0
  }'

for left in "$name" "$queue" "$frames" "$service"; do
  if [ -e "/dev/shm$left" ]; then
    echo "demo: /dev/shm$left was left behind" >&2
    exit 1
  fi
done
