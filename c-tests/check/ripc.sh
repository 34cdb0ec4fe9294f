#!/bin/sh
# ripc does what its manual page says: each command, its JSON, its exit status, and what it does with wrong input.
. "$(dirname "$0")/../support/script.sh"

"$MAKE" -C "$root" --no-print-directory tool >"$work/output" 2>&1 || { cat "$work/output"; fail "make tool failed"; }
export LD_LIBRARY_PATH="$STAGE/lib"
ripc=$TARGET/bin/ripc
name=/ripc-test-$$

cleanup() {
  # A topic has a second file, which only the library finds.
  for topic in "$name-topic" "$name-later-topic"; do "$ripc" rm "$topic" 2>/dev/null || true; done
  rm -rf "$work" /dev/shm/ripc-test-$$*
}
trap cleanup EXIT

# The objects that the commands handle: a queue, a region, a cell and a semaphore.
cat >"$work/objects.c" <<'END'
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct { int32_t count; double celsius; char label[8]; } Reading;
static const ipc_type_t reading_type = IPC_TYPE_FIELDS(Reading, 3, count, celsius, label);
#define MUST(call) do { if ((call) < 0) { puts(ipc_last_error()); exit(1); } } while (0)
int main(int argc, char **argv) {
  (void)argc;
  char name[64];
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 64 };
  ipc_mq_t *mq; ipc_shm_t *shm; ipc_cell_t *cell; ipc_sem_t *sem;
  snprintf(name, sizeof name, "%s-mq", argv[1]);
  MUST(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600));
  snprintf(name, sizeof name, "%s-shm", argv[1]);
  MUST(ipc_shm_open_typed(&shm, name, &reading_type, IPC_CREATE, 0600));
  *(Reading *)ipc_shm_data(shm) = (Reading){ -5, 21.5, "abc" };
  snprintf(name, sizeof name, "%s-cell", argv[1]);
  MUST(ipc_cell_open(&cell, name, &reading_type, IPC_CREATE, 0600));
  Reading reading = { 7, 0.25, "xyz" };
  MUST(ipc_cell_write(cell, &reading));
  snprintf(name, sizeof name, "%s-sem", argv[1]);
  MUST(ipc_sem_open(&sem, name, 1, IPC_CREATE, 0600));
  snprintf(name, sizeof name, "%s-topic", argv[1]);
  ipc_topic_attr_t topic_attr = { .sample_size = 32, .capacity = 4, .history = 4 };
  ipc_topic_t *topic;
  MUST(ipc_topic_open(&topic, name, &topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600));
}
END
# shellcheck disable=SC2046
quietly $CC -std=c11 $warnings $(staged --cflags) "$work/objects.c" -o "$work/objects" $(staged --libs)
quietly "$work/objects" "$name"

# The value of a path in a JSON text: value '["objects"][0]["name"]'.
value() {
  python3 -c "import json,sys; print(json.loads(sys.stdin.read())$1)"
}

# The names of the fields there.
fields() {
  python3 -c "import json,sys; print(sorted(json.loads(sys.stdin.read())$1))"
}

# Runs ripc, which has to end with the status given.
status() {
  expected=$1
  shift
  found=0
  "$ripc" "$@" >"$work/out" 2>"$work/err" </dev/null || found=$?
  expect "the status of ripc $*" "$expected" "$found"
}

# Messages come out as they went in, by priority.
status 0 send "$name-mq" low
status 0 send "$name-mq" --priority 9 high
status 0 send "${name#/}-mq" --hex 00ff
status 0 peek "$name-mq"
expect "ripc peek" "3 of 4 messages, the next one with priority 9" "$(cat "$work/out")"
status 0 receive "$name-mq" -n 2
expect "ripc receive" "high low" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
status 0 receive "$name-mq"
expect "bytes that are no text" "00ff" "$(cat "$work/out")"
status 4 receive "$name-mq" --timeout 1ms
status 1 send "$name-mq" "$(printf '%0100d' 0)"
printf 'from a pipe' | "$ripc" send "$name-mq" -
status 0 receive "$name-mq"
expect "a message from standard input" "from a pipe" "$(cat "$work/out")"
status 0 repair "$name-mq"

# Recordings keep messages and priorities.
status 0 send "$name-mq" one --priority 1
status 0 send "$name-mq" two --priority 1
status 0 record "$name-mq" "$work/recording" -n 2
status 0 replay "$work/recording"
status 0 receive "$name-mq" -n 2
expect "replayed messages" "one two" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
head -c 20 "$work/recording" >"$work/cut"
status 1 replay "$work/cut"
echo "not a recording" >"$work/text"
status 1 replay "$work/text"

# Values are decoded by the declared fields.
status 0 get "$name-shm"
grep -q '^count .*(-5)' "$work/out" && grep -q '^celsius .*21.5' "$work/out" || { cat "$work/out"; fail "ripc get shows no values"; }
status 0 set "$name-shm" count=12 celsius=-1.5 'label="hello"'
status 0 get "$name-shm" label
grep -q 68656c6c6f "$work/out" || fail "ripc set changed no label"
status 1 set "$name-shm" count=99999999999
status 1 set "$name-shm" nothing=1
grep -q 'count, celsius, label' "$work/err" || fail "ripc set does not say which fields there are"
status 0 set "$name-cell" count=8
status 0 get "$name-cell" count
grep -q '^count *0 *4 *8 ' "$work/out" || { cat "$work/out"; fail "ripc set changed no cell"; }
status 0 watch "$name-cell" -n 1
status 0 watch "$name-shm" -n 1

# A late subscriber gets the history, with the numbers of the samples.
status 0 publish "$name-topic" first
status 0 publish "$name-topic" second
status 0 echo "$name-topic" -n 2
expect "ripc echo" "first second" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
status 4 echo "$name-topic" -n 3 --timeout 1ms
status 0 hz "$name-topic" -n 1 -i 1ms
status 0 bw "$name-topic" -n 1 -i 1ms --json

# A server that squares the number in a text.
cat >"$work/serve.c" <<'END'
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  (void)argc;
  ipc_service_attr_t attr = { .request_size = 32, .reply_size = 32 };
  ipc_service_t *service;
  if (ipc_service_open(&service, argv[1], &attr, IPC_CREATE, 0600) < 0) return 1;
  char text[33] = "";
  ipc_request_t request;
  if (ipc_service_receive(service, text, 32, &request, IPC_FOREVER) < 0) return 1;
  int number = atoi(text), length = snprintf(text, sizeof text, "%d", number * number);
  return ipc_service_reply(service, &request, text, (size_t)length) < 0;
}
END
# shellcheck disable=SC2046
quietly $CC -std=c11 $warnings $(staged --cflags) "$work/serve.c" -o "$work/serve" $(staged --libs)
"$work/serve" "$name-service" &
server=$!
status 0 wait "$name-service"
status 0 call "$name-service" 12 --timeout 100s
expect "ripc call" 144 "$(cat "$work/out")"
wait "$server" || fail "the server failed"

# Waiting.
status 0 wait "$name-sem" --permit
status 4 wait "$name-sem" --permit --timeout 1ms
status 0 wait "$name-mq"
status 4 wait "$name-later" --timeout 1ms
"$ripc" wait "$name-later" --timeout 100s &
waiting=$!
sed -i 's/-mq"/-later"/; s/-shm"/-later-shm"/; s/-cell"/-later-cell"/; s/-sem"/-later-sem"/; s/-topic"/-later-topic"/' "$work/objects.c"
# shellcheck disable=SC2046
quietly $CC -std=c11 $warnings $(staged --cflags) "$work/objects.c" -o "$work/later" $(staged --libs)
quietly "$work/later" "$name"
wait "$waiting" || fail "ripc wait did not see the new object"

# Lists, and what is said about one object.
status 0 ls
grep -q "^$name-shm *shm .*Reading v3" "$work/out" || { cat "$work/out"; fail "ripc ls does not show the region"; }
status 0 ls --kind mq
grep -q "$name-shm" "$work/out" && fail "ripc ls --kind mq shows a region"
status 0 show "$name-shm"
status 0 top -n 2 -i 1ms
status 0 top -n 1 --json
status 3 show /ripc-test-$$-nothing
status 3 receive /ripc-test-$$-nothing
status 2 nonsense
status 2 receive
status 2 receive "$name-mq" --timeout "5 parsecs"

# Every JSON output can be read, and has the documented fields.
if has python3; then
  status 0 ls --json
  expect "the list's fields" "['capacity', 'count', 'group', 'id', 'key', 'kind', 'mode', 'name', 'owner', 'record', 'size', 'type', 'users', 'users_complete']" \
    "$(fields '["objects"][0]' <"$work/out")"
  status 0 show "$name-shm" --json
  expect "the type's name" Reading "$(value '["type"]["name"]' <"$work/out")"
  expect "a field's value" 12 "$(value '["value"][0]["signed"]' <"$work/out")"
  expect "a field's value" -1.5 "$(value '["value"][1]["float"]' <"$work/out")"
  status 0 get "$name-cell" --json
  expect "the number of a cell's value" 2 "$(value '["number"]' <"$work/out")"
  status 0 send "$name-mq" text
  status 0 receive "$name-mq" --json
  expect "a message" text "$(value '["text"]' <"$work/out")"
  status 0 peek "$name-mq" --json
  expect "an empty queue" None "$(value '["next_priority"]' <"$work/out")"
  "$ripc" doctor --json >"$work/out" || true
  expect "the first finding" kernel "$(value '["findings"][0]["what"]' <"$work/out")"
  status 0 bench --duration 1ms --json
  expect "the rows of the bench" 6 "$(value '["rows"].__len__()' <"$work/out")"
fi

# Removing.
status 0 rm "$name-shm" "$name-sem"
status 3 rm "$name-shm"
status 0 ls --unused
printf 'n\n%.0s' $(seq 1000) | "$ripc" gc >"$work/out"
"$ripc" show "$name-cell" >"$work/out" || fail "ripc gc removed an object although the answer was no"
status 1 gc --json

# The manual page and the completions; the installation and its removal.
for what in bash zsh fish man; do
  status 0 generate "$what"
  [ -s "$work/out" ] || fail "ripc generate $what prints nothing"
done
if has mandoc; then
  "$ripc" generate man >"$work/ripc.1"
  quietly mandoc -T lint -W error "$work/ripc.1"
fi
"$MAKE" -C "$root" --no-print-directory install-tool DESTDIR="$work/package" PREFIX=/usr >"$work/output" 2>&1 || { cat "$work/output"; fail "make install-tool failed"; }
[ -x "$work/package/usr/bin/ripc" ] && [ -s "$work/package/usr/share/man/man1/ripc.1" ] || fail "make install-tool did not install ripc"
"$MAKE" -C "$root" --no-print-directory uninstall-tool DESTDIR="$work/package" PREFIX=/usr >"$work/output" 2>&1
expect "what uninstall-tool leaves" "" "$(find "$work/package" ! -type d)"
