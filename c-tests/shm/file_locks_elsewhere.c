/* Locks that a file holds from before a restart of the machine, or from the file that it is a copy of: each that was
 * held is granted once with IPC_OWNER_DIED. While a living process uses a file, none of its locks is touched. */
#include "asleep.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

typedef struct {
  char data[5000];
  ipc_mutex_t plain, recursive, inheriting, free;
  ipc_rwlock_t written, read;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
} held_t;

static const ipc_type_t type = { "held", 1, 0, sizeof(held_t), 8, { { 0 } } };
static char directory[] = "/tmp/ripc-test-XXXXXX", original[PATH_MAX], copy[PATH_MAX];

static void hold_all(held_t *held) {
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE }, inheriting = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  unsigned number;
  CHECK_EQUAL(ipc_mutex_init(&held->free, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&held->plain, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&held->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&held->inheriting, &inheriting), 0);
  CHECK_EQUAL(ipc_rwlock_init(&held->written), 0);
  CHECK_EQUAL(ipc_rwlock_init(&held->read), 0);
  CHECK_EQUAL(ipc_permits_init(&held->permits, 1), 0);
  CHECK_EQUAL(ipc_barrier_init(&held->barrier, 2), 0);
  CHECK_EQUAL(ipc_mutex_lock(&held->plain, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&held->recursive, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&held->recursive, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&held->inheriting, 0), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&held->written, 0), 0);
  CHECK_EQUAL(ipc_rwlock_read_lock(&held->read, 0), 0);
  CHECK_EQUAL(ipc_permits_take(&held->permits, &number, 0), 0);
  CHECK_EQUAL(ipc_barrier_join(&held->barrier), 0);
}

static void repair(ipc_mutex_t *mutex) {
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_mutex_consistent(mutex), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
}

static void repair_all(held_t *held) {
  unsigned number;
  CHECK_EQUAL(ipc_mutex_lock(&held->free, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&held->free), 0);
  repair(&held->plain);
  repair(&held->recursive);
  repair(&held->inheriting);
  CHECK_EQUAL(ipc_rwlock_write_lock(&held->written, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_rwlock_consistent(&held->written), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&held->written), 0);
  CHECK_EQUAL(ipc_rwlock_write_lock(&held->read, 0), 0);
  CHECK_EQUAL(ipc_rwlock_unlock(&held->read), 0);
  CHECK_EQUAL(ipc_permits_take(&held->permits, &number, 0), IPC_OWNER_DIED);
  CHECK_EQUAL(ipc_permits_give(&held->permits, number), 0);
  CHECK_EQUAL(ipc_permits_take(&held->permits, &number, 0), 0);
  CHECK_EQUAL(ipc_permits_give(&held->permits, number), 0);
  CHECK_EQUAL(ipc_barrier_join(&held->barrier), -EOWNERDEAD);
  CHECK_EQUAL(ipc_barrier_reset(&held->barrier), 0);
}

static void check_all_held(void *path) {
  ipc_shm_t *region;
  unsigned number;
  CHECK_EQUAL(ipc_shm_open_file(&region, path, &type, 0, 0), 0);
  held_t *held = ipc_shm_data(region);
  CHECK_EQUAL(ipc_mutex_lock(&held->plain, 0), -EAGAIN);
  CHECK_EQUAL(ipc_mutex_lock(&held->recursive, 0), -EAGAIN);
  CHECK_EQUAL(ipc_permits_take(&held->permits, &number, 0), -EAGAIN);
  CHECK_EQUAL(ipc_rwlock_read_lock(&held->written, 0), -EAGAIN);
  CHECK_EQUAL(ipc_shm_close(region), 0);
}

static void open_and_repair(void *path) {
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_open_file(&region, path, &type, 0, 0), 0);
  repair_all(ipc_shm_data(region));
  CHECK_EQUAL(ipc_shm_close(region), 0);
}

static void open_and_wait_dead(void *path) {
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_open_file(&region, path, &type, 0, 0), 0);
  raise(SIGKILL);
}

static void copy_file(const char *from, const char *to) {
  static char bytes[1 << 20];
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(in >= 0 && out >= 0);
  ssize_t length = read(in, bytes, sizeof bytes);
  CHECK(length > 0 && write(out, bytes, (size_t)length) == length);
  close(in);
  close(out);
}

/* A restart gives a process that opens the file another boot id. 0 if this machine cannot play it. */
static int enter_next_boot(void) {
  char path[PATH_MAX + 8];
  snprintf(path, sizeof path, "%s/boot", directory);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(file >= 0 && write(file, "01234567-89ab-cdef-0123-456789abcdef\n", 37) == 37);
  close(file);
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
         mount(path, "/proc/sys/kernel/random/boot_id", "none", MS_BIND, "") == 0;
}

static void open_in_next_boot_while_used(void *path) {
  if (!enter_next_boot()) exit(77);
  check_all_held(path);
}

static void open_in_next_boot(void *path) {
  if (!enter_next_boot()) exit(77);
  open_and_repair(path);
}

static void hold_and_stop(void *path) {
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_open_file(&region, path, &type, IPC_CREATE, 0600), IPC_CREATED);
  hold_all(ipc_shm_data(region));
  stop_here();
}

/* Leaves locks in the file held by nobody and without the kernel's marks, as a disk has them after a power failure. */
static void make_file_of_last_boot(void *path) {
  static held_t held;
  pid_t holder = start_stopped(hold_and_stop, path);
  int file = open(path, O_RDWR | O_CLOEXEC);
  CHECK(file >= 0 && pread(file, &held, sizeof held, 0) == sizeof held);
  KILL(holder);
  CHECK(pwrite(file, &held, sizeof held, 0) == sizeof held);
  close(file);
}

static void remove_all(void) {
  char path[PATH_MAX + 8];
  snprintf(path, sizeof path, "%s/boot", directory);
  unlink(path);
  unlink(original);
  unlink(copy);
  rmdir(directory);
}

int main(void) {
  CHECK(mkdtemp(directory) != NULL);
  snprintf(original, sizeof original, "%s/original", directory);
  snprintf(copy, sizeof copy, "%s/copy", directory);

  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_open_file(&region, original, &type, IPC_CREATE, 0600), IPC_CREATED);
  held_t *held = ipc_shm_data(region);
  hold_all(held);
  CHECK_EQUAL(ipc_shm_sync(region), 0);

  /* A copy, for the thread that holds the original's locks and for another process. */
  copy_file(original, copy);
  open_and_repair(copy);
  unlink(copy);
  copy_file(original, copy);
  /* A process that is killed right after it has opened the copy takes nothing with it. */
  wait_for(start(open_and_wait_dead, copy));
  FINISH(start(open_and_repair, copy));
  /* Once only: what is held in the settled copy stays held. */
  ipc_shm_t *again;
  CHECK_EQUAL(ipc_shm_open_file(&again, copy, &type, 0, 0), 0);
  memset(ipc_shm_data(again), 0, sizeof(held_t));
  hold_all(ipc_shm_data(again));
  FINISH(start(check_all_held, copy));
  FINISH(start(check_all_held, original));

  /* A process that sees another boot id, as in a container that has one, takes nothing from a living one. */
  FINISH(start(open_in_next_boot_while_used, original));
  /* After a restart nobody uses the file. */
  unlink(copy);
  make_file_of_last_boot(copy);
  FINISH(start(open_in_next_boot, copy));

  /* A foreign file has no room for what the library notes, and stays as it is. */
  unlink(copy);
  int file = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(file >= 0 && ftruncate(file, sizeof(held_t)) == 0);
  CHECK_EQUAL(ipc_shm_open_file(&region, copy, &type, IPC_ADOPT, 0), 0);
  struct stat status;
  CHECK(fstat(file, &status) == 0);
  CHECK_EQUAL(status.st_size, sizeof(held_t));
  CHECK_EQUAL(ipc_shm_close(region), 0);
  remove_all();
  return 0;
}
