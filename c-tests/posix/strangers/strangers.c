/* One user of a machine attacks the queues of another. The attacker may create any name that it can predict: the memory
 * of a queue, in many forms, and the kernel twin. Neither name may give the attacker a message of the other user, or
 * keep the other user's calls from returning.
 *
 * The program is run with librobustipc-posix.so preloaded. Only the victim uses <mqueue.h>. The attacker makes
 * system calls and uses robustipc.h. */
#include "../../support/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <robustipc.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const uid_t users[2] = { 12001, 12002 };
static uid_t attacker, victim;

/* A call of the victim that takes longer does not return. */
enum { PATIENCE_SECONDS = 20 };

#define CHECK_ERRNO(call, expected) \
  do { \
    errno = 0; \
    long result_ = (long)(call); \
    if (result_ != -1 || errno != (expected)) \
      test_failed(__FILE__, __LINE__, "%s: expected \"%s\", found %ld and \"%s\"", #call, strerror(expected), result_, \
        strerror(errno)); \
  } while (0)

/* The data that the processes of one test exchange. */
static struct {
  unsigned long device, first, inode;
} *shared;

static struct mq_attr sizes = { .mq_maxmsg = 4, .mq_msgsize = 64 };

/* A /dev of this program's own, with /dev/shm and /dev/mqueue in it, and kernel queues of its own. */
static void isolate(void) {
  if (geteuid() != 0) SKIP("becoming another user takes root");
  if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0 ||
      mount("tmpfs", "/dev", "tmpfs", 0, "mode=755") != 0)
    SKIP("mounts of its own are not permitted here");
  CHECK(mkdir("/dev/shm", 0777) == 0 && chmod("/dev/shm", 01777) == 0);
  CHECK(mkdir("/dev/mqueue", 0755) == 0);
  CHECK(mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL) == 0);
}

static void become(uid_t user) {
  CHECK(setgid(user) == 0);
  CHECK(setuid(user) == 0);
  umask(0);
  alarm(PATIENCE_SECONDS);
}

/* The kernel gives out inode numbers in turn on each processor. */
static void stay_on_one_processor(void) {
  cpu_set_t allowed, one;
  CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

/* A queue of the kernel, made without the library. */
static int make_kernel_queue(const char *name) {
  struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 1 };
  int mq = (int)syscall(SYS_mq_open, name, O_CREAT | O_EXCL | O_RDWR, 0666, &attr);
  CHECK(mq >= 0);
  return mq;
}

static void name_memory(char name[64], unsigned long inode) {
  snprintf(name, 64, "/.ripc-posix-%016lx-%016lx", shared->device, inode);
}

/* How many files in /dev/shm belong to a user, and the union of their permissions. */
static int count_files(uid_t user, mode_t *permissions) {
  int count = 0;
  DIR *directory = opendir("/dev/shm");
  CHECK(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    struct stat status;
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_uid != user) continue;
    count++;
    if (permissions != NULL) *permissions |= status.st_mode & 0777;
  }
  closedir(directory);
  return count;
}

static void empty_shm(void) {
  DIR *directory = opendir("/dev/shm");
  CHECK(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
}

/* ---- the memory's name is taken ---- */

enum form { FILES, QUEUES, PIPES, SYMBOLIC_LINKS, HARD_LINKS, FORMS };
enum { NAMES = 300 };

/* Takes the names of the next queues' memory. */
static void take_names(void *form) {
  stay_on_one_processor();
  become(attacker);
  struct stat status;
  int mq = make_kernel_queue("attacker");
  CHECK(fstat(mq, &status) == 0);
  CHECK(syscall(SYS_mq_unlink, "attacker") == 0);
  char public[80];
  snprintf(public, sizeof public, "/dev/shm/.ripc-posix-%016lx-%016lx", shared->device, shared->inode);
  shared->device = status.st_dev;
  shared->first = status.st_ino + 1;
  for (unsigned long i = 0; i < NAMES; i++) {
    char name[64], path[80];
    name_memory(name, shared->first + i);
    snprintf(path, sizeof path, "/dev/shm%s", name);
    int taken = 0;
    ipc_mq_t *queue;
    ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 64 };
    switch (*(enum form *)form) {
    case FILES: taken = open(path, O_CREAT | O_EXCL | O_RDWR, 0666); break;
    case QUEUES: taken = ipc_mq_open(&queue, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0666); break;
    case PIPES: taken = mkfifo(path, 0666); break;
    case SYMBOLIC_LINKS: taken = symlink(public, path); break;
    case HARD_LINKS: taken = link(public, path); break;
    default: abort();
    }
    if (taken < 0) test_failed(__FILE__, __LINE__, "%s cannot be taken: %s", path, strerror(errno));
  }
}

/* A queue of the victim that everybody may use. The attacker makes links that lead to its memory. */
static void make_public_queue(void *unused) {
  (void)unused;
  become(victim);
  mqd_t mq = mq_open("/public", O_CREAT | O_EXCL | O_RDWR, 0666, &sizes);
  CHECK(mq >= 0);
  struct stat status;
  CHECK(fstat(mq, &status) == 0);
  shared->device = status.st_dev;
  shared->inode = status.st_ino;
}

static void remove_public_queue(void *unused) {
  (void)unused;
  become(victim);
  CHECK(mq_unlink("/public") == 0);
}

static void send_by_name(void *unused) {
  (void)unused;
  mqd_t mq = mq_open("/private", O_WRONLY);
  CHECK(mq >= 0);
  CHECK(mq_send(mq, "secret", 6, 0) == 0);
}

/* Makes a private queue, which another process of the same user finds by its name. */
static void use_private_queue(void *unused) {
  (void)unused;
  stay_on_one_processor();
  become(victim);
  mqd_t mq = mq_open("/private", O_CREAT | O_EXCL | O_RDWR, 0600, &sizes);
  CHECK(mq >= 0);
  struct stat status;
  CHECK(fstat(mq, &status) == 0);
  shared->inode = status.st_ino;
  FINISH(start(send_by_name, NULL));
  struct mq_attr attr;
  CHECK(mq_getattr(mq, &attr) == 0 && attr.mq_curmsgs == 1);
  /* Once more by the name, like a program that has just started. */
  CHECK(mq_close(mq) == 0);
  CHECK((mq = mq_open("/private", O_RDONLY)) >= 0);
  char buffer[64];
  CHECK(mq_receive(mq, buffer, sizeof buffer, NULL) == 6 && memcmp(buffer, "secret", 6) == 0);
  CHECK(mq_unlink("/private") == 0);
}

/* The attacker's queues, and the public one, are empty. Root opens them, by their names in /dev/shm. */
static void check_nothing_leaked(void) {
  for (unsigned long i = 0; i < NAMES; i++) {
    char name[64], buffer[64];
    ipc_mq_t *queue;
    name_memory(name, shared->first + i);
    if (ipc_mq_open(&queue, name, NULL, 0, 0) < 0) continue;
    CHECK(ipc_mq_receive(queue, buffer, sizeof buffer, NULL, 0) == -EAGAIN);
    ipc_mq_close(queue);
  }
}

static void take_names_of(enum form form) {
  int needs_public = form == SYMBOLIC_LINKS || form == HARD_LINKS;
  for (int round = 0; round < 20; round++) {
    if (needs_public) FINISH(start(make_public_queue, NULL));
    FINISH(start(take_names, &form));
    FINISH(start(use_private_queue, NULL));
    check_nothing_leaked();
    if (needs_public) FINISH(start(remove_public_queue, NULL));
    int is_hit = shared->inode >= shared->first && shared->inode < shared->first + NAMES;
    /* Hard links to the victim's file belong to the victim, although the attacker made them. */
    if (form != HARD_LINKS) CHECK(count_files(victim, NULL) == 0);
    empty_shm();
    if (is_hit) return;
  }
  SKIP("the next inode number cannot be predicted here");
}

/* ---- the twin's name is taken ---- */

static void make_void_twin(void *unused) {
  (void)unused;
  become(attacker);
  make_kernel_queue("ripc.void");
}

static void make_and_lock_void_twin(void *written) {
  become(attacker);
  CHECK(flock(make_kernel_queue("ripc.void"), LOCK_EX) == 0);
  CHECK(write(*(int *)written, "x", 1) == 1);
  alarm(0);
  for (;;) pause();
}

static void find_void_twin(void *unused) {
  (void)unused;
  become(victim);
  CHECK_ERRNO(mq_open("/void", O_RDWR), EACCES);
  CHECK_ERRNO(mq_open("/void", O_CREAT | O_RDWR, 0600, &sizes), EACCES);
  CHECK_ERRNO(mq_open("/void", O_CREAT | O_EXCL | O_RDWR, 0600, &sizes), EEXIST);
  CHECK_ERRNO(mq_unlink("/void"), EACCES);
  CHECK_ERRNO(mq_open("/void", O_RDWR), EACCES);
}

/* The library waits one second for a lock's holder. */
static void find_locked_void_twin(void *unused) {
  (void)unused;
  become(victim);
  CHECK_ERRNO(mq_open("/void", O_CREAT | O_RDWR, 0600, &sizes), EACCES);
}

/* A void twin that this process may remove does not count. */
static void replace_void_twin(void *unused) {
  (void)unused;
  alarm(PATIENCE_SECONDS);
  mqd_t mq = mq_open("/void", O_CREAT | O_EXCL | O_RDWR, 0600, &sizes);
  CHECK(mq >= 0);
  CHECK(mq_send(mq, "x", 1, 0) == 0);
  CHECK(mq_unlink("/void") == 0);
}

static void replace_own_void_twin(void *unused) {
  become(attacker);
  replace_void_twin(unused);
}

static void take_the_twins_name(void) {
  FINISH(start(make_void_twin, NULL));
  FINISH(start(find_void_twin, NULL));
  FINISH(start(replace_void_twin, NULL));

  FINISH(start(make_void_twin, NULL));
  FINISH(start(replace_own_void_twin, NULL));

  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  pid_t locker = start(make_and_lock_void_twin, &ends[1]);
  CHECK(read(ends[0], &byte, 1) == 1);
  FINISH(start(find_locked_void_twin, NULL));
  KILL(locker);
  CHECK(syscall(SYS_mq_unlink, "ripc.void") == 0);
  close(ends[0]);
  close(ends[1]);
}

/* ---- modes ---- */

/* The mode denies everything even to the owner, who may remove the name all the same. */
static void remove_without_permissions(void *unused) {
  (void)unused;
  become(victim);
  mqd_t mq = mq_open("/closed", O_CREAT | O_EXCL | O_RDWR, 0, &sizes);
  CHECK(mq >= 0);
  CHECK(mq_send(mq, "x", 1, 0) == 0);
  CHECK(mq_close(mq) == 0);
  CHECK_ERRNO(mq_open("/closed", O_RDWR), EACCES);
  CHECK(mq_unlink("/closed") == 0);
  CHECK_ERRNO(mq_open("/closed", O_RDWR), ENOENT);
  CHECK(count_files(victim, NULL) == 0);
}

/* A program takes permissions away with fchmod(), */
static void make_narrowed(void *unused) {
  (void)unused;
  become(victim);
  mqd_t mq = mq_open("/narrowed", O_CREAT | O_EXCL | O_RDWR, 0666, &sizes);
  CHECK(mq >= 0);
  CHECK(mq_send(mq, "x", 1, 0) == 0);
  CHECK(fchmod(mq, 0600) == 0);
}

/* and the next one that opens the queue takes them from the memory. */
static void open_narrowed(void *unused) {
  (void)unused;
  become(victim);
  mqd_t mq = mq_open("/narrowed", O_RDWR);
  CHECK(mq >= 0);
  char buffer[64];
  CHECK(mq_receive(mq, buffer, sizeof buffer, NULL) == 1);
  mode_t permissions = 0;
  CHECK(count_files(victim, &permissions) == 1);
  CHECK(permissions == 0600);
  CHECK(mq_unlink("/narrowed") == 0);
}

/* Root gives a queue away with fchown(). The memory still belongs to root, so it proves nothing to the new owner, */
static void give_away(void *unused) {
  (void)unused;
  mqd_t mq = mq_open("/given", O_CREAT | O_EXCL | O_RDWR, 0600, &sizes);
  CHECK(mq >= 0);
  CHECK(fchown(mq, victim, victim) == 0);
}

/* but the queue is not void either. */
static void find_given(void *unused) {
  (void)unused;
  become(victim);
  CHECK_ERRNO(mq_open("/given", O_RDWR), EACCES);
  CHECK_ERRNO(mq_open("/given", O_CREAT | O_RDWR, 0600, &sizes), EACCES);
}

static void remove_given(void *unused) {
  (void)unused;
  CHECK(mq_unlink("/given") == 0);
  CHECK(count_files(0, NULL) == 2); /* . and .. */
}

int main(void) {
  isolate();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  for (int turn = 0; turn < 2; turn++) {
    attacker = users[turn];
    victim = users[1 - turn];
    for (int form = 0; form < FORMS; form++) take_names_of((enum form)form);
    take_the_twins_name();
  }
  FINISH(start(remove_without_permissions, NULL));
  FINISH(start(make_narrowed, NULL));
  FINISH(start(open_narrowed, NULL));
  FINISH(start(give_away, NULL));
  FINISH(start(find_given, NULL));
  FINISH(start(remove_given, NULL));
  return 0;
}
