/* A waitset reports each kind of entry while it is ready, and takes nothing. It works in each lane, after fork, and by
 * its descriptor. */
#include "lanes.h"
#include "queue.h"
#include <sys/eventfd.h>

typedef struct {
  ipc_event_t event;
  ipc_sem_t sem;
} Shared;

static Shared *shared;
static const char *name;
static ipc_waitset_t *set;
static int message, room, event, permit, child, pipe_end, timer; /* their addresses are the tags */

static void send_x(void *unused) {
  (void)unused;
  send_text(join_queue(name, 0), "x", 0);
}

static void receive_x(void *unused) {
  (void)unused;
  expect_text(join_queue(name, 0), "x", 0);
}

static void set_event(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_event_set(&shared->event), 0);
}

static void post(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
}

static void expect_nothing(void) {
  ipc_ready_t ready;
  CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), -EAGAIN);
}

/* Waits for one entry, and checks that it is this one alone, also if it is asked again. */
static void expect(void *tag, int what) {
  ipc_ready_t ready[4] = { { 0 } };
  for (int again = 0; again < 2; again++) {
    CHECK_EQUAL(ipc_waitset_wait(set, ready, 4, PATIENCE), 1);
    CHECK(ready[0].tag == tag);
    CHECK_EQUAL(ready[0].what, what);
    CHECK_EQUAL(ready[0].reserved, 0);
    if (what == IPC_WAIT_TIMER) break; /* reported once */
  }
}

static void rounds(ipc_mq_t *mq, ipc_mq_t *full) {
  int ends[2];
  char byte;
  CHECK_EQUAL(pipe(ends), 0);
  CHECK_EQUAL(ipc_waitset_add_fd(set, ends[0], POLLIN, &pipe_end), 0);
  CHECK_EQUAL(ipc_waitset_add_fd(set, ends[0], POLLIN, &pipe_end), -EEXIST);
  for (int round = 0; round < 5; round++) {
    expect_nothing();
    FINISH(start(send_x, NULL));
    expect(&message, IPC_WAIT_MESSAGE);
    expect_text(mq, "x", 0);
    expect_nothing();
    FINISH(start(set_event, NULL));
    expect(&event, IPC_WAIT_EVENT);
    CHECK_EQUAL(ipc_event_reset(&shared->event), 0);
    expect_nothing();
    FINISH(start(post, NULL));
    expect(&permit, IPC_WAIT_SEM);
    CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), 0);
    expect_nothing();
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    expect(&pipe_end, IPC_WAIT_FD);
    CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    expect_nothing();
    CHECK_EQUAL(ipc_waitset_add_timer(set, 1, 0, &timer), 0);
    expect(&timer, IPC_WAIT_TIMER);
    CHECK_EQUAL(ipc_waitset_remove(set, &timer), 0);
    CHECK_EQUAL(ipc_mq_receive(full, &byte, 1, NULL, 0), 1);
    expect(&room, IPC_WAIT_ROOM);
    send_text(full, "x", 0);
    expect_nothing();
    ipc_child_t *process;
    CHECK_EQUAL(ipc_spawn(&process, (const char *const[]){ "/bin/cat", NULL }, IPC_STDIN_PIPE), 0);
    CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_CHILD, process, &child), 0);
    expect_nothing();
    CHECK_EQUAL(ipc_child_close_stdin(process), 0);
    expect(&child, IPC_WAIT_CHILD);
    CHECK_EQUAL(ipc_child_wait(process, NULL, 0), 0);
    CHECK_EQUAL(ipc_waitset_remove(set, &child), 0);
    CHECK_EQUAL(ipc_child_close(process), 0);
  }
  CHECK_EQUAL(ipc_waitset_remove(set, &pipe_end), 0);
  close(ends[0]);
  close(ends[1]);
}

/* In a loop around poll(), with the set's descriptor. */
static void by_descriptor(ipc_mq_t *mq) {
  int descriptor = ipc_waitset_fd(set);
  CHECK(descriptor >= 3);
  CHECK_EQUAL(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  for (int round = 0; round < 5; round++) {
    ipc_ready_t ready;
    /* Each closed handle makes all sets look at their entries. */
    CHECK_EQUAL(ipc_mq_close(join_queue(name, 0)), 0);
    expect_nothing();
    expect_nothing();
    /* Nothing makes the set ready later either, also where its words are looked at every 10 milliseconds. */
    struct pollfd readable = { .fd = descriptor, .events = POLLIN };
    CHECK_EQUAL(poll(&readable, 1, 25), 0);
    FINISH(start(send_x, NULL));
    await_events(descriptor, POLLIN);
    CHECK_EQUAL(ipc_waitset_wait(set, &ready, 1, 0), 1);
    CHECK_EQUAL(reported(descriptor) & POLLIN, POLLIN); /* there is a message still */
    if (round % 2) FINISH(start(receive_x, NULL)); /* another process is faster */
    else expect_text(mq, "x", 0);
  }
}

static void in_child(void *mq) {
  FINISH(start(send_x, NULL));
  expect(&message, IPC_WAIT_MESSAGE);
  expect_text(mq, "x", 0);
  by_descriptor(mq);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
}

static void run(enum lane lane) {
  char suffix[16];
  snprintf(suffix, sizeof suffix, "lane-%d", lane);
  name = unique_name(suffix);
  ipc_mq_t *mq = make_queue(name, 2, 16);
  snprintf(suffix, sizeof suffix, "full-%d", lane);
  ipc_mq_t *full = make_queue(unique_name(suffix), 1, 16);
  send_text(full, "x", 0);
  CHECK_EQUAL(ipc_event_init(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  int before = open_descriptors();
  CHECK_EQUAL(ipc_waitset_open(&set, 0), 0);
  expect_nothing();
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_MESSAGE, mq, &message), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_ROOM, full, &room), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_EVENT, &shared->event, &event), 0);
  CHECK_EQUAL(ipc_waitset_add(set, IPC_WAIT_SEM, &shared->sem, &permit), 0);
  rounds(mq, full);
  by_descriptor(mq);
  FINISH(start(in_child, mq));
  rounds(mq, full);
  CHECK_EQUAL(ipc_waitset_close(set), 0);
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_close(full), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  in_each_lane(run);
  return 0;
}
