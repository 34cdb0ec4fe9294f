/* ipc_event(3), sentence by sentence. */
#include "page.h"

#include <poll.h>

static struct {
  ipc_event_t manual, automatic, other;
} *shared;

static void init_manual(void *event) { CHECK_EQUAL(ipc_event_init(event, 0), 0); }

static int is_readable(int fd) {
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  CHECK(poll(&entry, 1, 0) >= 0);
  return (entry.revents & POLLIN) != 0;
}

static void set(void *event) { CHECK_EQUAL(ipc_event_set(event), 0); }
static void reset(void *event) { CHECK_EQUAL(ipc_event_reset(event), 0); }

static void await(void *event) { CHECK_EQUAL(ipc_event_wait(event, PATIENCE), 0); }

static void await_interrupted(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_wait(&shared->manual, PATIENCE), -EINTR);
  _exit(0);
}

static void faults(void) {
  CLAIM("It takes 32 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_event_t), 32);
  CHECK_EQUAL(_Alignof(ipc_event_t), 8);
  CLAIM("event is NULL, misaligned or not initialised, a flag is unknown, or timeout_ns is invalid");
  CHECK_EQUAL(ipc_event_set(NONE(ipc_event_t)), -EINVAL);
  CHECK_EQUAL(ipc_event_wait(MISALIGNED(ipc_event_t), 0), -EINVAL);
  CHECK_EQUAL(ipc_event_is_set(&shared->other), -EINVAL);
  CHECK_EQUAL(ipc_event_init(&shared->other, 1 << 20), -EINVAL);
  CHECK_EQUAL(ipc_event_wait(&shared->manual, INT64_MIN), -EINVAL);
  CLAIM("The memory holds something other than an event of this library's version.");
  ipc_sem_t sem;
  memset(&sem, 0, sizeof sem);
  CHECK_EQUAL(ipc_sem_init(&sem, 1), 0);
  memcpy(&shared->other, &sem, sizeof sem);
  CHECK_EQUAL(ipc_event_set(&shared->other), -EPROTO);
  memset(&shared->other, 0, sizeof shared->other);
  CLAIM("ipc_event_is_set() reads only, and works there");
  ipc_event_t *read_only = read_only_copy(unique_name("page"), sizeof(ipc_event_t), init_manual);
  CHECK_EQUAL(ipc_event_set(read_only), -EACCES);
  CHECK_EQUAL(ipc_event_is_set(read_only), 0);
}

static void settings(void) {
  CLAIM("The event is set from the beginning");
  CHECK_EQUAL(ipc_event_init(&shared->other, IPC_EVENT_SET), 0);
  CHECK_EQUAL(ipc_event_is_set(&shared->other), 1);
  CHECK_EQUAL(ipc_event_destroy(&shared->other), 0);
  CLAIM("Without this flag the event is manual: it stays set until ipc_event_reset() and releases all waiters.");
  pid_t waiters[3];
  for (int i = 0; i < 3; i++) waiters[i] = start_asleep(await, &shared->manual);
  CHECK_EQUAL(ipc_event_set(&shared->manual), 0);
  CLAIM("Threads that wait when a manual event is set are released even if it is reset at once.");
  CHECK_EQUAL(ipc_event_reset(&shared->manual), 0);
  for (int i = 0; i < 3; i++) FINISH(waiters[i]);
  CLAIM("If it is 0, the call only checks.");
  CHECK_EQUAL(ipc_event_wait(&shared->manual, 0), -EAGAIN);
  CLAIM("the event was not set in time");
  CHECK_EQUAL(ipc_event_wait(&shared->manual, MILLISECOND), -ETIMEDOUT);
  CLAIM("Setting an event that is set already changes nothing: an event does not count.");
  CHECK_EQUAL(ipc_event_set(&shared->automatic), 0);
  CHECK_EQUAL(ipc_event_set(&shared->automatic), 0);
  CLAIM("tells whether the event is set, and does not reset an automatic event");
  CHECK_EQUAL(ipc_event_is_set(&shared->automatic), 1);
  CHECK_EQUAL(ipc_event_is_set(&shared->automatic), 1);
  CLAIM("each time it is set, it releases one waiter, and that waiter resets it");
  CHECK_EQUAL(ipc_event_wait(&shared->automatic, 0), 0);
  CHECK_EQUAL(ipc_event_wait(&shared->automatic, 0), -EAGAIN);
  CHECK_EQUAL(ipc_event_is_set(&shared->automatic), 0);
}

static void descriptor(void) {
  CLAIM("Every call with this event gives the same descriptor.");
  int fd = ipc_event_fd(&shared->manual);
  if (fd == -ENOSYS) return;
  CHECK(fd >= 3);
  CHECK_EQUAL(ipc_event_fd(&shared->manual), fd);
  CLAIM("It is readable while the event is set");
  CHECK(!is_readable(fd));
  FINISH(start(set, &shared->manual));
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CLAIM("and always writable");
  entry.events = POLLOUT;
  CHECK_EQUAL(poll(&entry, 1, 0), 1);
  CLAIM("Then ipc_event_wait() with timeout 0 gives -EAGAIN, and the descriptor is not readable any more.");
  FINISH(start(reset, &shared->manual));
  CHECK_EQUAL(ipc_event_wait(&shared->manual, 0), -EAGAIN);
  CHECK(!is_readable(fd));
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  init_manual(&shared->manual);
  CHECK_EQUAL(ipc_event_init(&shared->automatic, IPC_EVENT_AUTO_RESET), 0);
  faults();
  settings();
  CLAIM("returns -EINTR if a signal handler ran while it slept, even a handler installed with SA_RESTART");
  handle_usr1(SA_RESTART);
  check_interrupted(await_interrupted);
  handle_usr1(0);
  check_interrupted(await_interrupted);
  descriptor();
  return 0;
}
