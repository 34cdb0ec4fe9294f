/* A queue is overwritten anywhere (header, rings, levels, list links, message slots, payloads) while processes make every call on
 * it. Nothing crashes, nothing outside the mapping is touched (it ends at an inaccessible page), no call misses its deadline, no
 * call returns -EIO, and the queue can be closed. See fuzz.h for the arguments. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#define ROUND (100 * MILLISECOND)

/* Of the queue's layout: see src/object/layout/queue.rs. */
enum { HEADER = 1216, SENDING_LATCH = 64, RECEIVING_LATCH = 192, SLOT = 64 };

static const char *name;
static int flags;
static ipc_mq_attr_t attr;

/* The overwriting process's mapping. */
static char *queue;
static size_t queue_size, slots, stride;

/* The messages that this process's caller has reserved or borrowed. */
static ipc_mq_t *mq;
static void *reserved[4];
static const void *borrowed[4];
static unsigned reserved_count, borrowed_count;
static char *buffer;

static size_t lines(size_t size) { return (size + 63) / 64 * 64; }

/* Chooses a capacity and a message size whose queue ends with its last page. */
static void choose_sizes(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  do {
    size_t messages = 1 + below(below(2) ? 4 : 40), ring = 1;
    while (ring < messages) ring *= 2;
    stride = 64 * (size_t)(2 + below(below(4) ? 20 : 300));
    slots = HEADER + lines(8 * ring) + lines(4 * ring) + lines(4 * messages) + lines(12 * messages);
    attr = (ipc_mq_attr_t){
      .max_messages = messages, .message_size = stride - SLOT - below(SLOT), .spin_ns = below(2) ? IPC_MQ_NO_SPIN : 0 };
    queue_size = slots + messages * stride;
  } while (queue_size % page != 0);
}

/* Makes the pages beside this process's mapping of the queue inaccessible. */
static void guard_queue(void) {
  char line[300];
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    if (strstr(line, name) != NULL && sscanf(line, "%lx-%lx", &start, &end) == 2 && (char *)start != queue)
      fuzz_guard((char *)start, end - start);
  }
  fclose(maps);
}

static void take(ipc_mq_t *from, void *context) {
  (void)context;
  char text[64];
  (void)ipc_mq_receive(from, text, sizeof text, NULL, 0);
}

/* Whether a call has ended the claim of a message, and not refused to end it now. */
static int is_ended(int result) {
  return result != -EAGAIN && result != -ETIMEDOUT && result != -EBUSY && result != -EDEADLK;
}

/* A borrowed message may have been made a reserved one, and the other way round. */
static int return_borrowed(const void *message) {
  int result;
  FUZZ(result = ipc_mq_return(mq, message));
  if (result == -EINVAL) FUZZ(result = ipc_mq_abandon(mq, (void *)(uintptr_t)message));
  return is_ended(result);
}

static int abandon_reserved(void *message) {
  int result;
  FUZZ(result = ipc_mq_abandon(mq, message));
  if (result == -EINVAL) FUZZ(result = ipc_mq_return(mq, message));
  return is_ended(result);
}

/* Gives back what the caller holds; whether that was possible at once. */
static int give_back(void) {
  int is_done = 1;
  for (unsigned i = 0; i < borrowed_count; i++) is_done &= return_borrowed(borrowed[i]);
  for (unsigned i = 0; i < reserved_count; i++) is_done &= abandon_reserved(reserved[i]);
  reserved_count = borrowed_count = 0;
  return is_done;
}

static void call_copying(int64_t timeout) {
  size_t size = attr.message_size;
  ipc_mq_message_t messages[5];
  unsigned priority = below(3) ? below(3) : below(32768);
  ssize_t received = 0;
  for (int i = 0; i < 5; i++) messages[i] = (ipc_mq_message_t){ .data = buffer, .len = size, .priority = priority };
  switch (below(7)) {
    case 0:
    case 1: FUZZ_WITHIN(timeout, ipc_mq_send(mq, buffer, below((unsigned)size + 1), priority, timeout)); break;
    case 2:
    case 3:
      FUZZ_WITHIN(timeout, received = ipc_mq_receive(mq, buffer, size, &priority, timeout));
      if (received > (ssize_t)size) fuzz_fault("an impossible length", received);
      break;
    case 4: FUZZ_WITHIN(timeout, ipc_mq_send_many(mq, messages, below(6), timeout)); break;
    case 5: FUZZ_WITHIN(timeout, ipc_mq_receive_many(mq, messages, below(6), timeout)); break;
    default: FUZZ(ipc_mq_peek_priority(mq, &priority));
  }
}

static void call_in_place(int64_t timeout) {
  size_t size = attr.message_size;
  void *place;
  const void *found;
  unsigned priority, redeliveries, which;
  ssize_t result = 0;
  switch (below(5)) {
    case 0:
      if (reserved_count == 4) break;
      FUZZ_WITHIN(timeout, result = ipc_mq_reserve(mq, &place, timeout));
      if (result < 0) break;
      memset(place, 3, size);
      reserved[reserved_count++] = place;
      break;
    case 1:
    case 2:
      if (reserved_count == 0) break;
      which = below(reserved_count);
      result = -EINVAL;
      if (below(3)) FUZZ(result = ipc_mq_commit(mq, reserved[which], below((unsigned)size + 1), below(5)));
      if (result == -EINVAL ? abandon_reserved(reserved[which]) : is_ended((int)result))
        reserved[which] = reserved[--reserved_count];
      break;
    case 3:
      if (borrowed_count == 4) break;
      FUZZ_WITHIN(timeout, result = ipc_mq_borrow(mq, &found, &priority, &redeliveries, timeout));
      if (result < 0) break;
      if (result > (ssize_t)size) fuzz_fault("an impossible length", result);
      for (ssize_t i = 0; i < result; i++) buffer[0] ^= ((const volatile char *)found)[i];
      borrowed[borrowed_count++] = found;
      break;
    default:
      if (borrowed_count == 0) break;
      which = below(borrowed_count);
      if (return_borrowed(borrowed[which])) borrowed[which] = borrowed[--borrowed_count];
  }
}

static void call_others(int event) {
  static int is_notified;
  ipc_mq_stat_t stat;
  ipc_mq_attr_t found;
  ipc_mq_t *another;
  ipc_shm_t *shm;
  ipc_mq_notify_t notify = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = event };
  switch (below(8)) {
    case 0: FUZZ(ipc_mq_stat(mq, &stat)); break;
    case 1: FUZZ(ipc_mq_getattr(mq, &found)); break;
    case 2: FUZZ(ipc_mq_stale(mq)); break;
    case 3:
      if (below(20) == 0) FUZZ(ipc_mq_fd(mq));
      break;
    case 4:
      if (below(20) != 0) break;
      if (below(2)) notify = (ipc_mq_notify_t){ .kind = IPC_NOTIFY_CALLBACK, .callback = take };
      FUZZ(ipc_mq_notify(mq, is_notified ? NULL : &notify));
      is_notified = !is_notified;
      break;
    case 5:
      if (below(10) != 0) break;
      another = NULL;
      FUZZ(ipc_mq_open(&another, name, NULL, 0, 0));
      if (another == NULL) break;
      FUZZ(ipc_mq_send(another, buffer, 1, 0, 0));
      FUZZ(ipc_mq_close(another));
      break;
    default:
      /* Calls that walk this thread's list of robust locks. */
      if (below(8) != 0 || ipc_shm_anonymous(&shm, 100) < 0) break;
      CHECK_EQUAL(ipc_mutex_init(ipc_shm_data(shm), NULL), 0);
      FUZZ(ipc_mutex_lock(ipc_shm_data(shm), 0));
      FUZZ(ipc_mutex_unlock(ipc_shm_data(shm)));
      FUZZ(ipc_shm_close(shm));
  }
}

static void call(int64_t until) {
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), opened;
  CHECK(event >= 0);
  CHECK((buffer = calloc(1, attr.message_size)) != NULL);
  FUZZ(opened = ipc_mq_open(&mq, name, NULL, flags, 0));
  if (opened < 0) return;
  guard_queue();
  while (now_ns() < until) {
    int64_t timeout = fuzz_timeout();
    switch (below(4)) {
      case 0:
      case 1: call_copying(timeout); break;
      case 2: call_in_place(timeout); break;
      default: call_others(event);
    }
  }
  int closed, is_done = give_back();
  FUZZ(ipc_mq_notify(mq, NULL));
  FUZZ(closed = ipc_mq_close(mq));
  if (is_done && closed != 0) fuzz_fault("it cannot be closed", closed);
}

/* Frees the latches: a living thread that never held one would keep each call waiting for its limit. */
static void free_latches(void) {
  *(volatile uint32_t *)(void *)(queue + SENDING_LATCH) = 0x40000000;
  *(volatile uint32_t *)(void *)(queue + RECEIVING_LATCH) = 0x40000000;
}

static void overwrite(const pid_t *ids, int count) {
  size_t position, slot = slots + below((unsigned)attr.max_messages) * stride;
  switch (below(6)) {
    case 0: position = below(HEADER); break;
    case 1: position = HEADER + below((unsigned)(slots - HEADER)); break;
    case 2: position = slot + 16 + 8 * below(3); break; /* where the list links stand */
    case 3: position = slot + below(SLOT); break;
    case 4: position = (below(2) ? SENDING_LATCH : RECEIVING_LATCH) - 8 + below(16); break;
    default: position = below((unsigned)queue_size);
  }
  fuzz_hit(queue, queue_size, position, ids, count);
}

static void one_round(uint64_t seed) {
  ipc_mq_t *made;
  choose_sizes();
  flags = below(4) ? 0 : IPC_MQ_OVERWRITE;
  CHECK_EQUAL(ipc_mq_open(&made, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  for (unsigned i = 0; i < attr.max_messages / 2; i++) CHECK_EQUAL(ipc_mq_send(made, "", 1, i % 3, 0), 0);
  CHECK_EQUAL(ipc_mq_close(made), 0);

  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  int file = open(path, O_RDWR | O_CLOEXEC);
  CHECK(file >= 0);
  queue = mmap(NULL, queue_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(queue != MAP_FAILED);
  close(file);
  fuzz_round(seed, 2 + (int)below(3), now_ns() + ROUND, call, overwrite, free_latches);
  CHECK_EQUAL(munmap(queue, queue_size), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
}

int main(int argc, char **argv) {
  SKIP_UNDER_VALGRIND("the library asks the kernel about addresses that lead nowhere");
  name = unique_name("fuzz");
  return fuzz_main(argc, argv, one_round);
}
