/* A C++ exception leaves a function that the library calls back in the caller's thread: that of ipc_once(), of
 * ipc_shm_open_typed_init() or of ipc_cell_update(). It reaches the caller as it was thrown, and the call has not
 * happened: the once has not run, nothing was created, the cell has its value from before. Nothing stays locked, open or
 * in use. */
#include "asleep.h"

#include <robustipc.hpp>

#include <atomic>
#include <pthread.h>
#include <stdexcept>
#include <string>

struct Shared {
  ipc_once_t once;
  ipc_mutex_t mutex;
  int runs;
};

static const ipc_type_t type = IPC_TYPE(int, 1);
static const char *name, *cell_name;
static Shared *shared;
static ipc_cell_t *cell;

struct Failure : std::runtime_error {
  explicit Failure(const char *from) : std::runtime_error(from), number(17) {}
  int number;
};

/* What the functions do beside throwing: they lock, fail and make calls as others do. */
static void use_library() {
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), -EDEADLK);
  CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
}

static void run(void *) {
  shared->runs++;
  use_library();
}

static void run_throws(void *) {
  use_library();
  throw Failure("from run");
}

static int init_throws(void *data, void *) {
  CHECK_EQUAL(*static_cast<int *>(data), 0);
  *static_cast<int *>(data) = 1;
  use_library();
  throw Failure("from init");
}

static int change_throws(void *value, void *) {
  *static_cast<int *>(value) = -1;
  use_library();
  throw Failure("from change");
}

/* A function that makes the next call with a function: the exception passes through both. */
static int init_runs_once(void *, void *) {
  (void)ipc_once(&shared->once, run_throws, nullptr, 0);
  return 0;
}

/* Calls, and returns the exception's text. The thread is cancelable again afterwards. */
template <class Call> static std::string thrown_by(Call call) {
  int state;
  try {
    (void)call();
  } catch (const Failure &failure) {
    CHECK_EQUAL(failure.number, 17);
    CHECK_EQUAL(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
    CHECK_EQUAL(state, PTHREAD_CANCEL_ENABLE);
    return failure.what();
  }
  return "nothing";
}

static int open_with(int (*init)(void *, void *), ipc_shm_t **shm) {
  return ipc_shm_open_typed_init(shm, name, &type, IPC_CREATE, 0600, init, nullptr);
}

static void once_is_not_run() {
  shared->once = ipc_once_t();
  for (int i = 0; i < 3; i++) {
    CHECK(thrown_by([] { return ipc_once(&shared->once, run_throws, nullptr, 0); }) == "from run");
  }
  shared->runs = 0;
  CHECK_EQUAL(ipc_once(&shared->once, run, nullptr, 0), IPC_ONCE_RAN);
  CHECK_EQUAL(ipc_once(&shared->once, run_throws, nullptr, 0), 0);
  CHECK_EQUAL(shared->runs, 1);
}

/* A waiter runs what the exception has left. */
static std::atomic<pid_t> waiter;

static void *wait_and_run(void *) {
  waiter = gettid();
  CHECK_EQUAL(ipc_once(&shared->once, run, nullptr, PATIENCE), IPC_ONCE_RAN);
  return nullptr;
}

static void throw_when_awaited(void *context) {
  CHECK_EQUAL(pthread_create(static_cast<pthread_t *>(context), nullptr, wait_and_run, nullptr), 0);
  while (waiter == 0) sched_yield();
  wait_until_on_futex(waiter);
  throw Failure("from run");
}

static void waiter_runs_once() {
  shared->once = ipc_once_t();
  shared->runs = 0;
  pthread_t thread;
  CHECK(thrown_by([&] { return ipc_once(&shared->once, throw_when_awaited, &thread, 0); }) == "from run");
  CHECK_EQUAL(pthread_join(thread, nullptr), 0);
  CHECK_EQUAL(shared->runs, 1);
  CHECK_EQUAL(ipc_once(&shared->once, run_throws, nullptr, 0), 0);
}

static void nothing_is_created() {
  int descriptors = open_descriptors();
  ipc_shm_t *const none = reinterpret_cast<ipc_shm_t *>(8);
  ipc_shm_t *shm = none;
  for (int i = 0; i < 3; i++) CHECK(thrown_by([&] { return open_with(init_throws, &shm); }) == "from init");
  CHECK(shm == none);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT);
  CHECK_EQUAL(open_descriptors(), descriptors);

  shared->once = ipc_once_t();
  CHECK(thrown_by([&] { return open_with(init_runs_once, &shm); }) == "from run");
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_once(&shared->once, run, nullptr, 0), IPC_ONCE_RAN);

  CHECK_EQUAL(open_with(nullptr, &shm), IPC_CREATED);
  CHECK_EQUAL(*static_cast<int *>(ipc_shm_data(shm)), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(open_with(init_throws, &shm), IPC_OPENED); /* it exists, so init is not called */
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(open_descriptors(), descriptors);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
}

static void nothing_is_written() {
  int descriptors = open_descriptors();
  int value = 0;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_cell_open(&cell, cell_name, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK(thrown_by([] { return ipc_cell_update(cell, change_throws, nullptr); }) == "from change");
  CHECK_EQUAL(ipc_cell_read(cell, &value, nullptr), -ENODATA);
  value = 5;
  CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
  for (int i = 0; i < 20; i++) {
    CHECK(thrown_by([] { return ipc_cell_update(cell, change_throws, nullptr); }) == "from change");
  }
  value = 0;
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(value, 5);
  CHECK_EQUAL(info.number, 1);
  /* Another process writes at once. */
  pid_t other = start([](void *) {
    int six = 6;
    CHECK_EQUAL(ipc_cell_write(cell, &six), 0);
  }, nullptr);
  CHECK_EQUAL(wait_for(other), 0);
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(value, 6);
  CHECK_EQUAL(info.number, 2);
  /* The handle is not in use any more, so its descriptors go with it. */
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  CHECK_EQUAL(open_descriptors(), descriptors);
  CHECK_EQUAL(ipc_cell_unlink(cell_name), 0);
}

/* The same through the C++ header. */
static void header_lets_pass() {
  ipc::once once;
  CHECK(thrown_by([&] { return once.run([] { throw Failure("from run"); }); }) == "from run");
  CHECK(once.run([] {}).value());
  auto cannot_throw = []() noexcept {};
  static_assert(noexcept(once.run(cannot_throw)), "");
  CHECK(thrown_by([] {
    return ipc::shm<int>::open_init(name, type, [](int &) -> int { throw Failure("from init"); });
  }) == "from init");
  CHECK_EQUAL(ipc::shm<int>::open(name, type).error().code(), ENOENT);
  auto opened = ipc::cell<int>::open(cell_name, type, ipc::create);
  CHECK(thrown_by([&] {
    return opened->update([](int &) -> int { throw Failure("from change"); });
  }) == "from change");
  CHECK(opened->update([](int &value) { return value = 0; }));
  CHECK(ipc::cell<int>::unlink(cell_name));
}

int main() {
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_anonymous(&region, sizeof *shared), 0);
  shared = static_cast<Shared *>(ipc_shm_data(region));
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, 0), 0);
  name = unique_name("throws");
  cell_name = unique_name("cell");
  once_is_not_run();
  waiter_runs_once();
  nothing_is_created();
  nothing_is_written();
  header_lets_pass();
  CHECK_EQUAL(ipc_shm_close(region), 0);
  return 0;
}
