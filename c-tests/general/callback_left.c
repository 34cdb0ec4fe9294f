/* Functions that the library calls back, and that do not return.
 *
 * pthread_exit() may leave a function that runs in the caller's thread: the thread ends, and the call has not happened. In
 * the thread of a notification no caller is there, so pthread_exit() and an exception end the process with SIGABRT, as
 * the page says. That is a death like any other. A cancellation in a callback waits until the call is over.
 * c-tests/cpp/callbacks_throw.cpp has the exceptions. */
#include "every_call.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unwind.h>

static void throw(void) {
  static struct _Unwind_Exception exception = { .exception_class = 0x4142434400000000 };
  (void)_Unwind_RaiseException(&exception);
  abort(); /* nobody catches it */
}

static void leave(void) { pthread_exit(&with); }

static void (*end_thread)(void);

/* The functions that the caller's thread leaves. */
static void exit_in_run(void *context) {
  (void)context;
  leave();
}

static int exit_in_init(void *data, void *context) {
  (void)context;
  *(int *)data = 1;
  leave();
  return 0;
}

static int exit_in_change(void *value, void *context) {
  (void)context;
  *(int *)value = 1;
  leave();
  return 0;
}

static void *exit_once(void *unused) {
  (void)ipc_once(&placed.once, exit_in_run, NULL, 0);
  return unused;
}

static void *exit_init(void *unused) {
  (void)ipc_shm_open_typed_init(&with.shm, with.name, &call_type, IPC_CREATE, 0600, exit_in_init, NULL);
  return unused;
}

static void *exit_update(void *unused) {
  (void)ipc_cell_update(with.cell, exit_in_change, NULL);
  return unused;
}

static void check_thread_ends(void *(*body)(void *)) {
  pthread_t thread;
  void *result;
  CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == &with);
}

static void threads_that_exit(void) {
  memset(&placed.once, 0, sizeof placed.once);
  for (int i = 0; i < 3; i++) check_thread_ends(exit_once);
  CHECK_EQUAL(ipc_once(&placed.once, call_once, NULL, PATIENCE), IPC_ONCE_RAN);

  for (int i = 0; i < 3; i++) check_thread_ends(exit_init);
  CHECK_EQUAL(ipc_shm_open_typed(&with.shm, with.name, &call_type, 0, 0), -ENOENT);
  CREATE_SHM;
  CLOSE_SHM;
  UNLINK_SHM;

  CELL;
  int value = 5;
  CHECK_EQUAL(ipc_cell_write(with.cell, &value), 0);
  for (int i = 0; i < 20; i++) check_thread_ends(exit_update);
  value = 0;
  CHECK_EQUAL(ipc_cell_read(with.cell, &value, NULL), 0);
  CHECK_EQUAL(value, 5);
  value = 6;
  CHECK_EQUAL(ipc_cell_write(with.cell, &value), 0);
  CLOSE_CELL;
}

/* The function that the notification's thread leaves. */
static void in_notify(ipc_mq_t *mq, void *context) {
  (void)mq, (void)context;
  end_thread();
}

static void call_notify_(void *unused) {
  (void)unused;
  int quiet = open("/dev/null", O_WRONLY);
  dup2(quiet, 2);
  MQ_WITH_ONE;
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = in_notify };
  MUST(ipc_mq_notify(with.mq, &how));
  for (;;) pause();
}

static void notifications_that_end(void (*end)(void)) {
  end_thread = end;
  int status = wait_for(start(call_notify_, NULL));
  CHECK(WIFSIGNALED(status));
  CHECK_EQUAL(WTERMSIG(status), SIGABRT);
  call_clean();
}

/* A callback with a pending cancellation: it is not cancelled, nor is the call around it. */
static volatile int goes_on;

static void cancel_myself(void *context) {
  (void)context;
  pthread_cancel(pthread_self());
  pthread_testcancel();
  goes_on++;
}

static int cancel_in_init(void *data, void *context) {
  (void)data;
  cancel_myself(context);
  return 0;
}

static void *call_cancelled_once(void *unused) {
  CHECK_EQUAL(ipc_once(&placed.once, cancel_myself, NULL, 0), IPC_ONCE_RAN);
  goes_on++;
  pthread_testcancel();
  return unused;
}

static void *call_cancelled_init(void *unused) {
  CHECK_EQUAL(ipc_shm_open_typed_init(&with.shm, with.name, &call_type, IPC_CREATE, 0600, cancel_in_init, NULL), IPC_CREATED);
  goes_on++;
  pthread_testcancel();
  return unused;
}

static void check_cancelled_afterwards(void *(*body)(void *)) {
  pthread_t thread;
  void *result;
  goes_on = 0;
  CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
  CHECK_EQUAL(goes_on, 2);
}

static void take_and_cancel(ipc_mq_t *mq, void *context) {
  (void)context;
  (void)ipc_mq_receive(mq, with.buffer, 64, NULL, 0);
  cancel_myself(context);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it reports the notifications that end the process");
  SKIP_UNDER_SANITIZERS("they report the notifications that end the process");
  call_prepare(&every_call[0]);
  if (!IS_MUSL) { /* its pthread_exit() does not leave the functions that the thread is in */
    threads_that_exit();
    notifications_that_end(leave);
  }
  notifications_that_end(throw);
  memset(&placed.once, 0, sizeof placed.once);
  check_cancelled_afterwards(call_cancelled_once);
  check_cancelled_afterwards(call_cancelled_init);
  CLOSE_SHM;
  UNLINK_SHM;
  /* The notification's thread goes on too. */
  MQ;
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = take_and_cancel };
  MUST(ipc_mq_notify(with.mq, &how));
  goes_on = 0;
  for (int i = 1; i <= 3; i++) {
    MUST(ipc_mq_send(with.mq, "text", 4, 0, 0));
    for (int64_t end = now_ns() + PATIENCE; goes_on < i && now_ns() < end;) sched_yield();
    CHECK(goes_on >= i);
  }
  MUST(ipc_mq_notify(with.mq, NULL));
  CLOSE_MQ;
  return 0;
}
