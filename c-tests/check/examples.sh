#!/bin/sh
# The programs in the README and on the man pages compile as they are printed, and they run.
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
# The program runs twice, once to create its object and once to find it, under a name of its own.
sed "s|\"/[^\"]*\"|\"/ripc-test-$$-readme\"|" "$work/readme.c" >"$work/named.c"
compile "$work/named.c" "$work/named"
trap 'rm -rf "$work" "/dev/shm/ripc-test-$$-readme"' EXIT
for count in 1 2; do
  found=$(LD_LIBRARY_PATH=$STAGE/lib "$work/named") || fail "the README's example fails"
  expect "the count of the README's example" "$count samples" "${found%,*}"
done

# A page's programs run in a directory of their own, which takes the place of /tmp, with names in /dev/shm that no other
# program has. Each has to end by itself within 20 seconds, with status 0, unless the table says something else:
#
#   PAGE-NUMBER           what it needs, and how it gets it                         how it ends
#   ipc_error.3-1         a call that fails: it makes one itself                    status 1
#   ipc_fifo.3-1          a writer: this script writes two numbers                  by itself, a second after the last number
#   ipc_mq.3-3            a sender and a client: the program peer.c                 it serves for ever: SIGTERM
#   ipc_mq_reserve.3-2    a sender: the program peer.c                              it works for ever: SIGTERM
#   ipc_sock.3-1          a client: the page's second example                       it serves for ever: SIGTERM
#   ipc_sock.3-2          a server: the page's first example                        by itself
#   ipc_spawn.3-2         ./worker, which fails once and then succeeds              by itself
#   robustipc-porting.7-1 shared memory of a program without this library: a file  by itself
#   ipc_barrier.3-1, ipc_mq.3-1, ipc_mq.3-2, ipc_spawn.3-1: nothing; their output is compared
place=$(mktemp -d /tmp/ripc-XXXXXX)
prefix=ripc-test-$$-example-
server=
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$work" "$place" "/dev/shm/ripc-test-$$-readme" /dev/shm/"$prefix"* /dev/shm/sem."$prefix"*' EXIT

unused() {
  for entry in ipc_error.3-1 ipc_fifo.3-1 ipc_mq.3-3 ipc_mq_reserve.3-2 ipc_sock.3-1 ipc_sock.3-2 ipc_spawn.3-2 robustipc-porting.7-1 \
    ipc_barrier.3-1 ipc_mq.3-1 ipc_mq.3-2 ipc_spawn.3-1; do
    [ -e "$place/ran-$entry" ] || printf '%s ' "$entry"
  done
}

# Runs the example in the background or not: in_place COMMAND...
in_place() {
  (cd "$place" && LD_LIBRARY_PATH=$STAGE/lib exec timeout 20 "$@")
}

# Waits for a file that another process makes: for at most 20 seconds.
wait_for() {
  tries=0
  until [ -e "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 2000 ] || fail "nothing makes $1"
    sleep 0.01
  done
}

end_server() {
  kill "$server" && wait "$server" 2>/dev/null || true
  server=
}

# Its output goes to $place/output.
run() {
  name=$1-$2
  : >"$place/ran-$name"
  program=$place/$name
  sed -e "s|\"/tmp/|\"$place/|" -e "/\"\\/tmp\"/!s|\"/\\([a-z0-9-]*\\)\"|\"/$prefix\\1\"|" "$3" >"$work/page/named.c"
  compile "$work/page/named.c" "$program"
  status=0
  expected=0
  : >"$place/output"
  case $name in
    ipc_error.3-1) expected=1 ;;
    ipc_spawn.3-2)
      printf '#!/bin/sh\n[ -e failed ] || { touch failed; exit 3; }\n' >"$place/worker"
      chmod +x "$place/worker"
      ;;
    robustipc-porting.7-1) truncate -s 8 "/dev/shm/${prefix}sensor" ;;
  esac
  case $name in
    ipc_fifo.3-1)
      in_place "$program" >"$place/output" 2>&1 &
      server=$!
      wait_for "$place/numbers"
      printf '\001\000\000\000\002\000\000\000' >"$place/numbers"
      wait "$server" || status=$?
      server=
      ;;
    ipc_mq.3-3 | ipc_mq_reserve.3-2)
      case $name in
        ipc_mq.3-3) peer "$work/peer.c" "/${prefix}ripc-events" "$place/events.sock" ;;
        *) peer "$work/peer.c" "/${prefix}ripc-jobs" "" ;;
      esac
      compile "$work/peer.c" "$place/peer"
      in_place "$program" >"$place/output" 2>&1 &
      server=$!
      in_place "$place/peer" || fail "$name: its peer fails"
      end_server
      ;;
    ipc_sock.3-1)
      in_place "$program" >"$place/output" 2>&1 &
      server=$!
      ;;
    ipc_sock.3-2)
      in_place "$program" >"$place/output" 2>&1 || status=$?
      end_server
      expect "what the client of $name wrote to the log" hello "$(cat "$place/log")"
      ;;
    *) in_place "$program" >"$place/output" 2>&1 </dev/null || status=$? ;;
  esac
  [ "$status" = "$expected" ] || {
    cat "$place/output" >&2
    fail "the example $name ends with status $status; expected $expected"
  }
  case $name in
    ipc_barrier.3-1) output='step 0 is done step 1 is done step 2 is done' ;;
    ipc_fifo.3-1) output='1 2' ;;
    ipc_mq.3-1) output='stop, priority 32767 left, priority 10' ;;
    ipc_mq.3-2) output=$(seq -s ' ' 901 1000) ;;
    ipc_spawn.3-1) output='a b' ;;
    ipc_spawn.3-2) output='the worker ended: status 3, signal 0' ;;
    *) return 0 ;;
  esac
  # Two processes write the barrier's.
  case $name in ipc_barrier.3-1) sort -o "$place/output" "$place/output" ;; esac
  expect "the output of $name" "$output" "$(tr '\n' ' ' <"$place/output" | sed 's/ $//')"
}

# Writes a program that sends a message and waits until it has been taken. Before, it is a client of the socket, if there
# is one: peer FILE QUEUE SOCKET
peer() {
  cat >"$1" <<PEER
#include <robustipc.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  char text[16];
  if (strcmp("$3", "") != 0) {
    int fd = ipc_sock_connect("$3", IPC_SOCK_SEQPACKET, IPC_SOCK_WAIT, 10000000000);
    if (fd < 0 || ipc_sock_recv(fd, text, sizeof text, 10000000000) != 15) return 1;
    if (memcmp(text, "at your service", 15) != 0) return 2;
  }
  ipc_mq_t *mq;
  ipc_mq_attr_t attr;
  while (ipc_mq_open(&mq, "$2", NULL, 0, 0) < 0) usleep(10000);
  if (ipc_mq_send(mq, "event", 5, 0, 0) < 0) return 3;
  do {
    if (ipc_mq_getattr(mq, &attr) < 0) return 4;
  } while (attr.current_messages != 0);
  return ipc_mq_unlink("$2", 0) < 0; /* with the FIFO of its descriptor */
}
PEER
}

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
    run "$(basename "$page")" "$(basename "$example" .c)" "$example"
  done
done
expect "examples that the table lists and no page has" "" "$(unused)"
