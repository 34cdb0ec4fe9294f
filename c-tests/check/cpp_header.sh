#!/bin/sh
# The C++ header compiles without a warning in each language version that it serves, with and without exceptions and RTTI,
# and it adds nothing to the C library: a program that uses it makes the same calls, and allocates nothing.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/use.cpp" <<'END'
#include <robustipc.hpp>
#include <mutex>
#include <shared_mutex>
struct Message { int what; };
namespace ns { struct Shared { ipc::mutex mutex; ipc::rwlock rwlock; ipc::cond cond; ipc::sem sem; ipc::event event;
  ipc::permits permits; ipc::barrier barrier; ipc::once once; int count; }; }
IPC_DESCRIBE_AS("Shared", ns::Shared, 1, mutex, count)
int lock(ns::Shared &shared);
int lock(ns::Shared &shared) {
  auto held = shared.mutex.acquire();
  if (!held) return held.error().code();
  shared.count++;
  return 0;
}
int post(ns::Shared &shared);
int post(ns::Shared &shared) { return shared.sem.post() ? 0 : 1; }
int set(ns::Shared &shared);
int set(ns::Shared &shared) { return shared.event.set() ? 0 : 1; }
int send(ipc::queue<Message> &queue, int what);
int send(ipc::queue<Message> &queue, int what) { return queue.send({what}) ? 0 : 1; }
int receive(ipc::queue<Message> &queue);
int receive(ipc::queue<Message> &queue) {
  auto message = queue.receive(ipc::no_wait);
  return message ? message->value.what : -1;
}
int borrow(ipc::queue<Message> &queue);
int borrow(ipc::queue<Message> &queue) {
  auto message = queue.borrow(ipc::no_wait);
  return message ? (*message)->what : -1;
}
int wait(ipc::waitset &set);
int wait(ipc::waitset &set) {
  ipc_ready_t room[4];
  auto ready = set.wait(room, ipc::no_wait);
  return ready ? (*ready)[0].what : -1;
}
int add(ipc::waitset &set, ipc::queue<Message> &queue);
int add(ipc::waitset &set, ipc::queue<Message> &queue) { return set.add_message(queue, &queue) ? 0 : 1; }
int open();
int open() {
  auto region = ipc::shm<ns::Shared>::open("/shared", ipc::create);
  return region ? (*region)->count : -1;
}
END

compilers=$CXX
if has clang++ && ! $CXX --version | grep -q clang; then compilers="$compilers clang++"; fi
cflags=$(staged --cflags)
for compiler in $compilers; do
  for standard in 17 20 23; do
    # A compiler older than C++23's final name is asked for its draft.
    echo | $compiler -x c++ -std=c++$standard -fsyntax-only - 2>/dev/null || standard=2b
    for less in "" "-fno-exceptions" "-fno-exceptions -fno-rtti"; do
      # shellcheck disable=SC2086
      quietly $compiler -std=c++$standard $warnings -Wconversion -Wsign-conversion -Wshadow -Wundef -Wold-style-cast $less \
        $cflags -O2 -c "$work/use.cpp" -o "$work/use.o"
    done
  done
done

# Each function calls what it would call in C, and ipc_last_error() if that fails.
# shellcheck disable=SC2086
quietly $CXX -std=c++17 -fno-exceptions $cflags -O2 -c "$work/use.cpp" -o "$work/use.o"
calls=$(nm -u "$work/use.o" | awk '{ print $2 }' | grep -vE '^(_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|abort|mem(cpy|set)|strlen)$' | sort | tr '\n' ' ')
expect "what a program that uses the C++ header calls" \
  "ipc_event_set ipc_last_error ipc_mq_borrow ipc_mq_receive ipc_mq_return ipc_mq_send ipc_mutex_lock ipc_mutex_unlock ipc_sem_post ipc_shm_close ipc_shm_data ipc_shm_open_typed ipc_strerror ipc_waitset_add ipc_waitset_wait " \
  "$calls"
