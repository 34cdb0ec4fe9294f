/* A function that the library calls back must return. If its thread ends in it instead, by pthread_exit() or by an exception that leaves it, the
 * process ends with SIGABRT, as the pages say. That is a death like any other: another process initialises what
 * was not initialised, and nothing half-made has a name. A cancellation in a callback waits until the call is over. */
#include "every_call.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unwind.h>

static void throw(void) {
  static struct _Unwind_Exception exception = { .exception_class = 0x4142434400000000 };
  (void)_Unwind_RaiseException(&exception);
  abort(); /* nobody catches it */
}

static void leave(void) { pthread_exit(NULL); }

static void (*end_thread)(void);

static void in_run(void *context) {
  (void)context;
  end_thread();
}

static int in_init(void *data, void *context) {
  (void)context;
  *(int *)data = 1;
  end_thread();
  return 0;
}

static void in_notify(ipc_mq_t *mq, void *context) {
  (void)mq, (void)context;
  end_thread();
}

static void *call_once_(void *unused) {
  (void)ipc_once(&placed.once, in_run, NULL, 0);
  return unused;
}

static void *call_init_(void *unused) {
  (void)ipc_shm_open_typed_init(&with.shm, with.name, &call_type, IPC_CREATE, 0600, in_init, NULL);
  return unused;
}

static void *call_notify_(void *unused) {
  MQ_WITH_ONE;
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = in_notify };
  MUST(ipc_mq_notify(with.mq, &how));
  for (;;) pause();
  return unused;
}

/* In a thread that is not the main one: pthread_exit() there does not end the process by itself. */
static void in_a_thread(void *argument) {
  pthread_t thread;
  int quiet = open("/dev/null", O_WRONLY);
  dup2(quiet, 2);
  CHECK(pthread_create(&thread, NULL, *(void *(**)(void *))argument, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void check_ends(void *(*body)(void *)) {
  int status = wait_for(start(in_a_thread, &body));
  CHECK(WIFSIGNALED(status));
  CHECK_EQUAL(WTERMSIG(status), SIGABRT);
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
  SKIP_UNDER_VALGRIND("it reports the exceptions");
  SKIP_UNDER_SANITIZERS("they report the exceptions");
  call_prepare(&every_call[0]);
  void (*const ends[])(void) = { leave, throw };
  for (int i = 0; i < 2; i++) {
    end_thread = ends[i];
    memset(&placed.once, 0, sizeof placed.once);
    check_ends(call_once_);
    CHECK_EQUAL(ipc_once(&placed.once, call_once, NULL, PATIENCE), IPC_ONCE_RAN);
    check_ends(call_init_);
    CHECK_EQUAL(ipc_shm_open_typed(&with.shm, with.name, &call_type, 0, 0), -ENOENT);
    check_ends(call_notify_);
    call_clean();
  }
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
