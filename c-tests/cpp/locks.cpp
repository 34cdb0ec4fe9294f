// The placed locks work with the guards of the standard library, and no way of locking overlooks the death of an owner.
#include "test.h"

#include <robustipc.hpp>

#include <mutex>
#include <shared_mutex>

struct Shared {
  ipc::mutex mutex;
  ipc::mutex other;
  ipc::rwlock rwlock;
  ipc::cond cond;
  int count;
};

static Shared *shared;

/// A child locks and is killed while it holds the lock.
template <class Lock>
static void die_with(Lock &lock) {
  struct Context {
    Lock *lock;
    int ready;
  } *context = static_cast<Context *>(shared_memory(sizeof(Context)));
  context->lock = &lock;
  const pid_t child = start(
    [](void *argument) {
      auto held = static_cast<Context *>(argument)->lock->acquire();
      CHECK(held.has_value());
      raise(SIGKILL);
    },
    context);
  const int status = wait_for(child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void guards() {
  {
    std::scoped_lock both(shared->mutex, shared->other);
    shared->count++;
  }
  {
    std::unique_lock lock(shared->mutex, std::defer_lock);
    CHECK(lock.try_lock());
    lock.unlock();
    CHECK(lock.try_lock());
  }
  {
    std::shared_lock reader(shared->rwlock);
    std::shared_lock second(shared->rwlock, std::try_to_lock);
    CHECK(reader.owns_lock());
  }
  {
    std::unique_lock writer(shared->rwlock);
    CHECK(writer.owns_lock());
  }
  auto held = shared->mutex.acquire(std::chrono::seconds(1));
  CHECK(held && !held->owner_died());
  auto again = shared->mutex.acquire(ipc::no_wait);
  CHECK(!again && again.error().code() == EDEADLK);
  CHECK(held->unlock().has_value());
  CHECK(held->unlock().has_value()); // it is unlocked once
}

static void a_result_reports_the_death() {
  die_with(shared->mutex);
  auto held = shared->mutex.acquire();
  CHECK(held && held->owner_died());
  CHECK(held->consistent().has_value() && !held->owner_died());
}

static void an_exception_reports_the_death() {
  die_with(shared->mutex);
  bool was_told = false;
  try {
    std::scoped_lock guard(shared->mutex);
    CHECK(!"a lock after a death returned as if nothing had happened");
  } catch (const ipc::owner_died &death) {
    was_told = true;
    CHECK(death.consistent().has_value());
  }
  CHECK(was_told);
  std::scoped_lock guard(shared->mutex); // free, and repaired
}

static void an_ignored_exception_leaves_it_unusable() {
  CHECK(shared->other.destroy().has_value() && shared->other.init().has_value());
  die_with(shared->other);
  try {
    std::scoped_lock guard(shared->other);
  } catch (const std::exception &) {
  }
  auto outcome = shared->other.acquire(ipc::no_wait);
  CHECK(!outcome && outcome.error().code() == ENOTRECOVERABLE);
  try {
    shared->other.lock();
    CHECK(!"an unusable lock was granted");
  } catch (const ipc::exception &failure) {
    CHECK(failure.code() == ENOTRECOVERABLE && strlen(failure.what()) > 0);
  }
}

static void a_repair_runs_once() {
  int repairs = 0;
  ipc::repairing lock(shared->mutex, [&] { repairs++; });
  die_with(shared->mutex);
  {
    std::scoped_lock guard(lock);
  }
  {
    std::unique_lock guard(lock, std::try_to_lock);
    CHECK(guard.owns_lock());
  }
  CHECK(repairs == 1);
}

static void a_dead_writer_is_reported() {
  die_with(shared->rwlock);
  auto writer = shared->rwlock.acquire();
  CHECK(writer && writer->owner_died() && writer->consistent().has_value());
}

static void a_condition_waits() {
  auto held = shared->mutex.acquire();
  CHECK(held.has_value());
  auto timed_out = shared->cond.wait(shared->mutex, std::chrono::milliseconds(1));
  CHECK(!timed_out && timed_out.error().code() == ETIMEDOUT);
}

int main() {
  shared = static_cast<Shared *>(shared_memory(sizeof(Shared)));
  CHECK(shared->mutex.init() && shared->other.init() && shared->rwlock.init() && shared->cond.init());
  guards();
  a_result_reports_the_death();
  an_exception_reports_the_death();
  an_ignored_exception_leaves_it_unusable();
  a_repair_runs_once();
  a_dead_writer_is_reported();
  a_condition_waits();
}
