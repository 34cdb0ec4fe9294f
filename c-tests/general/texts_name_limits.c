/* Error texts name the limit that a process has reached, and a system call that a sandbox refuses is not taken for a lock
 * of another owner. */
#include "test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Uses up the mappings of this process: neighbours of different protection are not merged. */
static void without_mappings(void *unused) {
  (void)unused;
  long page = sysconf(_SC_PAGESIZE), limit = 0;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
  if (file == NULL || fscanf(file, "%ld", &limit) != 1 || limit > 1000000) _exit(77);
  fclose(file);
  char *area = mmap(NULL, (size_t)(limit * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) _exit(77);
  ipc_shm_t *shm, *named;
  ipc_mq_t *mq;
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 8 };
  const char *name = unique_name("limits");
  CHECK_EQUAL(ipc_shm_open(&named, name, 8, IPC_CREATE, 0600), IPC_CREATED);
  for (long i = 1; i < limit; i += 2)
    if (mprotect(area + i * page, (size_t)page, PROT_READ) != 0) break;
  while (mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) continue;
  int before = open_descriptors();
  CHECK_FAILS(ipc_shm_anonymous(&shm, 8), -ENOMEM, "vm.max_map_count");
  CHECK_FAILS(ipc_shm_open(&shm, name, 8, 0, 0), -ENOMEM, "vm.max_map_count");
  CHECK_FAILS(ipc_mq_open(&mq, unique_name("queue"), &attr, IPC_CREATE, 0600), -ENOMEM, "vm.max_map_count");
  CHECK_EQUAL(open_descriptors(), before);
  CHECK_EQUAL(ipc_shm_close(named), 0);
  /* The closed one made room. */
  CHECK_EQUAL(ipc_shm_open(&named, name, 8, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  exit(0);
}

/* Makes the kernel refuse a system call with an error, as a sandbox does. */
static void refuse(int number, int error) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(77);
}

static struct Shared {
  ipc_mutex_t mutex;
  ipc_sem_t sem;
  ipc_event_t event;
} *shared;

static const int errors[] = { EPERM, EACCES, ENOSYS };

static void without_futex(void *error) {
  refuse(SYS_futex, *(int *)error);
#if __SIZEOF_POINTER__ == 4
  refuse(422, *(int *)error); /* futex_time64 */
#endif
  CHECK_FAILS(ipc_mutex_lock(&shared->mutex, SECOND), -ENOSYS, "sandbox");
  CHECK_FAILS(ipc_sem_wait(&shared->sem, SECOND), -ENOSYS, "sandbox");
  CHECK_FAILS(ipc_event_wait(&shared->event, SECOND), -ENOSYS, "sandbox");
  /* A call that need not sleep goes on. */
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sem_post(&shared->sem), 0);
  CHECK_EQUAL(ipc_sem_wait(&shared->sem, SECOND), 0);
}

static void without_transfers(void *error) {
  int ends[2], refused = *(int *)error;
  char byte = 0;
  CHECK_EQUAL(ipc_pipe(&ends[0], &ends[1], 0), 0);
  CHECK_EQUAL(write(ends[1], &byte, 1), 1);
  refuse(SYS_read, refused);
  refuse(SYS_write, refused);
  refuse(SYS_pwritev2, refused);
  refuse(SYS_writev, refused);
  refuse(SYS_readv, refused);
  refuse(SYS_preadv2, refused);
  CHECK_EQUAL(ipc_read_full(ends[0], &byte, 1, SECOND), -refused);
  CHECK(strstr(ipc_last_error(), "owner") == NULL && strstr(ipc_last_error(), "lock") == NULL);
  CHECK_EQUAL(ipc_write_full(ends[1], &byte, 1, SECOND), -refused);
  CHECK(strstr(ipc_last_error(), "owner") == NULL && strstr(ipc_last_error(), "lock") == NULL);
}

/* Runs a body in a child, because its process is not usable afterwards. */
static int in_child(void (*body)(void *), void *argument) {
  int status = wait_for(start(body, argument));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return 0;
  CHECK_EQUAL(status, 0);
  return 1;
}

int main(void) {
  SKIP_UNDER_VALGRIND("it needs mappings and system calls of its own");
  SKIP_UNDER_SANITIZERS("they need mappings and system calls of their own");
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_anonymous(&region, sizeof *shared), 0);
  shared = ipc_shm_data(region);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_event_init(&shared->event, 0), 0);
  CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, 0), 0);
  /* musl's malloc() needs mappings itself, and without memory a call has no text. */
  int ran = !IS_MUSL && in_child(without_mappings, NULL);
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    int error = errors[i];
    ran += in_child(without_futex, &error);
    ran += in_child(without_transfers, &error);
  }
  if (ran == 0) SKIP("neither the limit of mappings nor a sandbox can be tried here");
  return 0;
}
