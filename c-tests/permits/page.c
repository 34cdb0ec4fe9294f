/* ipc_permits(3), sentence by sentence. */
#include "page.h"

static ipc_permits_t *pool, *other;

static void init_pool(void *memory) { CHECK_EQUAL(ipc_permits_init(memory, 2), 0); }

static uint32_t free_in(ipc_permits_t *permits) {
  uint32_t count;
  CHECK_EQUAL(ipc_permits_free(permits, &count), 0);
  return count;
}

static void hold(void *unused) {
  (void)unused;
  uint32_t permit;
  CHECK_EQUAL(ipc_permits_take(pool, &permit, 0), 0);
  stop_here();
}

static void give_of_parent(void *permit) {
  CHECK_EQUAL(ipc_permits_give(pool, *(uint32_t *)permit), -EPERM);
  CHECK_EQUAL(ipc_permits_free(pool, permit), 0);
}

static void take_interrupted(void *unused) {
  (void)unused;
  uint32_t permit;
  CHECK_EQUAL(ipc_permits_take(other, &permit, PATIENCE), -EINTR);
  _exit(0);
}

int main(void) {
  pool = shared_memory(sizeof *pool);
  other = shared_memory(sizeof *other);
  uint32_t first, second, third;
  CLAIM("It takes 2048 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_permits_t), 2048);
  CHECK_EQUAL(_Alignof(ipc_permits_t), 8);
  CLAIM("permits, 1 to IPC_PERMITS_MAX (31)");
  CHECK_EQUAL(IPC_PERMITS_MAX, 31);
  CHECK_EQUAL(ipc_permits_init(pool, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_init(pool, 32), -EINVAL);
  init_pool(pool);
  CLAIM("A pointer is NULL or misaligned, the pool is not initialised, count or permit is out of range, or timeout_ns is invalid.");
  CHECK_EQUAL(ipc_permits_take(NONE(ipc_permits_t), &first, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_take(pool, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_take(MISALIGNED(ipc_permits_t), &first, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_take(other, &first, 0), -EINVAL);
  CHECK_EQUAL(ipc_permits_take(pool, &first, INT64_MIN), -EINVAL);
  CHECK_EQUAL(ipc_permits_give(pool, 2), -EINVAL);
  CLAIM("The memory holds something other than a pool of permits of this library's version and C library");
  CHECK_EQUAL(ipc_barrier_init((ipc_barrier_t *)other, 2), 0);
  CHECK_EQUAL(ipc_permits_take(other, &first, 0), -EPROTO);
  memset(other, 0, sizeof *other);
  CLAIM("ipc_permits_free() reads only, and works there.");
  ipc_permits_t *read_only = read_only_copy(unique_name("page"), sizeof(ipc_permits_t), init_pool);
  CHECK_EQUAL(ipc_permits_take(read_only, &first, 0), -EACCES);
  CHECK_EQUAL(free_in(read_only), 2);

  CLAIM("A thread can hold several permits.");
  CHECK_EQUAL(ipc_permits_take(pool, &first, 0), 0);
  CHECK_EQUAL(ipc_permits_take(pool, &second, 0), 0);
  CLAIM("It stores the permit's number, 0 to count - 1");
  CHECK(first < 2 && second < 2 && first != second);
  CHECK_EQUAL(free_in(pool), 0);
  CLAIM("no permit is free and timeout_ns is 0");
  CHECK_EQUAL(ipc_permits_take(pool, &third, 0), -EAGAIN);
  CLAIM("no permit became free in time");
  CHECK_EQUAL(ipc_permits_take(pool, &third, MILLISECOND), -ETIMEDOUT);
  CLAIM("ipc_permits_init() and ipc_permits_destroy(): a thread holds a permit of the pool.");
  CHECK_EQUAL(ipc_permits_destroy(pool), -EBUSY);
  CHECK_EQUAL(ipc_permits_init(pool, 2), -EBUSY);
  CLAIM("The child does not hold the permit and cannot give it back.");
  third = first;
  FINISH(start(give_of_parent, &third));
  CLAIM("gives a permit back; only the thread that took it can");
  CHECK_EQUAL(ipc_permits_give(pool, first), 0);
  CHECK_EQUAL(ipc_permits_give(pool, first), -EPERM);
  CHECK_EQUAL(free_in(pool), 1);
  CLAIM("If the owner of a permit dies, the permit is free.");
  KILL(start_stopped(hold, NULL));
  CHECK_EQUAL(free_in(pool), 1);
  CLAIM("A permit whose last owner died is taken before the others.");
  CHECK_EQUAL(ipc_permits_give(pool, second), 0);
  CLAIM("The next thread that takes this permit gets IPC_OWNER_DIED and holds the permit.");
  CHECK_EQUAL(ipc_permits_take(pool, &third, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(third, first);
  CHECK_EQUAL(ipc_permits_give(pool, third), 0);
  CHECK_EQUAL(ipc_permits_take(pool, &third, 0), 0);

  CLAIM("returns -EINTR if a signal handler ran while it slept, even a handler installed with SA_RESTART");
  CHECK_EQUAL(ipc_permits_init(other, 1), 0);
  CHECK_EQUAL(ipc_permits_take(other, &third, 0), 0);
  handle_usr1(SA_RESTART);
  check_interrupted(take_interrupted);
  return 0;
}
