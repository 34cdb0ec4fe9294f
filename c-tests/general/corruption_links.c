/* A lock that a thread holds, or a message that it has reserved or borrowed, is an entry of the thread's robust list, and the entry lies
 * in shared memory. Here another process overwrites its two links. The thread does not follow them: it releases the lock, uses
 * and closes other objects, and then closes this one. That holds for every kind of lock, for several locks held at once, beside a
 * robust pthread mutex, in a process that may make no system calls but the usual ones, and when the links are those of an attack that
 * would write to the thread's private memory. */
#include "test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>

typedef struct {
  ipc_mutex_t mutex, recursive, inheriting;
  ipc_rwlock_t read, written;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
} Locks;

enum { KINDS = 7 };

/* The distance of the word from the beginning of a slot and of a mutex, the length of a message's slot, and the distance of the two links from the word, in words of 32 bits. The
 * list of 32-bit glibc has one link. */
#ifndef __GLIBC__
enum { WORD = 1, MUTEX_WORD = 5, SLOT = 32, PREVIOUS = sizeof(void *) == 8 ? 5 : 2, NEXT = sizeof(void *) == 8 ? 7 : 3 };
#else
enum { WORD = 0, MUTEX_WORD = 0, SLOT = 16, PREVIOUS = sizeof(void *) == 8 ? 6 : 5, NEXT = sizeof(void *) == 8 ? 8 : 5 };
#endif

/* A link of a lock. */
static uintptr_t *at(uint32_t *lock, int place) { return (void *)&lock[place]; }

static Locks *locks;
static unsigned permit;

static void init(void) {
  ipc_mutex_attr_t recursive = { .flags = IPC_MUTEX_RECURSIVE }, inheriting = { .flags = IPC_MUTEX_PRIORITY_INHERIT };
  memset(locks, 0, sizeof *locks);
  CHECK_EQUAL(ipc_mutex_init(&locks->mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&locks->recursive, &recursive), 0);
  CHECK_EQUAL(ipc_mutex_init(&locks->inheriting, &inheriting), 0);
  CHECK_EQUAL(ipc_rwlock_init(&locks->read), 0);
  CHECK_EQUAL(ipc_rwlock_init(&locks->written), 0);
  CHECK_EQUAL(ipc_permits_init(&locks->permits, 3), 0);
  CHECK_EQUAL(ipc_barrier_init(&locks->barrier, 1), 0);
}

static int take(int kind) {
  switch (kind) {
    case 0: return ipc_mutex_lock(&locks->mutex, 0);
    case 1: return ipc_mutex_lock(&locks->recursive, 0);
    case 2: return ipc_mutex_lock(&locks->inheriting, 0);
    case 3: return ipc_rwlock_read_lock(&locks->read, 0);
    case 4: return ipc_rwlock_write_lock(&locks->written, 0);
    case 5: return ipc_permits_take(&locks->permits, &permit, 0);
    default: return ipc_barrier_join(&locks->barrier);
  }
}

static int give(int kind) {
  switch (kind) {
    case 0: return ipc_mutex_unlock(&locks->mutex);
    case 1: return ipc_mutex_unlock(&locks->recursive);
    case 2: return ipc_mutex_unlock(&locks->inheriting);
    case 3: return ipc_rwlock_unlock(&locks->read);
    case 4: return ipc_rwlock_unlock(&locks->written);
    case 5: return ipc_permits_give(&locks->permits, permit);
    default: return ipc_barrier_leave(&locks->barrier);
  }
}

/* The first word in the memory given that holds this thread's id and is followed by the links: the lock word of a lock that it holds. */
static uint32_t *find_lock(void *memory, size_t size) {
  uint32_t *words = memory;
  for (size_t i = WORD; i + 10 <= size / sizeof *words; i += sizeof(void *) / sizeof *words) {
    uint32_t *lock = &words[i];
    if ((*lock & 0x3fffffff) == (uint32_t)gettid() && *at(lock, PREVIOUS) != 0 && *at(lock, NEXT) != 0) return lock;
  }
  test_failed(__FILE__, __LINE__, "no lock word with this thread's id was found");
}

/* The word that an attack wants to change. The word before it holds the value that the attack needs there. */
static uintptr_t private_words[8] = { 100, 101, 102, 103, 104, 105, 106, 107 };

static void check_private_words(void) {
  for (uintptr_t i = 0; i < 8; i++) CHECK_EQUAL(private_words[i], 100 + i);
}

/* The ways to overwrite both links; an unmapped, an unaligned and a read-only address, one outside the address space, private memory,
 * the entry itself, another place of the object. */
enum { WAYS = 12 };

static void overwrite(uint32_t *lock, int way) {
  static const char constant[64] = "read-only";
  uintptr_t bad[] = {
    0, (uintptr_t)0x414141414140, (uintptr_t)0x4141414141414141, UINTPTR_MAX, (uintptr_t)constant,
    (uintptr_t)&private_words[4], (uintptr_t)&lock[NEXT], (uintptr_t)&lock[16] };
  if (way < 8) *at(lock, PREVIOUS) = *at(lock, NEXT) = bad[way];
  if (way == 8) *at(lock, NEXT) ^= (uintptr_t)0x414141414140;
  if (way == 9) *at(lock, PREVIOUS) ^= (uintptr_t)0x414141414140;
  if (way == 10) { /* a write of one private address to another: each unlink of a doubly linked list does that if it checks nothing */
    *at(lock, PREVIOUS) = (uintptr_t)&private_words[2];
    *at(lock, NEXT) = (uintptr_t)&private_words[6];
  }
  if (way == 11) *at(lock, NEXT) += 1;
}

/* Uses and closes an object that has nothing to do with the overwritten one. */
static void use_another_object(void) {
  ipc_shm_t *another;
  CHECK_EQUAL(ipc_shm_anonymous(&another, sizeof(ipc_mutex_t)), 0);
  ipc_mutex_t *mutex = ipc_shm_data(another);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_shm_close(another), -EBUSY);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_shm_close(another), 0);
}

/* One lock held, between two others that stay sound: it, the older one or the younger one is overwritten. */
static void one_lock(int kind, int way, int order) {
  ipc_shm_t *shm;
  ipc_mutex_t *sound = shared_memory(2 * sizeof *sound);
  CHECK_EQUAL(ipc_mutex_init(&sound[0], NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&sound[1], NULL), 0);
  CHECK_EQUAL(ipc_shm_anonymous(&shm, sizeof *locks), 0);
  locks = ipc_shm_data(shm);
  init();
  if (order & 1) CHECK_EQUAL(ipc_mutex_lock(&sound[0], 0), 0);
  CHECK_EQUAL(take(kind), 0);
  uint32_t *lock = find_lock(locks, sizeof *locks);
  if (order & 2) CHECK_EQUAL(ipc_mutex_lock(&sound[1], 0), 0);
  overwrite(lock, way);
  use_another_object();
  CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
  if (order & 4) {
    if (order & 1) CHECK_EQUAL(ipc_mutex_unlock(&sound[0]), 0);
    if (order & 2) CHECK_EQUAL(ipc_mutex_unlock(&sound[1]), 0);
    CHECK_EQUAL(give(kind), 0);
  } else {
    CHECK_EQUAL(give(kind), 0);
    if (order & 1) CHECK_EQUAL(ipc_mutex_unlock(&sound[0]), 0);
    if (order & 2) CHECK_EQUAL(ipc_mutex_unlock(&sound[1]), 0);
  }
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  use_another_object();
  check_private_words();
  munmap(sound, 2 * sizeof *sound);
}

static void every_lock(void *argument) {
  (void)argument;
  for (int kind = 0; kind < KINDS; kind++)
    for (int way = 0; way < WAYS; way++)
      for (int order = 0; order < 8; order++) one_lock(kind, way, order);
}

/* Beside robust mutexes of libc's, which the library knows nothing of. They stay usable and robust. */
static void beside_libc(void *argument) {
  (void)argument;
  pthread_mutexattr_t robust;
  pthread_mutex_t *theirs = shared_memory(2 * sizeof *theirs);
  CHECK_EQUAL(pthread_mutexattr_init(&robust), 0);
  CHECK_EQUAL(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST), 0);
  CHECK_EQUAL(pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED), 0);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(pthread_mutex_init(&theirs[i], &robust), 0);
  locks = shared_memory(sizeof *locks);
  for (int kind = 0; kind < KINDS; kind++)
    for (int order = 0; order < 4; order++) {
      init();
      CHECK_EQUAL(pthread_mutex_lock(&theirs[0]), 0);
      CHECK_EQUAL(take(kind), 0);
      CHECK_EQUAL(pthread_mutex_lock(&theirs[1]), 0);
      if (order & 1) CHECK_EQUAL(pthread_mutex_unlock(&theirs[0]), 0);
      if (order & 2) CHECK_EQUAL(pthread_mutex_unlock(&theirs[1]), 0);
      use_another_object();
      CHECK_EQUAL(give(kind), 0);
      if (!(order & 1)) CHECK_EQUAL(pthread_mutex_unlock(&theirs[0]), 0);
      if (!(order & 2)) CHECK_EQUAL(pthread_mutex_unlock(&theirs[1]), 0);
    }
  /* Nothing is lost from the list when nothing is overwritten: a death releases all three. */
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK_EQUAL(pthread_mutex_lock(&theirs[0]), 0);
    CHECK_EQUAL(take(0), 0);
    CHECK_EQUAL(pthread_mutex_lock(&theirs[1]), 0);
    CHECK_EQUAL(take(3), 0);
    CHECK_EQUAL(give(3), 0);
    CHECK_EQUAL(take(1), 0);
    _exit(0);
  }
  FINISH(child);
  CHECK_EQUAL(pthread_mutex_trylock(&theirs[0]), EOWNERDEAD);
  CHECK_EQUAL(pthread_mutex_trylock(&theirs[1]), EOWNERDEAD);
  CHECK_EQUAL(take(0), IPC_OWNER_DIED);
  CHECK_EQUAL(take(1), IPC_OWNER_DIED);
}

/* More locks than a thread's record has room for, released in any order: nothing is lost. */
static void many_locks(void *argument) {
  enum { MANY = 200 };
  (void)argument;
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_anonymous(&shm, MANY * sizeof(ipc_mutex_t)), 0);
  ipc_mutex_t *many = ipc_shm_data(shm);
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_init(&many[i], NULL), 0);
  for (int step = 1; step < MANY; step += 2) {
    if (step % 5 == 0) continue;
    for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_lock(&many[i], 0), 0);
    for (int i = 0; i < MANY; i++) {
      CHECK_EQUAL(ipc_shm_close(shm), -EBUSY);
      CHECK_EQUAL(ipc_mutex_unlock(&many[i * step % MANY]), 0);
    }
  }
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_lock(&many[i], 0), 0);
    for (int i = 0; i < MANY; i += 3) CHECK_EQUAL(ipc_mutex_unlock(&many[i]), 0);
    _exit(0);
  }
  FINISH(child);
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_lock(&many[i], 0), i % 3 == 0 ? 0 : IPC_OWNER_DIED);
  for (int i = 0; i < MANY; i++) overwrite((uint32_t *)(void *)&many[i] + MUTEX_WORD, i % WAYS);
  use_another_object();
  for (int i = 0; i < MANY; i++) CHECK_EQUAL(ipc_mutex_unlock(&many[i]), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  check_private_words();
}

/* The lock word is overwritten too: the thread holds a lock that it cannot unlock, and can close the region nevertheless. */
static void word_overwritten(void *argument) {
  (void)argument;
  for (int way = 0; way < WAYS + 1; way++)
    for (uint64_t word = 0; word < 3; word++) {
      ipc_shm_t *shm;
      CHECK_EQUAL(ipc_shm_anonymous(&shm, sizeof *locks), 0);
      locks = ipc_shm_data(shm);
      init();
      CHECK_EQUAL(take(0), 0);
      uint32_t *lock = find_lock(locks, sizeof *locks);
      overwrite(lock, way);
      memcpy(lock, (uint32_t[]){ word == 0 ? 0 : word == 1 ? 1 : 0x40000000 }, sizeof(uint32_t));
      CHECK_EQUAL(give(0), -EPERM);
      CHECK_EQUAL(ipc_shm_close(shm), 0);
      use_another_object();
    }
  check_private_words();
}

/* A peer makes a lock look like this thread's, which has never locked it. */
static void word_forged(void *argument) {
  (void)argument;
  for (int way = 0; way < WAYS + 1; way++) {
    ipc_shm_t *shm;
    CHECK_EQUAL(ipc_shm_anonymous(&shm, sizeof *locks), 0);
    locks = ipc_shm_data(shm);
    init();
    uint32_t *lock = (uint32_t *)(void *)&locks->mutex + MUTEX_WORD;
    memcpy(lock, (uint32_t[]){ (uint32_t)gettid() }, sizeof(uint32_t));
    overwrite(lock, way);
    CHECK_EQUAL(take(0), -EDEADLK);
    CHECK_EQUAL(give(0), 0);
    CHECK_EQUAL(take(0), 0);
    CHECK_EQUAL(give(0), 0);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
    use_another_object();
  }
  check_private_words();
}

/* Messages reserved and borrowed. */
static void queue(void *argument) {
  (void)argument;
  const char *name = unique_name("links");
  ipc_mq_attr_t attr = { .max_messages = 4, .message_size = 64 };
  for (int way = 0; way < WAYS; way++)
    for (int end = 0; end < 3; end++) {
      ipc_mq_t *mq;
      void *place;
      const void *found;
      uint32_t *slot;
      CHECK_EQUAL(ipc_mq_open(&mq, name, &attr, IPC_CREATE, 0600), IPC_CREATED);
      CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
      CHECK_EQUAL(ipc_mq_send(mq, "text", 4, 0, 0), 0);
      if (end == 0) {
        CHECK_EQUAL(ipc_mq_borrow(mq, &found, NULL, NULL, 0), 4);
        slot = (uint32_t *)(uintptr_t)found - SLOT + WORD;
      } else {
        CHECK_EQUAL(ipc_mq_reserve(mq, &place, 0), 0);
        slot = (uint32_t *)place - SLOT + WORD;
      }
      CHECK_EQUAL(*slot & 0x3fffffff, (uint32_t)gettid());
      overwrite(slot, way);
      use_another_object();
      CHECK_EQUAL(ipc_mq_close(mq), -EBUSY);
      if (end == 0) CHECK_EQUAL(ipc_mq_return(mq, found), 0);
      if (end == 1) CHECK_EQUAL(ipc_mq_commit(mq, place, 1, 0), 0);
      if (end == 2) CHECK_EQUAL(ipc_mq_abandon(mq, place), 0);
      CHECK_EQUAL(ipc_mq_close(mq), 0);
      use_another_object();
    }
  check_private_words();
}

/* Sealed memory, the other end of which is an untrusted process with a mapping of its own. */
static void sealed(void *argument) {
  (void)argument;
  static const ipc_type_t type = IPC_TYPE(Locks, 1);
  for (int way = 0; way < WAYS; way++) {
    ipc_shm_t *shm;
    int ask[2], answer[2];
    char byte = 0;
    CHECK_EQUAL(ipc_shm_sealed(&shm, &type), 0);
    locks = ipc_shm_data(shm);
    init();
    CHECK(pipe2(ask, O_CLOEXEC) == 0 && pipe2(answer, O_CLOEXEC) == 0);
    fflush(NULL);
    pid_t child = fork(), victim = gettid();
    CHECK(child >= 0);
    if (child == 0) {
      ipc_shm_t *own;
      CHECK_EQUAL(ipc_shm_from_fd(&own, ipc_shm_fd(shm), &type, 0), 0);
      CHECK(read(ask[0], &byte, 1) == 1);
      uint32_t *lock = (uint32_t *)ipc_shm_data(own) + MUTEX_WORD;
      CHECK_EQUAL(*lock & 0x3fffffff, (uint32_t)getppid());
      overwrite(lock, way);
      CHECK(write(answer[1], &byte, 1) == 1);
      _exit(0);
    }
    (void)victim;
    CHECK_EQUAL(ipc_mutex_lock(&locks->mutex, 0), 0);
    CHECK(write(ask[1], &byte, 1) == 1 && read(answer[0], &byte, 1) == 1);
    FINISH(child);
    use_another_object();
    CHECK_EQUAL(ipc_mutex_unlock(&locks->mutex), 0);
    check_private_words();
    CHECK_EQUAL(ipc_shm_close(shm), 0);
    close(ask[0]), close(ask[1]), close(answer[0]), close(answer[1]);
  }
}

/* From here on the process may not look into other processes, nor into itself: some sandboxes forbid that. */
static void forbid_process_vm_readv(void) {
  struct sock_filter program[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { sizeof program / sizeof *program, program };
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) SKIP("seccomp filters are not available here");
}

int main(void) {
  SKIP_UNDER_VALGRIND("the library asks the kernel about addresses that lead nowhere");
  static void (*const tests[])(void *) = { every_lock,       beside_libc, many_locks, word_overwritten,
                                           word_forged, queue,       sealed };
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) FINISH(start(tests[i], NULL));
    if (pass == 0) forbid_process_vm_readv();
  }
  return 0;
}
