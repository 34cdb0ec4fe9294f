/* Every call that removes a name removes objects of its own kind only. An object that another
 * call, another program or the C library made under the name is refused with -EMEDIUMTYPE, and is still there. */
#include "posix_semaphore.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static const char *name;
static char path[128], sem_name[96], short_name[64];

static void make_region(void) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, 100, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

static void make_semaphore(void) {
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 1, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
}

static void make_queue(void) {
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

static void make_foreign_of(off_t size) {
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  CHECK_EQUAL(ftruncate(fd, size), 0);
  CHECK_EQUAL(close(fd), 0);
}

static void make_foreign(void) { make_foreign_of(100); }
static void make_empty(void) { make_foreign_of(0); }
static void make_like_semaphore(void) { make_foreign_of(32); }

/* The C library's semaphore whose file has the name. */
static void make_libc_semaphore(void) { make_posix_semaphore(short_name); }

static void make_fifo(void) { CHECK_EQUAL(mkfifo(path, 0600), 0); }
static void make_directory(void) { CHECK_EQUAL(mkdir(path, 0700), 0); }
static void make_link(void) { CHECK_EQUAL(symlink("/dev/null", path), 0); }

static void make_socket(void) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  CHECK(strlen(path) < sizeof address.sun_path);
  memcpy(address.sun_path, path, strlen(path));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  CHECK_EQUAL(close(fd), 0);
}

/* The kinds of objects under a name, and the calls that may remove each. */
enum { SHM = 1, SEM = 2, MQ = 4, LIBC_SEM = 8, FIFO = 16, SOCK = 32 };

static const struct Thing {
  const char *text;
  void (*make)(void);
  int removed_by;
} things[] = {
  { "a region", make_region, SHM },
  { "a semaphore", make_semaphore, SEM },
  { "a queue", make_queue, MQ },
  { "foreign memory", make_foreign, SHM },
  { "empty foreign memory", make_empty, SHM },
  { "foreign memory like a semaphore", make_like_semaphore, SHM | LIBC_SEM },
  { "the C library's semaphore", make_libc_semaphore, LIBC_SEM },
  { "a FIFO", make_fifo, FIFO },
  { "a directory", make_directory, 0 },
  { "a symbolic link", make_link, 0 },
  { "a socket", make_socket, SOCK },
};

static int by_fifo(void) { return ipc_fifo_unlink(path); }
static int by_sock(void) { return ipc_sock_unlink(path); }
static int by_shm(void) { return ipc_shm_unlink(name); }
static int by_sem(void) { return ipc_sem_unlink(name); }
static int by_mq(void) { return ipc_mq_unlink(name, 0); }
static int by_remove_shm(void) { return ipc_remove(IPC_KIND_SHM, name, 0); }
static int by_remove_sem(void) { return ipc_remove(IPC_KIND_SEM, name, 0); }
static int by_remove_mq(void) { return ipc_remove(IPC_KIND_MQ, name, 0); }
static int by_remove_other(void) { return ipc_remove(IPC_KIND_OTHER, name, 0); }
static int by_posix(void) { return ipc_sem_unlink_posix(short_name); }
static int by_remove_posix(void) { return ipc_remove(IPC_KIND_POSIX_SEM, short_name, 0); }

static const struct Remover {
  const char *text;
  int (*run)(void);
  int kind;
  int needs_prefix; /* removes what is called sem.NAME only */
} removers[] = {
  { "ipc_shm_unlink", by_shm, SHM, 0 },
  { "ipc_sem_unlink", by_sem, SEM, 0 },
  { "ipc_mq_unlink", by_mq, MQ, 0 },
  { "ipc_sem_unlink_posix", by_posix, LIBC_SEM, 1 },
  { "ipc_remove of memory", by_remove_shm, SHM, 0 },
  { "ipc_remove of a semaphore", by_remove_sem, SEM, 0 },
  { "ipc_remove of a queue", by_remove_mq, MQ, 0 },
  { "ipc_remove of another kind", by_remove_other, 0, 0 },
  { "ipc_remove of the C library's semaphore", by_remove_posix, LIBC_SEM, 1 },
  { "ipc_fifo_unlink", by_fifo, FIFO, 0 },
  { "ipc_sock_unlink", by_sock, SOCK, 0 },
};

static void remove_path(void) {
  if (getpid() != test_pid) return;
  rmdir(path);
  unlink(path);
}

/* Once with a plain name, once with one that begins as the files of the C library's semaphores do. */
static void check_names(int has_prefix) {
  for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
    const struct Thing *thing = &things[i];
    if (thing->make == make_libc_semaphore && !has_prefix) continue;
    for (size_t j = 0; j < sizeof removers / sizeof removers[0]; j++) {
      const struct Remover *remover = &removers[j];
      if (remover->needs_prefix && !has_prefix) continue;
      /* Under such a name, memory of a semaphore's size is one. */
      int is_semaphore = has_prefix && thing->make == make_like_semaphore;
      int may = (thing->removed_by & remover->kind) != 0 && !(is_semaphore && remover->kind == SHM);
      thing->make();
      struct stat status;
      int result = remover->run();
      int is_there = lstat(path, &status) == 0;
      if (result != (may ? 0 : -EMEDIUMTYPE) || is_there == may)
        test_failed(__FILE__, __LINE__, "%s, %s%s: %d, and it is %sthere", remover->text, thing->text,
                    has_prefix ? " called sem.NAME" : "", result, is_there ? "" : "not ");
      remove_path();
    }
  }
}

int main(void) {
  const char *plain = unique_name("x");
  snprintf(sem_name, sizeof sem_name, "/sem.%s", plain + 1);
  snprintf(short_name, sizeof short_name, "%s", plain);
  atexit(remove_path);

  name = plain;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  check_names(0);

  name = sem_name;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  check_names(1);

  /* A queue of the kernel has names of its own. */
  name = plain;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  make_queue();
  CHECK_EQUAL(ipc_mq_unlink(name, IPC_KERNEL), -ENOENT);
  CHECK_EQUAL(ipc_remove(IPC_KIND_KERNEL_MQ, name, 0), -ENOENT);
  CHECK_EQUAL(access(path, F_OK), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), -ENOENT);
  CHECK_EQUAL(ipc_sem_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_shm_unlink(name), -ENOENT);
  CHECK_EQUAL(ipc_sem_unlink_posix(name), -ENOENT);
  return 0;
}
