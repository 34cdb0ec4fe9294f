/* C++ exceptions and the library. A destructor may call it while an exception, pthread_exit() or a cancellation unwinds
 * the stack. A function that the library calls back may throw and catch. It carries an exception out by keeping it and
 * returning an error. An exception that nobody catches ends the process with SIGABRT, and so does one that leaves a
 * notification. That is a death like any other: nothing half-made has a name, and another process runs what was not run.
 * callbacks_throw.cpp has the exceptions that pass through a call. */
#include "test.h"

#include <exception>
#include <pthread.h>
#include <stdexcept>

struct Shared {
  ipc_mutex_t mutex;
  ipc_once_t once;
  int runs;
};

static const ipc_type_t type = IPC_TYPE(int, 1);
static const char *name;
static Shared *shared;
static ipc_mq_t *mq;

/* The classes that a C++ program wraps around a lock and a message. */
struct Guard {
  explicit Guard(ipc_mutex_t *of) : mutex(of) { CHECK_EQUAL(ipc_mutex_lock(mutex, IPC_FOREVER), 0); }
  ~Guard() {
    CHECK_EQUAL(ipc_mq_send(mq, "left", 4, 0, 0), 0);
    CHECK_EQUAL(ipc_mq_send(mq, "", 65, 0, 0), -EMSGSIZE); /* a failure allocates and describes itself */
    CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  }
  Guard(const Guard &) = delete;
  Guard &operator=(const Guard &) = delete;
  ipc_mutex_t *mutex;
};

static void *end_by_exit(void *) {
  Guard guard(&shared->mutex);
  pthread_exit(nullptr);
}

static void *end_by_cancellation(void *) {
  Guard guard(&shared->mutex);
  pthread_cancel(pthread_self());
  pthread_testcancel();
  return nullptr;
}

static void check_guard_left() {
  char text[64];
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, nullptr, 0), 4);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void destructors_call_the_library() {
  try {
    Guard guard(&shared->mutex);
    throw std::runtime_error("an error");
  } catch (const std::runtime_error &) {
  }
  check_guard_left();
  void *(*const ends[])(void *) = { end_by_exit, end_by_cancellation };
  for (auto end : ends) {
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, end, nullptr) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
    check_guard_left();
  }
}

/* A callback that catches what it throws. */
static void run_and_catch(void *) {
  try {
    throw 1;
  } catch (int) {
    shared->runs++;
  }
}

/* A callback that keeps its exception for the caller. */
static int keep_exception(void *data, void *context) {
  try {
    *static_cast<int *>(data) = 1;
    throw std::runtime_error("kept");
  } catch (...) {
    *static_cast<std::exception_ptr *>(context) = std::current_exception();
    return -ECANCELED;
  }
}

static void callbacks_throw_and_catch() {
  CHECK_EQUAL(ipc_once(&shared->once, run_and_catch, nullptr, 0), IPC_ONCE_RAN);
  CHECK_EQUAL(shared->runs, 1);
  std::exception_ptr kept;
  ipc_shm_t *shm;
  CHECK_EQUAL(
    ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, keep_exception, &kept), -ECANCELED);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT);
  bool is_caught = false;
  try {
    std::rethrow_exception(kept);
  } catch (const std::runtime_error &error) {
    is_caught = strcmp(error.what(), "kept") == 0;
  }
  CHECK(is_caught);
}

static void throw_in_run(void *) { throw std::runtime_error("from run"); }

static int throw_in_init(void *data, void *) {
  *static_cast<int *>(data) = 1;
  throw std::runtime_error("from init");
}

static void throw_in_notify(ipc_mq_t *, void *) { throw std::runtime_error("from a notification"); }

/* Nobody catches these. */
static void once_throws() noexcept { ipc_once(&shared->once, throw_in_run, nullptr, 0); }

static void init_throws() noexcept {
  ipc_shm_t *shm;
  ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, throw_in_init, nullptr);
}

static void notify_throws() {
  ipc_mq_notify_t how = {};
  how.kind = IPC_NOTIFY_CALLBACK;
  how.callback = throw_in_notify;
  CHECK_EQUAL(ipc_mq_notify(mq, &how), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "text", 4, 0, 0), 0);
  for (;;) pause();
}

/* The library prints nothing then. (The C++ library does, for an exception that nobody catches.) */
static void check_ends(void (*body)(), bool is_silent) {
  int streams[2];
  fflush(NULL);
  CHECK(pipe(streams) == 0);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    dup2(streams[1], 2);
    close(streams[0]);
    close(streams[1]);
    body();
    _exit(0);
  }
  close(streams[1]);
  char text[256];
  ssize_t length = read(streams[0], text, sizeof text);
  CHECK(!is_silent || length == 0);
  while (read(streams[0], text, sizeof text) > 0) continue;
  close(streams[0]);
  int status = wait_for(child);
  CHECK(WIFSIGNALED(status));
  CHECK_EQUAL(WTERMSIG(status), SIGABRT);
}

static void exceptions_that_leave() {
  memset(&shared->once, 0, sizeof shared->once);
  check_ends(once_throws, false);
  CHECK_EQUAL(ipc_once(&shared->once, run_and_catch, nullptr, PATIENCE), IPC_ONCE_RAN);
  check_ends(init_throws, false);
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT);
  check_ends(notify_throws, true);
  char text[64];
  CHECK_EQUAL(ipc_mq_receive(mq, text, sizeof text, nullptr, 0), 4);
  CHECK_EQUAL(ipc_mq_send(mq, "text", 4, 0, 0), 0);
}

int main() {
  SKIP_UNDER_VALGRIND("it reports the exceptions that leave");
  SKIP_UNDER_SANITIZERS("they report the exceptions that leave");
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_anonymous(&region, sizeof *shared), 0);
  shared = static_cast<Shared *>(ipc_shm_data(region));
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, 0), 0);
  name = unique_name("exceptions");
  const char *queue = unique_name("queue");
  ipc_mq_attr_t attributes = {};
  attributes.max_messages = 4;
  attributes.message_size = 64;
  CHECK_EQUAL(ipc_mq_open(&mq, queue, &attributes, IPC_CREATE, 0600), IPC_CREATED);
  destructors_call_the_library();
  callbacks_throw_and_catch();
  exceptions_that_leave();
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink(queue, 0), 0);
  CHECK_EQUAL(ipc_shm_close(region), 0);
  return 0;
}
