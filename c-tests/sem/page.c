/* ipc_sem(3), sentence by sentence. */
#include "page.h"

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/stat.h>

static struct {
  ipc_sem_t sem, other;
} *shared;

static void init_one(void *sem) { CHECK_EQUAL(ipc_sem_init(sem, 1), 0); }

static void take(void *sem) { CHECK_EQUAL(ipc_sem_wait(sem, PATIENCE), 0); }

static void take_interrupted(void *unused) {
  (void)unused;
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, PATIENCE), -EINTR);
  _exit(0);
}

static void post_posix(void *name) {
#ifdef __GLIBC__
  sem_t *sem = sem_open(name, 0);
  CHECK(sem != SEM_FAILED);
  CHECK_EQUAL(sem_post(sem), 0);
#else /* sem_open() gives its files other names than glibc's */
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_POSIX, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_post(sem), 0);
#endif
}

static uint32_t value_of(ipc_sem_t *sem) {
  uint32_t value;
  CHECK_EQUAL(ipc_sem_value(sem, &value), 0);
  return value;
}

static void placed(void) {
  CLAIM("It takes 32 bytes aligned to 8");
  CHECK_EQUAL(sizeof(ipc_sem_t), 32);
  CHECK_EQUAL(_Alignof(ipc_sem_t), 8);
  CLAIM("takes one permit, waiting until one is free");
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), 0);
  CHECK_EQUAL(value_of(&shared->sem), 0);
  CLAIM("no permit is free and timeout_ns is 0");
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), -EAGAIN);
  CLAIM("the time has passed. No permit was taken.");
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, MILLISECOND), -ETIMEDOUT);
  CLAIM("adds one permit and wakes a waiter");
  pid_t waiter = start_asleep(take, &shared->sem);
  CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
  FINISH(waiter);
  CLAIM("A permit has no owner, so a permit that a dead process took does not come back.");
  CHECK_EQUAL(value_of(&shared->sem), 0);
  CLAIM("the value is IPC_SEM_VALUE_MAX already");
  CHECK_EQUAL(ipc_sem_init(&shared->other, IPC_SEM_VALUE_MAX), 0);
  CHECK_EQUAL(ipc_sem_post(&shared->other), -EOVERFLOW);
  CLAIM("value is above IPC_SEM_VALUE_MAX");
  CHECK_EQUAL(ipc_sem_init(&shared->other, IPC_SEM_VALUE_MAX + 1u), -EINVAL);
  memset(&shared->other, 0, sizeof shared->other);
  CLAIM("A pointer is NULL or misaligned, the semaphore is not initialised, or timeout_ns is invalid.");
  CHECK_EQUAL(ipc_sem_post(NONE(ipc_sem_t)), -EINVAL);
  CHECK_EQUAL(ipc_sem_wait(MISALIGNED(ipc_sem_t), 0), -EINVAL);
  CHECK_EQUAL(ipc_sem_post(&shared->other), -EINVAL);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, INT64_MIN), -EINVAL);
  CLAIM("The memory or the named object is something other than a semaphore of this library's version");
  ipc_event_t event;
  memset(&event, 0, sizeof event);
  CHECK_EQUAL(ipc_event_init(&event, 0), 0);
  memcpy(&shared->other, &event, sizeof event);
  CHECK_EQUAL(ipc_sem_post(&shared->other), -EPROTO);
  memset(&shared->other, 0, sizeof shared->other);
  CLAIM("ipc_sem_value() reads only, and works there.");
  ipc_sem_t *read_only = read_only_copy(unique_name("page"), sizeof(ipc_sem_t), init_one);
  CHECK_EQUAL(ipc_sem_post(read_only), -EACCES);
  CHECK_EQUAL(value_of(read_only), 1);
}

static void descriptor(void) {
  CLAIM("Every call with this semaphore gives the same descriptor.");
  int fd = ipc_sem_fd(&shared->sem);
  CHECK(fd >= 3);
  CHECK_EQUAL(ipc_sem_fd(&shared->sem), fd);
  CLAIM("It is readable while a permit is free");
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
  CHECK_EQUAL(poll(&entry, 1, (int)(PATIENCE / MILLISECOND)), 1);
  CLAIM("The descriptor takes no permit");
  CHECK_EQUAL(value_of(&shared->sem), 1);
  CLAIM("Then ipc_sem_wait() with timeout 0 gives -EAGAIN, and the descriptor is not readable any more.");
  FINISH(start(take, &shared->sem));
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, 0), -EAGAIN);
  CHECK_EQUAL(poll(&entry, 1, 0), 0);
  CLAIM("and always writable");
  entry.events = POLLOUT;
  CHECK_EQUAL(poll(&entry, 1, 0), 1);
}

static void named(void) {
  const char *name = unique_name("named");
  ipc_sem_t *sem, *posix;
  CLAIM("no such semaphore exists");
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_sem_unlink(name), -ENOENT);
  CLAIM("create it with value permits and exactly the permissions mode");
  mode_t before = umask(0777);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 3, IPC_CREATE, 0640), IPC_CREATED);
  umask(before);
  struct stat status;
  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CHECK_EQUAL(value_of(sem), 3);
  CLAIM("Only with IPC_CREATE: fail if the semaphore exists.");
  CHECK_EQUAL(ipc_sem_open(&posix, name, 0, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_EQUAL(ipc_sem_open(&posix, name, 0, IPC_EXCLUSIVE, 0600), -EINVAL);
  CLAIM("the semaphore is a named one, which other processes use too");
  CHECK_EQUAL(ipc_sem_init(sem, 1), -EINVAL);
  CHECK_EQUAL(ipc_sem_destroy(sem), -EINVAL);
  CLAIM("Names with IPC_POSIX and names without it are separate");
  CHECK_EQUAL(ipc_sem_open(&posix, name, 0, IPC_CREATE | IPC_POSIX, 0600), IPC_CREATED);
  CHECK_EQUAL(value_of(sem), 3);
  CLAIM("A permit that one side posts can be taken by the other side, and each side wakes the other.");
  FINISH(start(post_posix, (void *)name));
  CHECK_EQUAL(ipc_sem_wait(posix, PATIENCE), 0);
  CLAIM("the semaphore was opened with IPC_POSIX. The C library's sem_post(3) wakes threads only.");
  CHECK_EQUAL(ipc_sem_fd(posix), -ENOTSUP);
  CLAIM("Every call recognises a handle that is closed.");
  CHECK_EQUAL(ipc_sem_close(posix), 0);
  CHECK_EQUAL(ipc_sem_post(posix), -EBADF);
  CHECK_EQUAL(ipc_sem_wait(posix, 0), -EBADF);
  CHECK_EQUAL(ipc_sem_close(posix), -EBADF);
  CLAIM("removes the name of such a semaphore, and of nothing else. Processes that have the semaphore open can still use it.");
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  CHECK_EQUAL(ipc_sem_wait(sem, 0), 0);
  snprintf(path, sizeof path, "/dev/shm/sem.%s", name + 1);
  CHECK_EQUAL(stat(path, &status), 0);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), 0);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), -ENOENT);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CLAIM("the name belongs to another kind of object, which is unchanged");
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_open(&region, name, 64, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_unlink(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_CREATE, 0600), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CLAIM("an object of this library whose name begins with \"/sem.\"");
  snprintf(path, sizeof path, "/sem.%s", name + 1);
  CHECK_EQUAL(ipc_shm_open(&region, path, 64, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(path), 0);
  CLAIM("the name is a symbolic link, which the library does not follow");
  snprintf(path, sizeof path, "/dev/shm%s", name);
  CHECK_EQUAL(symlink("/dev/null", path), 0);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, 0, 0), -ELOOP);
  CHECK_EQUAL(unlink(path), 0);
  CLAIM("the name has more than 251 bytes");
  char long_name[300];
  memset(long_name, 'a', sizeof long_name);
  long_name[0] = '/', long_name[252] = 0;
  CHECK_EQUAL(ipc_sem_unlink(long_name), -ENAMETOOLONG);
  CLAIM("the name, a flag or the mode is malformed");
  CHECK_EQUAL(ipc_sem_open(&sem, "/a/b", 0, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, 1 << 25, 0600), -EINVAL);
  CHECK_EQUAL(ipc_sem_open(&sem, name, 0, IPC_CREATE, 01000), -EINVAL);
}

int main(void) {
  shared = shared_memory(sizeof *shared);
  init_one(&shared->sem);
  placed();
  CLAIM("returns -EINTR if a signal handler ran while it slept, even a handler installed with SA_RESTART");
  handle_usr1(SA_RESTART);
  check_interrupted(take_interrupted);
  descriptor();
  named();
  return 0;
}
