/* ipc_once(3), sentence by sentence. c-tests/cpp/callbacks_throw.cpp has those on exceptions, and
 * c-tests/general/callback_left.c those on pthread_exit() and cancellation. */
#include "page.h"

static struct {
  ipc_once_t once, other;
  int runs;
} *shared;

static void count_run(void *context) {
  CHECK(context == &shared->runs);
  shared->runs++;
}

static void run_again(void *unused) {
  (void)unused;
  CLAIM("run itself made this call");
  CHECK_EQUAL(ipc_once(&shared->once, count_run, &shared->runs, IPC_FOREVER), -EDEADLK);
}

static void run_and_stop(void *unused) {
  (void)unused;
  stop_here();
}

static void run_forever(void *unused) {
  (void)unused;
  (void)ipc_once(&shared->once, run_and_stop, NULL, 0);
}

static void fill_nothing(void *memory) { (void)memory; }

static void await(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_once(&shared->once, count_run, &shared->runs, PATIENCE), IPC_ONCE_RAN);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  CLAIM("It takes 96 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_once_t), 96);
  CHECK_EQUAL(_Alignof(ipc_once_t), 8);
  CLAIM("IPC_ONCE_RAN (4) if this call ran the initialisation, 0 if another call ran it");
  CHECK_EQUAL(IPC_ONCE_RAN, 4);
  CLAIM("All zeros means that the initialisation has not run.");
  CHECK_EQUAL(ipc_once(&shared->once, run_again, NULL, 0), IPC_ONCE_RAN);
  CHECK_EQUAL(ipc_once(&shared->once, count_run, &shared->runs, 0), 0);
  CHECK_EQUAL(shared->runs, 0);
  memset(&shared->once, 0, sizeof shared->once);

  pid_t runner = start_stopped(run_forever, NULL);
  CLAIM("IPC_FOREVER waits without limit, and 0 does not wait.");
  CHECK_EQUAL(ipc_once(&shared->once, count_run, &shared->runs, 0), -EAGAIN);
  CLAIM("timeout_ns limits the wait for another thread's run, and not run itself.");
  CHECK_EQUAL(ipc_once(&shared->once, count_run, &shared->runs, MILLISECOND), -ETIMEDOUT);
  CLAIM("After an error the initialisation may not have run yet.");
  CHECK_EQUAL(shared->runs, 0);
  CLAIM("If another thread is running it, the call waits for that thread.");
  pid_t waiter = start_asleep(await, NULL);
  KILL(runner);
  FINISH(waiter);
  CHECK_EQUAL(shared->runs, 1);

  CLAIM("once or run is NULL, once is misaligned");
  CHECK_EQUAL(ipc_once(NULL, count_run, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_once(&shared->once, NULL, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_once(MISALIGNED(ipc_once_t), count_run, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_once(&shared->other, count_run, NULL, INT64_MIN), -EINVAL);
  memset(&shared->other, 0x5a, sizeof shared->other);
  CHECK_EQUAL(ipc_once(&shared->other, count_run, NULL, 0), -EPROTO);
  ipc_once_t *read_only = read_only_copy(unique_name("page"), sizeof(ipc_once_t), fill_nothing);
  CHECK_EQUAL(ipc_once(read_only, count_run, NULL, 0), -EACCES);
  return 0;
}
