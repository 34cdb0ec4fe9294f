/* The drop-in library for <mqueue.h>: a message queue in shared memory that is used with plain POSIX calls. It has two
 * programs. In one, a process is about to sleep in poll() when the victim makes its call (VICTIM_POLLS), so the victim
 * has to wake the kernel's poll. The other never polls. */
#include "queue.h"

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifdef VICTIM_POLLS
#define NAME(name) "posix.polled." name
/* After a death the descriptor is checked before the next call. */
#define CHECKS_DESCRIPTOR .let_go = let_go_with_descriptor
enum { POLLS = 1 };
#else
#define NAME(name) "posix." name
#define CHECKS_DESCRIPTOR .let_go = NULL
enum { POLLS = 0 };
#endif

static mqd_t mq = (mqd_t)-1;

static long answer(long result) { return result < 0 ? -errno : result; }

static mqd_t open_posix(const char *name, int flags) {
  struct mq_attr attr = {.mq_maxmsg = CAPACITY, .mq_msgsize = SIZE};
  return mq_open(name, flags | O_RDWR, 0600, &attr);
}

static void close_posix(void) {
  if (mq != (mqd_t)-1) EXPECT_EQUAL(answer(mq_close(mq)), 0);
  mq = (mqd_t)-1;
}

/* A timeout of 0 makes the call try. */
static struct timespec until(int64_t timeout_ns) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t end = timeout_ns == 0 ? 0 : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + timeout_ns;
  return (struct timespec){end / 1000000000, end % 1000000000};
}

static long tried(long result, int64_t timeout_ns) {
  return result == -ETIMEDOUT && timeout_ns == 0 ? -EAGAIN : result;
}

static int send_posix(const struct message *message, int64_t timeout_ns) {
  const char *bytes = (const char *)message;
  if (timeout_ns < 0) return (int)answer(mq_send(mq, bytes, message->length, message->priority));
  struct timespec end = until(timeout_ns);
  return (int)tried(answer(mq_timedsend(mq, bytes, message->length, message->priority, &end)), timeout_ns);
}

static ssize_t receive_posix(
  struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how) {
  (void)how;
  *mark = NOT_TOLD;
  if (timeout_ns < 0) return answer(mq_receive(mq, (char *)message, SIZE, priority));
  struct timespec end = until(timeout_ns);
  return tried(answer(mq_timedreceive(mq, (char *)message, SIZE, priority, &end)), timeout_ns);
}

static size_t count_posix(void) {
  struct mq_attr attr;
  EXPECT_EQUAL(answer(mq_getattr(mq, &attr)), 0);
  return (size_t)attr.mq_curmsgs;
}

static void remove_posix(void) { EXPECT_EQUAL(answer(mq_unlink(arena->name)), 0); }

static void make_posix(void) {
  mq_unlink(arena->name);
  close_posix();
  mq = open_posix(arena->name, O_CREAT | O_EXCL);
  EXPECT(mq != (mqd_t)-1, "a queue cannot be made: %s", strerror(errno));
  place()->with_descriptor = POLLS;
}

#ifdef VICTIM_POLLS
static int poll_posix(short events, int timeout) {
  struct pollfd set = {.fd = mq, .events = events};
  EXPECT(poll(&set, 1, timeout) >= 0, "poll failed");
  return set.revents;
}

/* The events that a process sees that sleeps in the kernel's poll, without the library. */
static int poll_kernel(void) {
  struct pollfd set = {.fd = mq, .events = POLLIN | POLLOUT};
  struct timespec now = {0};
  long result = SYS_ppoll;
  register long mask __asm__("r10") = 0;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(&set), "S"(1L), "d"(&now), "r"(mask)
                   : "rcx", "r11", "memory");
  EXPECT(result >= 0, "the kernel's poll failed");
  return set.revents;
}
#endif

/* Returns the queue's state. A process that is asleep in poll() sees it too. From then on, the next call that ends the
 * state has to wake such a process. */
static int ready_posix(void) {
#ifdef VICTIM_POLLS
  int state = poll_posix(POLLIN | POLLOUT, 0), seen = poll_kernel();
  EXPECT((state & ~seen) == 0, "the state is %#x, and a process that sleeps sees %#x", (unsigned)state, (unsigned)seen);
  if (!(state & POLLIN)) poll_posix(POLLIN, 1);
  if (!(state & POLLOUT)) poll_posix(POLLOUT, 1);
  return state;
#else
  complain(__FILE__, __LINE__, "this program does not poll");
#endif
}

static void join_posix(void) {
  mq = open_posix(arena->name, 0);
  EXPECT(mq != (mqd_t)-1, "a queue cannot be opened: %s", strerror(errno));
  if (POLLS) ready_posix();
}

static void use_posix(void) {
  struct stat status;
  if (mq != (mqd_t)-1) {
    EXPECT_EQUAL(answer(fstat(mq, &status)), 0);
    if (status.st_nlink > 0) return;
    close_posix();
  }
  join_posix();
}

static const char *warm_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-warm", arena->name);
  return name;
}

/* Makes the calls whose first use differs from later ones. */
static void warm_up_posix(void) {
  char buffer[SIZE];
  mqd_t warm = open_posix(warm_name(), O_CREAT);
  EXPECT(warm != (mqd_t)-1, "a queue cannot be made: %s", strerror(errno));
  EXPECT_EQUAL(answer(mq_send(warm, "warm", 4, 0)), 0);
  EXPECT_EQUAL(answer(mq_receive(warm, buffer, sizeof buffer, NULL)), 4);
  EXPECT_EQUAL(answer(mq_unlink(warm_name())), 0);
  EXPECT_EQUAL(answer(mq_close(warm)), 0);
}

static const struct queue posix = {
  send_posix,    receive_posix, count_posix, make_posix,  join_posix, warm_up_posix,
  use_posix,     NULL,          ready_posix, remove_posix, false};
const struct queue *const queues[] = {&posix};

/* ---- a thread that is stopped ---- */

/* A call that meets a stopped thread waits for it for one second at most, and then returns. */
static void meanwhile_transfer(void) {
  use_queue();
  place()->disturbed = 1;
  int64_t began = now_ns();
  ssize_t taken = take_one(&message, 1000000, RECEIVE);
  EXPECT(taken >= 0 || taken == -ETIMEDOUT, "with the victim alive receiving gives %zd", taken);
  EXPECT(now_ns() - began < arena->patience_ns, "a call with 1 ms took %" PRId64 " ns", now_ns() - began);
}

/* ---- names ---- */

enum { FOUND, ABSENT }; /* of arena->notes: what the name led to after the victim's death */

static int outcome;

/* Uses the queue that has this name now, and closes it. */
static void use_name(void) {
  char buffer[SIZE];
  EXPECT_EQUAL(answer(mq_send(mq, "whole", 5, 1)), 0);
  struct timespec end = until(arena->patience_ns);
  EXPECT_EQUAL(answer(mq_timedreceive(mq, buffer, sizeof buffer, NULL, &end)), 5);
  close_posix();
}

static void open_by_name(int flags) {
  close_posix();
  mq = open_posix(arena->name, flags);
}

/* Called before any process creates a new queue of that name. */
static void let_go_name(int alive) {
  (void)alive;
  open_by_name(0);
  arena->notes[mq == (mqd_t)-1 ? ABSENT : FOUND] = 1;
  if (mq != (mqd_t)-1) use_name();
  else EXPECT_EQUAL(errno, ENOENT);
}

/* Whatever the victim is doing, other processes find the name or not. */
static void meanwhile_name(void) {
  open_by_name(0);
  if (mq != (mqd_t)-1) use_name();
  else EXPECT_EQUAL(errno, ENOENT);
}

/* Whatever the victim is doing, other processes can create a new queue of that name. */
static void meanwhile_create(void) {
  if (mq_unlink(arena->name) < 0) EXPECT_EQUAL(errno, ENOENT);
  open_by_name(O_CREAT | O_EXCL);
  EXPECT(mq != (mqd_t)-1, "while the victim is stopped, the name cannot be made: %s", strerror(errno));
  use_name();
}

static void check_name(void) {
  open_by_name(O_CREAT);
  EXPECT(mq != (mqd_t)-1, "a survivor cannot open: %s", strerror(errno));
  use_name();
}

/* With O_EXCL, one of the survivors creates the queue, and the other opens it. */
static void check_exclusively(void) {
  int64_t end = now_ns() + arena->patience_ns;
  do {
    EXPECT(now_ns() < end, "the name can neither be made nor opened");
    open_by_name(O_CREAT | O_EXCL);
    if (mq == (mqd_t)-1) {
      EXPECT_EQUAL(errno, EEXIST);
      open_by_name(0);
    }
  } while (mq == (mqd_t)-1);
  use_name();
}

static void set_up_nothing(void) {
  close_posix();
  mq_unlink(arena->name);
}

static void set_up_name(void) {
  make_posix();
  close_posix();
}

static void prepare_name(void) {
  queue = queues[0];
  warm_up_posix();
}

static void prepare_open_name(void) {
  prepare_name();
  join_posix();
}

static void run_create(void) { outcome = (int)answer(mq = open_posix(arena->name, O_CREAT)); }
static void run_create_exclusively(void) { outcome = (int)answer(mq = open_posix(arena->name, O_CREAT | O_EXCL)); }
static void run_open(void) { outcome = (int)answer(mq = open_posix(arena->name, 0)); }
static void run_close(void) { outcome = (int)answer(mq_close(mq)); }
static void run_unlink(void) { outcome = (int)answer(mq_unlink(arena->name)); }

static void after_name(void) { EXPECT(outcome >= 0, "the victim failed: %s", strerror(-outcome)); }

/* While the victim was stopped, another process may have created the queue. */
static void after_exclusively(void) {
  if (outcome != -EEXIST) after_name();
}

/* While the victim was stopped, another process may have removed the queue. */
static void after_open(void) {
  if (outcome != -ENOENT) after_name();
}

static void nothing_is_left_of_it(void) {
  remove_posix();
  EXPECT_EQUAL(answer(mq_unlink(arena->name)), -ENOENT);
  nothing_is_left();
}

static void settle_create(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[ABSENT], "there before it was made");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[FOUND], "made and not there");
  nothing_is_left_of_it();
}

static void settle_open(int progress) {
  (void)progress;
  EXPECT(arena->notes[FOUND], "it is gone, and nobody removed it");
  nothing_is_left_of_it();
}

static void settle_unlink(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[FOUND], "gone before it was removed");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[ABSENT], "removed and still there");
  nothing_is_left_of_it();
}

/* ---- a queue that is removed while it is in use ---- */

static mqd_t old = (mqd_t)-1; /* survivor 0's descriptor of the queue that is removed */

static void set_up_in_use(void) {
  if (old != (mqd_t)-1) EXPECT_EQUAL(answer(mq_close(old)), 0);
  make_posix();
  old = mq;
  mq = (mqd_t)-1;
}

/* Whether the queue has lost its name or not, it works as before for processes that have it open. A new queue of that
 * name is another queue. */
static void settle_in_use(int progress) {
  struct stat status;
  settle_unlink(progress);
  EXPECT_EQUAL(answer(fstat(old, &status)), 0);
  EXPECT_EQUAL(status.st_nlink, 0);
  mq = old;
  old = (mqd_t)-1;
#ifdef VICTIM_POLLS
  EXPECT_EQUAL(ready_posix(), POLLOUT);
  EXPECT_EQUAL(answer(mq_send(mq, "kept", 4, 1)), 0);
  EXPECT_EQUAL(ready_posix(), POLLIN | POLLOUT);
  char buffer[SIZE];
  EXPECT_EQUAL(answer(mq_receive(mq, buffer, sizeof buffer, NULL)), 4);
  EXPECT_EQUAL(ready_posix(), POLLOUT);
#endif
  use_name();
}

/* ---- notification ---- */

static void run_notify(void) {
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  outcome = (int)answer(mq_notify(mq, &event));
}

/* The queue is empty, so the next message is notified. */
static void settle_notify(int progress) {
  (void)progress;
  use_queue();
  drain();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  EXPECT_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  EXPECT_EQUAL(answer(mq_notify(mq, &event)), 0);
  EXPECT_EQUAL(send_new(0), 0);
  struct timespec patience = {arena->patience_ns / 1000000000, 0};
  EXPECT_EQUAL(answer(sigtimedwait(&set, NULL, &patience)), SIGUSR1);
  settle(progress);
}

#ifdef VICTIM_POLLS
static void run_poll(void) { outcome = poll_posix(POLLIN, 1); }
static void run_poll_for_room(void) { outcome = poll_posix(POLLOUT, 1); }
static void after_poll(void) { EXPECT_EQUAL(outcome, 0); }
#endif

static void run_timed_send(void) { send_own(arena->patience_ns); }
static void run_timed_receive(void) { receive_as(arena->patience_ns); }

/* Other processes wait up to one second for a stopped thread's section. */
#define MEANWHILE(what) .meanwhile = meanwhile_##what, .stop_is_expensive = true
#define COMMON .check = check, .settle = settle
#define SENDS .release = release_sender, COMMON
#define RECEIVES .release = release_receiver, COMMON
#define RECOVERED .recovery = NAME("recover")
#define RECOVERED_RECEIVING .recovery = NAME("recover.receiving")

const struct operation posix_operations[] = {
  {.name = NAME("send.empty"), .set_up = set_up_empty, .prepare = prepare_send, .run = run_send, .after = after,
   MEANWHILE(transfer), CHECKS_DESCRIPTOR, SENDS, RECOVERED_RECEIVING},
  {.name = NAME("send.last"), .set_up = set_up_nearly_full, .prepare = prepare_send, .run = run_send, .after = after,
   CHECKS_DESCRIPTOR, SENDS, RECOVERED},
  {.name = NAME("send.full"), .set_up = set_up_full, .prepare = prepare_send, .run = run_try_send,
   .after = after_try_send, CHECKS_DESCRIPTOR, SENDS, RECOVERED},
  {.name = NAME("send.large"), .set_up = set_up_empty, .prepare = prepare_send_large, .run = run_send, .after = after,
   CHECKS_DESCRIPTOR, SENDS, RECOVERED_RECEIVING},
  {.name = NAME("send.wakes"), .set_up = set_up_receivers, .prepare = prepare_send, .run = run_send, .after = after,
   .sleep = sleep_receive, .sleepers = 2, SENDS, RECOVERED},
  {.name = NAME("send.asleep"), .set_up = set_up_full, .prepare = prepare_send, .run = run_send, .after = after,
   CHECKS_DESCRIPTOR, SENDS},
  {.name = NAME("receive"), .set_up = set_up_levels, .prepare = warm_up, .run = run_receive, .after = after_receive,
   MEANWHILE(transfer), CHECKS_DESCRIPTOR, RECEIVES, RECOVERED},
  {.name = NAME("receive.last"), .set_up = set_up_one, .prepare = warm_up, .run = run_receive, .after = after_receive,
   CHECKS_DESCRIPTOR, RECEIVES, RECOVERED_RECEIVING},
  {.name = NAME("receive.full"), .set_up = set_up_full, .prepare = warm_up, .run = run_receive, .after = after_receive,
   CHECKS_DESCRIPTOR, RECEIVES, RECOVERED},
  {.name = NAME("receive.large"), .set_up = set_up_large, .prepare = warm_up, .run = run_receive,
   .after = after_receive, CHECKS_DESCRIPTOR, RECEIVES, RECOVERED},
  {.name = NAME("receive.wakes"), .set_up = set_up_senders, .prepare = warm_up, .run = run_receive,
   .after = after_receive, .sleep = sleep_send, .sleepers = 2, RECEIVES, RECOVERED},
  {.name = NAME("receive.asleep"), .set_up = set_up_empty, .prepare = warm_up, .run = run_receive,
   .after = after_receive, RECEIVES},
  {.name = NAME("notify"), .set_up = set_up_some, .prepare = warm_up, .run = run_notify, .after = after_name,
   .check = check, .settle = settle_notify, RECOVERED},
  {.name = NAME("create"), .set_up = set_up_nothing, .prepare = prepare_name, .run = run_create, .after = after_name,
   MEANWHILE(create), .let_go = let_go_name, .check = check_name, .settle = settle_create,
   .recovery = NAME("create")},
  {.name = NAME("open"), .set_up = set_up_name, .prepare = prepare_name, .run = run_open, .after = after_open,
   MEANWHILE(create), .let_go = let_go_name, .check = check_name, .settle = settle_open},
  {.name = NAME("unlink.in_use"), .set_up = set_up_in_use, .prepare = prepare_name, .run = run_unlink,
   .after = after_name, .let_go = let_go_name, .check = check_name, .settle = settle_in_use},
#ifdef VICTIM_POLLS
  {.name = NAME("poll"), .set_up = set_up_empty, .prepare = warm_up, .run = run_poll, .after = after_poll,
   CHECKS_DESCRIPTOR, COMMON, RECOVERED},
  {.name = NAME("poll.full"), .set_up = set_up_full, .prepare = warm_up, .run = run_poll_for_room, .after = after_poll,
   CHECKS_DESCRIPTOR, COMMON, RECOVERED},
#endif
  /* The operations of a second victim, which may find what the first one left. */
  {.name = NAME("recover"), .set_up = set_up_some, .prepare = prepare_send, .run = run_recover, SENDS,
   RECOVERED_RECEIVING},
  {.name = NAME("recover.receiving"), .set_up = set_up_some, .prepare = prepare_send, .run = run_recover_receiving,
   SENDS, RECOVERED},
  {0},
};

/* Operations that do not depend on whether a process polls. */
const struct operation posix_unpolled_operations[] = {
  {.name = NAME("send.first"), .set_up = set_up_some, .prepare = prepare_first_send, .run = run_send, .after = after,
   SENDS},
  {.name = NAME("timedsend.asleep"), .set_up = set_up_full, .prepare = prepare_send, .run = run_timed_send,
   .after = after, CHECKS_DESCRIPTOR, SENDS},
  {.name = NAME("receive.full.room"), .set_up = set_up_full, .prepare = warm_up, .run = run_receive,
   .after = after_receive, .let_go = let_go_full, RECEIVES},
  {.name = NAME("timedreceive.asleep"), .set_up = set_up_empty, .prepare = warm_up, .run = run_timed_receive,
   .after = after_receive, RECEIVES},
  {.name = NAME("create.exclusive"), .set_up = set_up_nothing, .prepare = prepare_name, .run = run_create_exclusively,
   .after = after_exclusively, .let_go = let_go_name, .check = check_exclusively,
   .settle = settle_create},
  {.name = NAME("close"), .set_up = set_up_name, .prepare = prepare_open_name, .run = run_close, .after = after_name,
   MEANWHILE(create), .let_go = let_go_name, .check = check_name, .settle = settle_open},
  {.name = NAME("unlink"), .set_up = set_up_name, .prepare = prepare_name, .run = run_unlink, .after = after_name,
   MEANWHILE(name), .let_go = let_go_name, .check = check_name, .settle = settle_unlink,
   .recovery = NAME("create")},
  {0},
};
