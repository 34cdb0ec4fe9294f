/* Every call of the library, with the least that it needs before and after: for tests that make each call under
 * conditions that no single test thinks of (no memory, a failing system call, a pending cancellation).
 *
 * An entry is used in a process of its own:  before(), then run() once or several times, then after() with the result
 * of the last run(). run() never has to wait. after() gives back everything, so that what is left has leaked. Entries that have the
 * same call in another state have a suffix after a colon. every_call_is_complete() compares the entries with exports.txt.
 */
#ifndef EVERY_CALL_H
#define EVERY_CALL_H

#include "test.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/stat.h>

typedef struct {
  const char *name;
  void (*before)(void);
  long (*run)(void);
  void (*after)(long result);
} Call;

static Call every_call[300];
static int call_count;

#define CALL_NAMED(id, text, before_, run_, after_) \
  static void id##_before(void) { before_; } \
  static long id##_run(void) { return (long)(run_); } \
  static void id##_after(long result) { (void)result; after_; } \
  __attribute__((constructor)) static void id##_register(void) { \
    every_call[call_count++] = (Call){ text, id##_before, id##_run, id##_after }; \
  }
#define CALL(id, before_, run_, after_) CALL_NAMED(id##_entry, #id, before_, run_, after_)
#define CALL_IN_STATE(id, state, before_, run_, after_) \
  CALL_NAMED(id##_##state##_entry, #id ":" #state, before_, run_, after_)

#define MUST(call) CHECK((call) >= 0)

/* Variables of the entries. A process uses one entry, so they can share it. */
static struct {
  char name[80], path[200];
  ipc_shm_t *shm, *shm2;
  ipc_sem_t *sem;
  ipc_mq_t *mq, *mq2;
  ipc_topic_t *topic, *topic2;
  ipc_cell_t *cell, *cell2;
  ipc_service_t *service, *service2;
  ipc_client_t *client;
  ipc_request_t request;
  ipc_service_stat_t service_stat;
  ipc_service_attr_t service_attr;
  ipc_type_t types[2];
  uint64_t call_id;
  ipc_sample_t sample;
  ipc_child_t *child;
  ipc_waitset_t *set;
  ipc_ready_t ready;
  ipc_list_t *list;
  ipc_sysv_shm_t *sysv_shm;
  ipc_sysv_msg_t *sysv_msg;
  ipc_sysv_sem_t *sysv_sem;
  int fds[3], id;
  void *message;
  const void *borrowed;
  char buffer[512];
  ipc_object_t object;
  ipc_type_t type;
  unsigned number, number2;
} with;

/* Shared with children. */
static struct Placed {
  ipc_mutex_t mutex, other;
  ipc_cond_t cond;
  ipc_sem_t sem;
  ipc_rwlock_t rwlock;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_once_t once;
  ipc_event_t event;
} *shared_places;
#define placed (*shared_places)

static const ipc_type_t call_type = { "Counter", 1, 0, sizeof(int), _Alignof(int), { { NULL, 0, 0 } } };
static const ipc_mq_attr_t call_mq_attr = { .max_messages = 4, .message_size = 64 };
static const ipc_topic_attr_t call_topic_attr = { .sample_size = 64, .capacity = 4, .max_subscribers = 4 };
static const char *const call_argv[] = { "/bin/true", NULL };
static const char *const call_cat[] = { "/bin/cat", NULL };

/* Whether the result is what run() gives when nothing is wrong: some entries wait until they time out. */
__attribute__((unused)) static int call_succeeded(long result) { return result >= 0 || result == -ETIMEDOUT; }

/* Gives an entry its names and memory: to be called by the test's own process, before the one that uses the entry. */
__attribute__((unused)) static void call_prepare(const Call *call) {
  static char base[64];
  if (shared_places == NULL) {
    snprintf(base, sizeof base, "%s", unique_name("call"));
    shared_places = mmap(NULL, sizeof *shared_places, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared_places != MAP_FAILED);
  }
  memset(shared_places, 0, sizeof *shared_places);
  snprintf(with.name, sizeof with.name, "%s-%d", base, (int)(call - every_call));
  const char *directory = getenv("TMPDIR");
  snprintf(with.path, sizeof with.path, "%.100s%s", directory ? directory : "/tmp", with.name);
}

/* In the entry's process: uses the entry once, so that what the library and libc allocate once is there. */
__attribute__((unused)) static void call_warm_up(const Call *call) {
  call->before();
  call->after(call->run());
  memset(shared_places, 0, sizeof *shared_places);
}

/* Removes what the entry's process has left: also to be called by the test's own process. */
__attribute__((unused)) static void call_clean(void) {
  char path[128];
  snprintf(path, sizeof path, "/sem.%.80s", with.name + 1);
  (void)shm_unlink(path);
  (void)ipc_topic_unlink(with.name);
  (void)shm_unlink(with.name);
  (void)mq_unlink(with.name);
  (void)unlink(with.path);
}

/* Leaves a lock as a process does that dies with it: the caller's next lock is IPC_OWNER_DIED. */
#define DIE_WITH(lock) \
  do { \
    pid_t child_ = fork(); \
    CHECK(child_ >= 0); \
    if (child_ == 0) _exit((lock) >= 0 ? 0 : 1); \
    FINISH(child_); \
  } while (0)

static int call_init(void *data, void *context) {
  (void)context;
  *(int *)data = 7;
  return 0;
}

static void call_once(void *context) { (void)context; }

static void call_unlink(void) { (void)unlink(with.path); }

/* Texts. */
CALL(ipc_strerror, , ipc_strerror(-ENOENT) != NULL, )
CALL(ipc_last_error, , ipc_last_error() != NULL, )
CALL(ipc_new_owner, , ipc_new_owner((uid_t)-1, (gid_t)-1), )
CALL(ipc_deadline, , ipc_deadline(SECOND) < IPC_FOREVER, )
CALL(ipc_version, , ipc_version() != NULL, )
CALL(ipc_last_transferred, , ipc_last_transferred(), )

/* Regions. */
#define CREATE_SHM MUST(ipc_shm_open_typed(&with.shm, with.name, &call_type, IPC_CREATE, 0600))
#define CLOSE_SHM MUST(ipc_shm_close(with.shm))
#define UNLINK_SHM (void)ipc_shm_unlink(with.name)
CALL(ipc_shm_open_typed, , ipc_shm_open_typed(&with.shm, with.name, &call_type, IPC_CREATE | IPC_EXCLUSIVE, 0600),
     if (result >= 0) { CLOSE_SHM; UNLINK_SHM; })
CALL_IN_STATE(ipc_shm_open_typed, existing, CREATE_SHM, ipc_shm_open_typed(&with.shm2, with.name, &call_type, 0, 0),
     if (result >= 0) MUST(ipc_shm_close(with.shm2)); CLOSE_SHM; UNLINK_SHM)
CALL(ipc_shm_open_typed_init, , ipc_shm_open_typed_init(&with.shm, with.name, &call_type, IPC_CREATE | IPC_EXCLUSIVE,
     0600, call_init, NULL), if (result >= 0) { CLOSE_SHM; UNLINK_SHM; })
CALL(ipc_shm_open, , ipc_shm_open(&with.shm, with.name, 5000, IPC_CREATE | IPC_EXCLUSIVE, 0600),
     if (result >= 0) { CLOSE_SHM; UNLINK_SHM; })
CALL(ipc_shm_open_file, , ipc_shm_open_file(&with.shm, with.path, &call_type, IPC_CREATE | IPC_EXCLUSIVE, 0600),
     if (result >= 0) CLOSE_SHM; call_unlink())
CALL(ipc_shm_anonymous, , ipc_shm_anonymous(&with.shm, 100), if (result >= 0) CLOSE_SHM)
CALL(ipc_shm_sealed, , ipc_shm_sealed(&with.shm, &call_type), if (result >= 0) CLOSE_SHM)
CALL(ipc_shm_seal_writing, MUST(ipc_shm_sealed(&with.shm, &call_type)), ipc_shm_seal_writing(with.shm), CLOSE_SHM)
CALL(ipc_shm_from_fd, MUST(ipc_shm_sealed(&with.shm, &call_type)); MUST(with.fds[0] = ipc_shm_fd(with.shm)),
     ipc_shm_from_fd(&with.shm2, with.fds[0], &call_type, 0), if (result >= 0) MUST(ipc_shm_close(with.shm2)); CLOSE_SHM)
CALL(ipc_shm_data, CREATE_SHM, ipc_shm_data(with.shm) != NULL, CLOSE_SHM; UNLINK_SHM)
CALL(ipc_shm_size, CREATE_SHM, ipc_shm_size(with.shm), CLOSE_SHM; UNLINK_SHM)
CALL(ipc_shm_fd, CREATE_SHM, ipc_shm_fd(with.shm) >= 0, CLOSE_SHM; UNLINK_SHM)
CALL(ipc_shm_stale, CREATE_SHM, ipc_shm_stale(with.shm), CLOSE_SHM; UNLINK_SHM)
CALL(ipc_shm_sync, MUST(ipc_shm_open_file(&with.shm, with.path, &call_type, IPC_CREATE, 0600)), ipc_shm_sync(with.shm),
     CLOSE_SHM; call_unlink())
CALL(ipc_shm_close, CREATE_SHM, ipc_shm_close(with.shm), UNLINK_SHM)
CALL(ipc_shm_unlink, CREATE_SHM; CLOSE_SHM, ipc_shm_unlink(with.name), UNLINK_SHM)

/* Locks. */
#define MUTEX MUST(ipc_mutex_init(&placed.mutex, NULL))
#define LOCKED MUTEX; MUST(ipc_mutex_lock(&placed.mutex, 0))
CALL(ipc_mutex_init, , ipc_mutex_init(&placed.mutex, NULL), )
CALL(ipc_mutex_lock, MUTEX, ipc_mutex_lock(&placed.mutex, 0), if (result >= 0) MUST(ipc_mutex_unlock(&placed.mutex)))
CALL_IN_STATE(ipc_mutex_lock, owner_died, MUTEX; DIE_WITH(ipc_mutex_lock(&placed.mutex, 0)),
     ipc_mutex_lock(&placed.mutex, 0), if (result >= 0) MUST(ipc_mutex_unlock(&placed.mutex)))
#define OTHER_LOCKED MUST(ipc_mutex_init(&placed.other, NULL)); MUST(ipc_mutex_lock(&placed.other, 0))
#define UNLOCK_OTHER MUST(ipc_mutex_unlock(&placed.other))
CALL_IN_STATE(ipc_mutex_lock, second, OTHER_LOCKED; MUTEX, ipc_mutex_lock(&placed.mutex, 0),
     if (result >= 0) MUST(ipc_mutex_unlock(&placed.mutex)); UNLOCK_OTHER)
CALL_IN_STATE(ipc_mutex_unlock, first_of_two, LOCKED; OTHER_LOCKED, ipc_mutex_unlock(&placed.mutex), UNLOCK_OTHER)
CALL_IN_STATE(ipc_mutex_unlock, second_of_two, OTHER_LOCKED; LOCKED, ipc_mutex_unlock(&placed.mutex), UNLOCK_OTHER)
CALL(ipc_mutex_unlock, LOCKED, ipc_mutex_unlock(&placed.mutex), )
CALL(ipc_mutex_consistent, MUTEX; DIE_WITH(ipc_mutex_lock(&placed.mutex, 0)); MUST(ipc_mutex_lock(&placed.mutex, 0)),
     ipc_mutex_consistent(&placed.mutex), MUST(ipc_mutex_unlock(&placed.mutex)))
CALL(ipc_mutex_destroy, MUTEX, ipc_mutex_destroy(&placed.mutex), )
#define COND MUTEX; MUST(ipc_cond_init(&placed.cond))
CALL(ipc_cond_init, , ipc_cond_init(&placed.cond), )
CALL(ipc_cond_wait, COND; MUST(ipc_mutex_lock(&placed.mutex, 0)), ipc_cond_wait(&placed.cond, &placed.mutex, 1),
     MUST(ipc_mutex_unlock(&placed.mutex)))
CALL(ipc_cond_signal, COND, ipc_cond_signal(&placed.cond), )
CALL(ipc_cond_broadcast, COND, ipc_cond_broadcast(&placed.cond), )
CALL(ipc_cond_destroy, COND, ipc_cond_destroy(&placed.cond), )
#define RWLOCK MUST(ipc_rwlock_init(&placed.rwlock))
CALL(ipc_rwlock_init, , ipc_rwlock_init(&placed.rwlock), )
CALL(ipc_rwlock_read_lock, RWLOCK, ipc_rwlock_read_lock(&placed.rwlock, 0),
     if (result >= 0) MUST(ipc_rwlock_unlock(&placed.rwlock)))
CALL_IN_STATE(ipc_rwlock_read_lock, second, OTHER_LOCKED; RWLOCK, ipc_rwlock_read_lock(&placed.rwlock, 0),
     if (result >= 0) MUST(ipc_rwlock_unlock(&placed.rwlock)); UNLOCK_OTHER)
CALL(ipc_rwlock_write_lock, RWLOCK, ipc_rwlock_write_lock(&placed.rwlock, 0),
     if (result >= 0) MUST(ipc_rwlock_unlock(&placed.rwlock)))
CALL(ipc_rwlock_unlock, RWLOCK; MUST(ipc_rwlock_write_lock(&placed.rwlock, 0)), ipc_rwlock_unlock(&placed.rwlock), )
CALL(ipc_rwlock_consistent, RWLOCK; DIE_WITH(ipc_rwlock_write_lock(&placed.rwlock, 0));
     MUST(ipc_rwlock_write_lock(&placed.rwlock, 0)),
     ipc_rwlock_consistent(&placed.rwlock), MUST(ipc_rwlock_unlock(&placed.rwlock)))
CALL(ipc_rwlock_destroy, RWLOCK, ipc_rwlock_destroy(&placed.rwlock), )
#define PERMITS MUST(ipc_permits_init(&placed.permits, 2))
CALL(ipc_permits_init, , ipc_permits_init(&placed.permits, 2), )
CALL(ipc_permits_take, PERMITS, ipc_permits_take(&placed.permits, &with.number, 0),
     if (result >= 0) MUST(ipc_permits_give(&placed.permits, with.number)))
CALL_IN_STATE(ipc_permits_take, second, OTHER_LOCKED; PERMITS, ipc_permits_take(&placed.permits, &with.number, 0),
     if (result >= 0) MUST(ipc_permits_give(&placed.permits, with.number)); UNLOCK_OTHER)
CALL(ipc_permits_give, PERMITS; MUST(ipc_permits_take(&placed.permits, &with.number, 0)),
     ipc_permits_give(&placed.permits, with.number), )
CALL(ipc_permits_free, PERMITS, ipc_permits_free(&placed.permits, &with.number), )
CALL(ipc_permits_destroy, PERMITS, ipc_permits_destroy(&placed.permits), )
#define BARRIER MUST(ipc_barrier_init(&placed.barrier, 1))
CALL(ipc_barrier_init, , ipc_barrier_init(&placed.barrier, 1), )
CALL(ipc_barrier_join, BARRIER, ipc_barrier_join(&placed.barrier), (void)ipc_barrier_leave(&placed.barrier))
CALL(ipc_barrier_wait, BARRIER; MUST(ipc_barrier_join(&placed.barrier)), ipc_barrier_wait(&placed.barrier, 0),
     MUST(ipc_barrier_leave(&placed.barrier)))
CALL(ipc_barrier_leave, BARRIER; MUST(ipc_barrier_join(&placed.barrier)), ipc_barrier_leave(&placed.barrier), )
CALL(ipc_barrier_reset, BARRIER, ipc_barrier_reset(&placed.barrier), )
CALL(ipc_barrier_destroy, BARRIER, ipc_barrier_destroy(&placed.barrier), )
static int call_once_try(void *unused) { (void)unused; return 0; }
CALL(ipc_once, , ipc_once(&placed.once, call_once, NULL, 0), )
CALL(ipc_once_try, , ipc_once_try(&placed.once, call_once_try, NULL, 0), )
#define EVENT MUST(ipc_event_init(&placed.event, 0))
CALL(ipc_event_init, , ipc_event_init(&placed.event, 0), )
CALL(ipc_event_set, EVENT, ipc_event_set(&placed.event), )
CALL(ipc_event_reset, EVENT, ipc_event_reset(&placed.event), )
CALL(ipc_event_wait, EVENT; MUST(ipc_event_set(&placed.event)), ipc_event_wait(&placed.event, 0), )
CALL_IN_STATE(ipc_event_wait, times_out, EVENT, ipc_event_wait(&placed.event, 1), )
CALL(ipc_event_is_set, EVENT, ipc_event_is_set(&placed.event), )
CALL(ipc_event_fd, EVENT, ipc_event_fd(&placed.event), MUST(ipc_event_destroy(&placed.event)))
CALL(ipc_event_destroy, EVENT, ipc_event_destroy(&placed.event), )

/* Semaphores. */
#define SEM MUST(ipc_sem_init(&placed.sem, 3))
#define NAMED_SEM MUST(ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE, 0600))
#define CLOSE_SEM MUST(ipc_sem_close(with.sem))
CALL(ipc_sem_init, , ipc_sem_init(&placed.sem, 1), )
CALL(ipc_sem_wait, SEM, ipc_sem_wait(&placed.sem, 0), )
CALL_IN_STATE(ipc_sem_wait, times_out, MUST(ipc_sem_init(&placed.sem, 0)), ipc_sem_wait(&placed.sem, 1), )
CALL(ipc_sem_post, SEM, ipc_sem_post(&placed.sem), )
CALL(ipc_sem_value, SEM, ipc_sem_value(&placed.sem, &with.number), )
CALL(ipc_sem_fd, SEM, ipc_sem_fd(&placed.sem), MUST(ipc_sem_destroy(&placed.sem)))
CALL(ipc_sem_destroy, SEM, ipc_sem_destroy(&placed.sem), )
CALL(ipc_sem_open, , ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE | IPC_EXCLUSIVE, 0600),
     if (result >= 0) { CLOSE_SEM; (void)ipc_sem_unlink(with.name); })
CALL_IN_STATE(ipc_sem_open, posix, , ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE | IPC_EXCLUSIVE | IPC_POSIX, 0600),
     if (result >= 0) { CLOSE_SEM; (void)ipc_sem_unlink_posix(with.name); })
CALL(ipc_sem_close, NAMED_SEM, ipc_sem_close(with.sem), (void)ipc_sem_unlink(with.name))
CALL(ipc_sem_unlink, NAMED_SEM; CLOSE_SEM, ipc_sem_unlink(with.name), (void)ipc_sem_unlink(with.name))
CALL(ipc_sem_unlink_posix, MUST(ipc_sem_open(&with.sem, with.name, 1, IPC_CREATE | IPC_POSIX, 0600)); CLOSE_SEM,
     ipc_sem_unlink_posix(with.name), (void)ipc_sem_unlink_posix(with.name))

/* Message queues. */
#define MQ MUST(ipc_mq_open(&with.mq, with.name, &call_mq_attr, IPC_CREATE, 0600))
#define MQ_WITH_ONE MQ; MUST(ipc_mq_send(with.mq, "text", 4, 1, 0))
#define CLOSE_MQ MUST(ipc_mq_close(with.mq)); (void)ipc_mq_unlink(with.name, 0)
#define KERNEL_MQ MUST(ipc_mq_open(&with.mq, with.name, &call_mq_attr, IPC_CREATE | IPC_KERNEL, 0600))
#define CLOSE_KERNEL_MQ MUST(ipc_mq_close(with.mq)); (void)ipc_mq_unlink(with.name, IPC_KERNEL)
/* The queue has a descriptor, which this handle has opened, or another handle only. */
#define WATCHED MQ; MUST(ipc_mq_fd(with.mq))
#define WATCHED_ELSEWHERE MQ; MUST(ipc_mq_open(&with.mq2, with.name, NULL, 0, 0)); MUST(ipc_mq_fd(with.mq2))
#define CLOSE_BOTH MUST(ipc_mq_close(with.mq2)); CLOSE_MQ
CALL_IN_STATE(ipc_mq_send, watched, WATCHED, ipc_mq_send(with.mq, "text", 4, 1, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_mq_send, watched_elsewhere, WATCHED_ELSEWHERE, ipc_mq_send(with.mq, "text", 4, 1, 0), CLOSE_BOTH)
CALL_IN_STATE(ipc_mq_receive, watched, WATCHED; MUST(ipc_mq_send(with.mq, "text", 4, 1, 0)); MUST(ipc_mq_send(with.mq, "text", 4, 1, 0)),
     ipc_mq_receive(with.mq, with.buffer, 64, NULL, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_mq_receive, watched_elsewhere, WATCHED_ELSEWHERE; MUST(ipc_mq_send(with.mq2, "text", 4, 1, 0));
     MUST(ipc_mq_send(with.mq2, "text", 4, 1, 0)), ipc_mq_receive(with.mq, with.buffer, 64, NULL, 0), CLOSE_BOTH)
CALL_IN_STATE(ipc_mq_commit, watched_elsewhere, WATCHED_ELSEWHERE; MUST(ipc_mq_reserve(with.mq, &with.message, 0)),
     ipc_mq_commit(with.mq, with.message, 4, 1), CLOSE_BOTH)

CALL(ipc_mq_open, , ipc_mq_open(&with.mq, with.name, &call_mq_attr, IPC_CREATE | IPC_EXCLUSIVE, 0600),
     if (result >= 0) { CLOSE_MQ; })
CALL_IN_STATE(ipc_mq_open, existing, MQ, ipc_mq_open(&with.mq2, with.name, NULL, 0, 0),
     if (result >= 0) MUST(ipc_mq_close(with.mq2)); CLOSE_MQ)
CALL_IN_STATE(ipc_mq_open, kernel, , ipc_mq_open(&with.mq, with.name, &call_mq_attr, IPC_CREATE | IPC_KERNEL, 0600),
     if (result >= 0) { CLOSE_KERNEL_MQ; })
CALL(ipc_mq_open_fd, MQ; char path[128]; snprintf(path, sizeof path, "/dev/shm%s", with.name);
     MUST(with.fds[0] = open(path, O_RDWR | O_CLOEXEC)), ipc_mq_open_fd(&with.mq2, with.fds[0], 0),
     if (result >= 0) MUST(ipc_mq_close(with.mq2)); close(with.fds[0]); CLOSE_MQ)
CALL(ipc_mq_send, MQ, ipc_mq_send(with.mq, "text", 4, 1, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_mq_send, kernel, KERNEL_MQ, ipc_mq_send(with.mq, "text", 4, 1, 0), CLOSE_KERNEL_MQ)
CALL(ipc_mq_receive, MQ_WITH_ONE, ipc_mq_receive(with.mq, with.buffer, sizeof with.buffer, &with.number, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_mq_receive, times_out, MQ, ipc_mq_receive(with.mq, with.buffer, sizeof with.buffer, NULL, 1), CLOSE_MQ)
CALL(ipc_mq_send_many, MQ, ipc_mq_send_many(with.mq, (ipc_mq_message_t[]){ { "text", 4, 1, 0 }, { "more", 4, 1, 0 } },
     2, 0), CLOSE_MQ)
CALL(ipc_mq_receive_many, MQ_WITH_ONE, ipc_mq_receive_many(with.mq, (ipc_mq_message_t[]){ { with.buffer, 64, 0, 0 } }, 1,
     0), CLOSE_MQ)
CALL(ipc_mq_peek_priority, MQ_WITH_ONE, ipc_mq_peek_priority(with.mq, &with.number), CLOSE_MQ)
CALL(ipc_mq_reserve, MQ, ipc_mq_reserve(with.mq, &with.message, 0),
     if (result >= 0) MUST(ipc_mq_abandon(with.mq, with.message)); CLOSE_MQ)
#define RESERVED MQ; MUST(ipc_mq_reserve(with.mq, &with.message, 0))
CALL_IN_STATE(ipc_mq_reserve, second, OTHER_LOCKED; MQ, ipc_mq_reserve(with.mq, &with.message, 0),
     if (result >= 0) MUST(ipc_mq_abandon(with.mq, with.message)); CLOSE_MQ; UNLOCK_OTHER)
CALL(ipc_mq_commit, RESERVED, ipc_mq_commit(with.mq, with.message, 4, 1), CLOSE_MQ)
CALL(ipc_mq_abandon, RESERVED, ipc_mq_abandon(with.mq, with.message), CLOSE_MQ)
CALL(ipc_mq_borrow, MQ_WITH_ONE, ipc_mq_borrow(with.mq, &with.borrowed, &with.number, &with.number2, 0),
     if (result >= 0) MUST(ipc_mq_return(with.mq, with.borrowed)); CLOSE_MQ)
CALL(ipc_mq_return, MQ_WITH_ONE; MUST(ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0)),
     ipc_mq_return(with.mq, with.borrowed), CLOSE_MQ)
CALL(ipc_mq_hand_over, MQ_WITH_ONE; MUST(ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0)),
     ipc_mq_hand_over(with.mq, with.borrowed, getpid()), CLOSE_MQ)
CALL(ipc_mq_take_over, MQ_WITH_ONE; MUST(ipc_mq_borrow(with.mq, &with.borrowed, NULL, NULL, 0));
     MUST(ipc_mq_hand_over(with.mq, with.borrowed, getpid())), ipc_mq_take_over(with.mq, &with.borrowed, &with.number,
     &with.number2, 0), if (result >= 0) MUST(ipc_mq_return(with.mq, with.borrowed)); CLOSE_MQ)
CALL(ipc_mq_stat, MQ, ipc_mq_stat(with.mq, (ipc_mq_stat_t *)with.buffer), CLOSE_MQ)
CALL(ipc_mq_getattr, MQ, ipc_mq_getattr(with.mq, (ipc_mq_attr_t *)with.buffer), CLOSE_MQ)
CALL(ipc_mq_fd, MQ, ipc_mq_fd(with.mq) >= 0 ? 0 : ipc_mq_fd(with.mq), CLOSE_MQ)
CALL(ipc_mq_notify, MQ; with.fds[0] = eventfd(0, EFD_CLOEXEC), ipc_mq_notify(with.mq, &(ipc_mq_notify_t){ .kind =
     IPC_NOTIFY_EVENTFD, .eventfd = with.fds[0] }), if (result >= 0) MUST(ipc_mq_notify(with.mq, NULL)); close(with.fds[0]); CLOSE_MQ)
CALL(ipc_mq_stale, MQ, ipc_mq_stale(with.mq), CLOSE_MQ)
CALL(ipc_mq_close, MQ, ipc_mq_close(with.mq), (void)ipc_mq_unlink(with.name, 0))
CALL(ipc_mq_unlink, MQ; MUST(ipc_mq_close(with.mq)), ipc_mq_unlink(with.name, 0), (void)ipc_mq_unlink(with.name, 0))

/* Topics. */
#define TOPIC \
  MUST(ipc_topic_open(&with.topic, with.name, &call_topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600)); \
  MUST(ipc_topic_open(&with.topic2, with.name, &call_topic_attr, IPC_READ_ONLY, 0))
#define TOPIC_WITH_ONE TOPIC; MUST(ipc_topic_send(with.topic, "text", 4, 0))
#define TOPIC_RESERVED TOPIC; MUST(ipc_topic_reserve(with.topic, &with.message, 4, 0))
#define CLOSE_TOPIC \
  MUST(ipc_topic_close(with.topic)); \
  MUST(ipc_topic_close(with.topic2)); \
  MUST(ipc_topic_unlink(with.name))
CALL(ipc_topic_open, , ipc_topic_open(&with.topic, with.name, &call_topic_attr, IPC_CREATE | IPC_WRITE_ONLY, 0600),
     if (result >= 0) { MUST(ipc_topic_close(with.topic)); MUST(ipc_topic_unlink(with.name)); })
CALL_IN_STATE(ipc_topic_open, subscriber, TOPIC; MUST(ipc_topic_close(with.topic2)),
     ipc_topic_open(&with.topic2, with.name, NULL, IPC_READ_ONLY, 0),
     if (result >= 0) MUST(ipc_topic_close(with.topic2)); MUST(ipc_topic_close(with.topic)); MUST(ipc_topic_unlink(with.name)))
CALL(ipc_topic_send, TOPIC, ipc_topic_send(with.topic, "text", 4, 0), CLOSE_TOPIC)
CALL(ipc_topic_reserve, TOPIC, ipc_topic_reserve(with.topic, &with.message, 4, 0),
     if (result >= 0) MUST(ipc_topic_abandon(with.topic, with.message)); CLOSE_TOPIC)
CALL(ipc_topic_commit, TOPIC_RESERVED, ipc_topic_commit(with.topic, with.message, 4),
     if (result < 0) MUST(ipc_topic_abandon(with.topic, with.message)); CLOSE_TOPIC)
CALL(ipc_topic_abandon, TOPIC_RESERVED, ipc_topic_abandon(with.topic, with.message),
     if (result < 0) MUST(ipc_topic_abandon(with.topic, with.message)); CLOSE_TOPIC)
CALL(ipc_topic_receive, TOPIC_WITH_ONE, ipc_topic_receive(with.topic2, with.buffer, sizeof with.buffer, &with.sample, 0),
     CLOSE_TOPIC)
CALL_IN_STATE(ipc_topic_receive, times_out, TOPIC, ipc_topic_receive(with.topic2, with.buffer, sizeof with.buffer, NULL, 1),
     CLOSE_TOPIC)
CALL(ipc_topic_borrow, TOPIC_WITH_ONE, ipc_topic_borrow(with.topic2, &with.borrowed, &with.sample, 0),
     if (result >= 0) MUST(ipc_topic_return(with.topic2, with.borrowed)); CLOSE_TOPIC)
CALL(ipc_topic_return, TOPIC_WITH_ONE; MUST(ipc_topic_borrow(with.topic2, &with.borrowed, NULL, 0)),
     ipc_topic_return(with.topic2, with.borrowed),
     if (result < 0) MUST(ipc_topic_return(with.topic2, with.borrowed)); CLOSE_TOPIC)
CALL(ipc_topic_fd, TOPIC, ipc_topic_fd(with.topic2) >= 0 ? 0 : ipc_topic_fd(with.topic2), CLOSE_TOPIC)
CALL(ipc_topic_getattr, TOPIC, ipc_topic_getattr(with.topic, (ipc_topic_attr_t *)with.buffer), CLOSE_TOPIC)
CALL(ipc_topic_stat, TOPIC, ipc_topic_stat(with.topic, (ipc_topic_stat_t *)with.buffer), CLOSE_TOPIC)
CALL(ipc_topic_stale, TOPIC, ipc_topic_stale(with.topic), CLOSE_TOPIC)
CALL(ipc_topic_close, TOPIC; MUST(ipc_topic_close(with.topic2)), ipc_topic_close(with.topic), (void)ipc_topic_unlink(with.name))
CALL(ipc_topic_unlink, TOPIC; MUST(ipc_topic_close(with.topic)); MUST(ipc_topic_close(with.topic2)),
     ipc_topic_unlink(with.name), (void)ipc_topic_unlink(with.name))

/* Cells. */
#define CELL MUST(ipc_cell_open(&with.cell, with.name, &call_type, IPC_CREATE, 0600)); MUST(ipc_cell_write(with.cell, &(int){ 5 }))
#define CLOSE_CELL MUST(ipc_cell_close(with.cell)); MUST(ipc_cell_unlink(with.name))
static int call_change(void *value, void *context) { (void)context; ++*(int *)value; return 0; }
CALL(ipc_cell_open, , ipc_cell_open(&with.cell, with.name, &call_type, IPC_CREATE, 0600), if (result >= 0) { CLOSE_CELL; })
CALL_IN_STATE(ipc_cell_open, read_only, CELL, ipc_cell_open(&with.cell2, with.name, &call_type, IPC_READ_ONLY, 0),
     if (result >= 0) MUST(ipc_cell_close(with.cell2)); CLOSE_CELL)
CALL(ipc_cell_write, CELL, ipc_cell_write(with.cell, &with.id), CLOSE_CELL)
CALL(ipc_cell_update, CELL, ipc_cell_update(with.cell, call_change, NULL), CLOSE_CELL)
CALL(ipc_cell_read, CELL, ipc_cell_read(with.cell, &with.id, &with.sample), CLOSE_CELL)
CALL(ipc_cell_wait, CELL, ipc_cell_wait(with.cell, &with.id, 0, &with.sample, 0), CLOSE_CELL)
CALL_IN_STATE(ipc_cell_wait, times_out, CELL, ipc_cell_wait(with.cell, &with.id, UINT64_MAX, NULL, 1), CLOSE_CELL)
CALL_IN_STATE(ipc_cell_wait, read_only, CELL; MUST(ipc_cell_open(&with.cell2, with.name, &call_type, IPC_READ_ONLY, 0)),
     ipc_cell_wait(with.cell2, &with.id, UINT64_MAX, NULL, 1), MUST(ipc_cell_close(with.cell2)); CLOSE_CELL)
CALL(ipc_cell_fd, CELL, ipc_cell_fd(with.cell) >= 0 ? 0 : ipc_cell_fd(with.cell), CLOSE_CELL)
CALL(ipc_cell_stale, CELL, ipc_cell_stale(with.cell), CLOSE_CELL)
CALL(ipc_cell_close, CELL, ipc_cell_close(with.cell), (void)ipc_cell_unlink(with.name))
CALL(ipc_cell_unlink, CELL; MUST(ipc_cell_close(with.cell)), ipc_cell_unlink(with.name), (void)ipc_cell_unlink(with.name))

/* Services. */
static const ipc_service_attr_t call_service_attr = { .request_size = 64, .reply_size = 64, .max_requests = 4, .max_clients = 4 };
#define SERVICE MUST(ipc_service_open(&with.service, with.name, &call_service_attr, IPC_CREATE, 0600))
#define SERVICE_CLIENT SERVICE; MUST(ipc_client_open(&with.client, with.name, 0))
#define CLOSE_SERVICE MUST(ipc_service_close(with.service)); MUST(ipc_service_unlink(with.name))
#define CLOSE_SERVICE_CLIENT MUST(ipc_client_close(with.client)); CLOSE_SERVICE
#define SEND_REQUEST MUST(ipc_client_send(with.client, "data", 4, 1, 0, &with.call_id))
#define RECEIVE_REQUEST MUST(ipc_service_receive(with.service, with.buffer, sizeof with.buffer, &with.request, 0))
CALL(ipc_service_open, , ipc_service_open(&with.service, with.name, &call_service_attr, IPC_CREATE, 0600),
     if (result >= 0) { CLOSE_SERVICE; })
CALL_IN_STATE(ipc_service_open, existing, SERVICE, ipc_service_open(&with.service2, with.name, NULL, 0, 0),
     if (result >= 0) MUST(ipc_service_close(with.service2)); CLOSE_SERVICE)
CALL(ipc_service_receive, SERVICE_CLIENT; SEND_REQUEST,
     ipc_service_receive(with.service, with.buffer, sizeof with.buffer, &with.request, 0), CLOSE_SERVICE_CLIENT)
CALL_IN_STATE(ipc_service_receive, times_out, SERVICE_CLIENT,
     ipc_service_receive(with.service, with.buffer, sizeof with.buffer, &with.request, 1), CLOSE_SERVICE_CLIENT)
CALL(ipc_service_reply, SERVICE_CLIENT; SEND_REQUEST; RECEIVE_REQUEST,
     ipc_service_reply(with.service, &with.request, "reply", 5), CLOSE_SERVICE_CLIENT)
CALL(ipc_service_fd, SERVICE, ipc_service_fd(with.service) >= 0 ? 0 : ipc_service_fd(with.service), CLOSE_SERVICE)
CALL(ipc_service_stat, SERVICE, ipc_service_stat(with.service, &with.service_stat), CLOSE_SERVICE)
CALL(ipc_service_stale, SERVICE, ipc_service_stale(with.service), CLOSE_SERVICE)
CALL(ipc_service_close, SERVICE, ipc_service_close(with.service), (void)ipc_service_unlink(with.name))
CALL(ipc_service_unlink, SERVICE; MUST(ipc_service_close(with.service)), ipc_service_unlink(with.name),
     (void)ipc_service_unlink(with.name))
CALL(ipc_client_open, SERVICE, ipc_client_open(&with.client, with.name, 0),
     if (result >= 0) MUST(ipc_client_close(with.client)); CLOSE_SERVICE)
CALL(ipc_client_open_typed, SERVICE, ipc_client_open_typed(&with.client, with.name, NULL, NULL, 0),
     if (result >= 0) MUST(ipc_client_close(with.client)); CLOSE_SERVICE)
CALL(ipc_client_getattr, SERVICE_CLIENT, ipc_client_getattr(with.client, &with.service_attr, &with.types[0], &with.types[1]),
     CLOSE_SERVICE_CLIENT)
CALL(ipc_client_call, SERVICE_CLIENT, ipc_client_call(with.client, "data", 4, 1, with.buffer, sizeof with.buffer, 1),
     CLOSE_SERVICE_CLIENT)
CALL(ipc_client_send, SERVICE_CLIENT, ipc_client_send(with.client, "data", 4, 1, 0, &with.call_id), CLOSE_SERVICE_CLIENT)
CALL(ipc_client_receive, SERVICE_CLIENT; SEND_REQUEST; RECEIVE_REQUEST; MUST(ipc_service_reply(with.service, &with.request, "reply", 5)),
     ipc_client_receive(with.client, with.buffer, sizeof with.buffer, &with.call_id, 0), CLOSE_SERVICE_CLIENT)
CALL_IN_STATE(ipc_client_receive, times_out, SERVICE_CLIENT,
     ipc_client_receive(with.client, with.buffer, sizeof with.buffer, &with.call_id, 1), CLOSE_SERVICE_CLIENT)
CALL(ipc_client_fd, SERVICE_CLIENT, ipc_client_fd(with.client) >= 0 ? 0 : ipc_client_fd(with.client), CLOSE_SERVICE_CLIENT)
CALL(ipc_client_stale, SERVICE_CLIENT, ipc_client_stale(with.client), CLOSE_SERVICE_CLIENT)
CALL(ipc_client_close, SERVICE_CLIENT, ipc_client_close(with.client), CLOSE_SERVICE)
/* Waitsets. */
#define SET MUST(ipc_waitset_open(&with.set, 0))
#define CLOSE_SET MUST(ipc_waitset_close(with.set))
CALL(ipc_waitset_open, , ipc_waitset_open(&with.set, 0), if (result >= 0) CLOSE_SET)
CALL(ipc_waitset_add, SET; EVENT, ipc_waitset_add(with.set, IPC_WAIT_EVENT, &placed.event, &with), CLOSE_SET)
CALL_IN_STATE(ipc_waitset_add, queue, SET; MQ, ipc_waitset_add(with.set, IPC_WAIT_MESSAGE, with.mq, &with), CLOSE_SET; CLOSE_MQ)
CALL(ipc_waitset_add_fd, SET; CHECK(pipe2(with.fds, O_CLOEXEC) == 0), ipc_waitset_add_fd(with.set, with.fds[0], 1, &with),
     CLOSE_SET; close(with.fds[0]); close(with.fds[1]))
CALL(ipc_waitset_add_timer, SET, ipc_waitset_add_timer(with.set, 1, 0, &with), CLOSE_SET)
CALL(ipc_waitset_remove, SET; EVENT; MUST(ipc_waitset_add(with.set, IPC_WAIT_EVENT, &placed.event, &with)),
     ipc_waitset_remove(with.set, &with), CLOSE_SET)
CALL(ipc_waitset_wait, SET; EVENT; MUST(ipc_event_set(&placed.event)); MUST(ipc_waitset_add(with.set, IPC_WAIT_EVENT,
     &placed.event, &with)), ipc_waitset_wait(with.set, &with.ready, 1, 0), CLOSE_SET)
CALL_IN_STATE(ipc_waitset_wait, times_out, SET; EVENT; MUST(ipc_waitset_add(with.set, IPC_WAIT_EVENT, &placed.event, &with)),
     ipc_waitset_wait(with.set, &with.ready, 1, 1), CLOSE_SET)
CALL(ipc_waitset_fd, SET, ipc_waitset_fd(with.set), CLOSE_SET)
CALL(ipc_waitset_close, SET, ipc_waitset_close(with.set), )

/* Pipes and FIFOs. */
#define CLOSE_FDS close(with.fds[0]); close(with.fds[1])
#define PIPE CHECK(pipe2(with.fds, O_CLOEXEC) == 0)
CALL(ipc_pipe, , ipc_pipe(&with.fds[0], &with.fds[1], 0), if (result >= 0) { CLOSE_FDS; })
CALL(ipc_read_full, PIPE; CHECK(write(with.fds[1], "text", 4) == 4); CHECK(write(with.fds[1], "text", 4) == 4),
     ipc_read_full(with.fds[0], with.buffer, 4, PATIENCE), CLOSE_FDS)
CALL(ipc_write_full, PIPE, ipc_write_full(with.fds[1], "text", 4, PATIENCE), CLOSE_FDS)
CALL(ipc_pipe_capacity, PIPE, ipc_pipe_capacity(with.fds[0]), CLOSE_FDS)
CALL(ipc_pipe_set_capacity, PIPE, ipc_pipe_set_capacity(with.fds[0], 4096), CLOSE_FDS)
CALL(ipc_fifo_create, , ipc_fifo_create(with.path, IPC_EXCLUSIVE, 0600), call_unlink())
CALL(ipc_fifo_open, MUST(mkfifo(with.path, 0600)), with.fds[0] = ipc_fifo_open(with.path, IPC_READ_ONLY | IPC_FIFO_KEEP_OPEN,
     0), if (with.fds[0] >= 0) close(with.fds[0]); call_unlink())
CALL(ipc_fifo_unlink, MUST(mkfifo(with.path, 0600)), ipc_fifo_unlink(with.path), call_unlink())

/* Children. */
static const ipc_spawn_attr_t call_spawn_attr = { .input = { .kind = IPC_STREAM_PIPE }, .output = { .kind = IPC_STREAM_PIPE } };
#define CAT MUST(ipc_spawn_with(&with.child, call_cat, 0, &call_spawn_attr))
#define END_CHILD (void)ipc_child_kill(with.child, SIGKILL); (void)ipc_child_wait(with.child, NULL, PATIENCE); \
  MUST(ipc_child_close(with.child))
CALL(ipc_spawn, , ipc_spawn(&with.child, call_argv, 0), if (result >= 0) { END_CHILD; })
CALL(ipc_spawn_with, , ipc_spawn_with(&with.child, call_cat, 0, &call_spawn_attr), if (result >= 0) { END_CHILD; })
CALL(ipc_child_stdin, CAT, ipc_child_stdin(with.child) >= 0, END_CHILD)
CALL(ipc_child_stdout, CAT, ipc_child_stdout(with.child) >= 0, END_CHILD)
CALL(ipc_child_stderr, CAT, ipc_child_stderr(with.child) >= 0, END_CHILD)
CALL(ipc_child_close_stdin, CAT, ipc_child_close_stdin(with.child), END_CHILD)
CALL(ipc_child_close_stdout, CAT, ipc_child_close_stdout(with.child), END_CHILD)
CALL(ipc_child_close_stderr, MUST(ipc_spawn(&with.child, (const char *const[]){ "cat", NULL }, IPC_STDIN_PIPE | IPC_STDERR_PIPE)), ipc_child_close_stderr(with.child), END_CHILD)
static long call_spawn_setup(int flags) {
  ipc_child_descriptor_t given = { with.fds[0], 5 };
  ipc_child_limit_t limit = { .soft = 0, .hard = 0, .resource = 4 /* RLIMIT_CORE */ };
  ipc_child_setup_t setup = { .flags = flags, .descriptors = &given, .descriptor_count = 1, .limits = &limit, .limit_count = 1 };
  ipc_spawn_attr_t attr = { .setup = &setup };
  return ipc_spawn_with(&with.child, (const char *const[]){ "cat", NULL }, IPC_STDIN_PIPE, &attr);
}
#define FILE_TO_GIVE MUST(with.fds[0] = open("/dev/null", O_WRONLY | O_CLOEXEC))
CALL_IN_STATE(ipc_spawn_with, setup, FILE_TO_GIVE, call_spawn_setup(IPC_CHILD_NEW_GROUP | IPC_CHILD_KEEP_IGNORED),
     if (result >= 0) { END_CHILD; } close(with.fds[0]))
CALL(ipc_child_kill_group, FILE_TO_GIVE; MUST(call_spawn_setup(IPC_CHILD_NEW_GROUP)), ipc_child_kill_group(with.child, SIGKILL), END_CHILD; close(with.fds[0]))
CALL(ipc_child_pid, CAT, ipc_child_pid(with.child) > 0, END_CHILD)
CALL(ipc_child_fd, CAT, ipc_child_fd(with.child) >= 0, END_CHILD)
CALL(ipc_child_wait, CAT; MUST(ipc_child_kill(with.child, SIGKILL)), ipc_child_wait(with.child, NULL, PATIENCE), END_CHILD)
CALL(ipc_child_kill, CAT, ipc_child_kill(with.child, SIGKILL), END_CHILD)
CALL(ipc_child_communicate, CAT, ipc_child_communicate(with.child, &(ipc_exchange_t){ .input = "text", .input_size = 4,
     .output = with.buffer, .output_capacity = sizeof with.buffer }, PATIENCE), END_CHILD)
/* A later spawn reaps a child whose handle was closed before the child ended. */
static void call_reap(pid_t child) {
  siginfo_t info;
  (void)waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  MUST(ipc_spawn(&with.child, call_argv, 0));
  END_CHILD;
}

CALL(ipc_child_close, CAT; MUST(with.id = ipc_child_pid(with.child)), ipc_child_close(with.child), call_reap(with.id))

/* Sockets and terminals. */
#define PAIR MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, with.fds))
#define LISTEN MUST(with.fds[0] = ipc_sock_listen(with.path, IPC_SOCK_STREAM, 0, 0600))
CALL(ipc_sock_pair, , ipc_sock_pair(&with.fds[0], &with.fds[1], IPC_SOCK_STREAM, 0), if (result >= 0) { CLOSE_FDS; })
CALL(ipc_sock_listen_within, , (with.fds[0] = ipc_sock_listen_within(with.path, IPC_SOCK_STREAM, 0, 0600, 0)) < 0 ? with.fds[0] : 0,
     if (result >= 0) close(with.fds[0]); call_unlink())
CALL(ipc_sock_listen, , (with.fds[0] = ipc_sock_listen(with.path, IPC_SOCK_STREAM, 0, 0600)) < 0 ? with.fds[0] : 0,
     if (result >= 0) close(with.fds[0]); call_unlink())
CALL(ipc_sock_accept, LISTEN; MUST(with.fds[1] = ipc_sock_connect(with.path, IPC_SOCK_STREAM, 0, 0)),
     (with.fds[2] = ipc_sock_accept(with.fds[0], 0)) < 0 ? with.fds[2] : 0, if (result >= 0) close(with.fds[2]); CLOSE_FDS; call_unlink())
CALL(ipc_sock_connect, LISTEN, (with.fds[1] = ipc_sock_connect(with.path, IPC_SOCK_STREAM, 0, 0)) < 0 ? with.fds[1] : 0,
     if (result >= 0) close(with.fds[1]); close(with.fds[0]); call_unlink())
static ipc_sender_t call_sender;
#define DATAGRAMS MUST(with.fds[0] = ipc_sock_listen(with.path, IPC_SOCK_DATAGRAM, 0, 0600)); \
  MUST(with.fds[1] = ipc_sock_connect(with.path, IPC_SOCK_DATAGRAM, 0, 0))
CALL(ipc_sock_send_to, DATAGRAMS, ipc_sock_send_to(with.fds[0], "text", 4, with.path, 0), CLOSE_FDS; call_unlink())
CALL(ipc_sock_recv_from, DATAGRAMS; for (int i = 0; i < 3; i++) MUST(ipc_sock_send(with.fds[1], "text", 4, 0)),
     ipc_sock_recv_from(with.fds[0], with.buffer, 64, &call_sender, 0), CLOSE_FDS; call_unlink())
CALL(ipc_sock_send, PAIR, ipc_sock_send(with.fds[0], "text", 4, 0), CLOSE_FDS)
CALL(ipc_sock_recv, PAIR; CHECK(write(with.fds[1], "text", 4) == 4); CHECK(write(with.fds[1], "text", 4) == 4),
     ipc_sock_recv(with.fds[0], with.buffer, 4, 0), CLOSE_FDS)
CALL(ipc_sock_send_fds, PAIR, ipc_sock_send_fds(with.fds[0], "t", 1, &with.fds[0], 1, 0), CLOSE_FDS)
CALL(ipc_sock_recv_fds, PAIR; MUST(ipc_sock_send_fds(with.fds[1], "t", 1, &with.fds[0], 1, 0));
     MUST(ipc_sock_send_fds(with.fds[1], "t", 1, &with.fds[0], 1, 0)); with.fds[2] = -1,
     ipc_sock_recv_fds(with.fds[0], with.buffer, 1, &with.fds[2], 1, &(size_t){ 0 }, 0), if (with.fds[2] >= 0) close(with.fds[2]); CLOSE_FDS)
CALL(ipc_sock_peer, PAIR, ipc_sock_peer(with.fds[0], (ipc_peer_t *)with.buffer), CLOSE_FDS)
/* A kernel before Linux 6.5 gives no pidfd of a peer. */
CALL(ipc_sock_peer_pidfd, PAIR,
     (with.fds[2] = ipc_sock_peer_pidfd(with.fds[0])) < 0 && with.fds[2] != -ENOTSUP ? with.fds[2] : 0,
     if (with.fds[2] >= 0) close(with.fds[2]); CLOSE_FDS)
CALL(ipc_sock_unlink, LISTEN; close(with.fds[0]), ipc_sock_unlink(with.path), call_unlink())
#define PTY MUST(ipc_pty_open(&with.fds[0], &with.fds[1], NULL))
static ipc_line_reader_t call_reader;
static char *call_line;
CALL(ipc_line_reader_init, , ipc_line_reader_init(&call_reader, 0, with.buffer, sizeof with.buffer), )
CALL(ipc_read_line, PIPE; CHECK(write(with.fds[1], "a\nb\n", 4) == 4);
     MUST(ipc_line_reader_init(&call_reader, with.fds[0], with.buffer, sizeof with.buffer)),
     ipc_read_line(&call_reader, &call_line, 0), CLOSE_FDS)
CALL_IN_STATE(ipc_read_full, terminal, PTY; CHECK(write(with.fds[0], "text\ntext\n", 10) == 10),
     ipc_read_full(with.fds[1], with.buffer, 5, PATIENCE), CLOSE_FDS)
CALL_IN_STATE(ipc_write_full, terminal, PTY, ipc_write_full(with.fds[1], "text", 4, PATIENCE), CLOSE_FDS)
CALL_IN_STATE(ipc_read_full, counter, CHECK((with.fds[0] = eventfd(3, EFD_SEMAPHORE)) >= 0); with.fds[1] = dup(with.fds[0]),
     ipc_read_full(with.fds[0], with.buffer, 8, PATIENCE), CLOSE_FDS)
CALL(ipc_pty_open, , ipc_pty_open(&with.fds[0], &with.fds[1], NULL), if (result >= 0) { CLOSE_FDS; })
CALL(ipc_pty_spawn, , ipc_pty_spawn(&with.child, &with.fds[0], call_cat, NULL, NULL),
     if (result >= 0) { close(with.fds[0]); END_CHILD; })
CALL(ipc_pty_read, PTY; CHECK(write(with.fds[1], "texttext", 8) == 8), ipc_pty_read(with.fds[0], with.buffer, 4, 0), CLOSE_FDS)
CALL(ipc_pty_window_size, PTY, ipc_pty_window_size(with.fds[0], &(unsigned short){ 0 }, &(unsigned short){ 0 }), CLOSE_FDS)
CALL(ipc_pty_set_window_size, PTY, ipc_pty_set_window_size(with.fds[0], 24, 80), CLOSE_FDS)

/* System V. */
#define SYSV_SHM MUST(ipc_sysv_shm_open(&with.sysv_shm, IPC_SYSV_PRIVATE, 100, IPC_CREATE, 0600)); \
  with.id = ipc_sysv_shm_id(with.sysv_shm)
#define END_SYSV_SHM MUST(ipc_sysv_shm_close(with.sysv_shm)); (void)ipc_sysv_shm_remove_id(with.id)
CALL(ipc_sysv_key, , ipc_sysv_key(&with.fds[0], "/", 1), )
CALL(ipc_sysv_shm_open, , ipc_sysv_shm_open(&with.sysv_shm, IPC_SYSV_PRIVATE, 100, IPC_CREATE, 0600),
     if (result >= 0) { (void)ipc_sysv_shm_remove(with.sysv_shm); MUST(ipc_sysv_shm_close(with.sysv_shm)); })
CALL(ipc_sysv_shm_open_id, SYSV_SHM; MUST(ipc_sysv_shm_close(with.sysv_shm)),
     ipc_sysv_shm_open_id(&with.sysv_shm, with.id, 100, 0), if (result >= 0) MUST(ipc_sysv_shm_close(with.sysv_shm));
     (void)ipc_sysv_shm_remove_id(with.id))
CALL(ipc_sysv_shm_data, SYSV_SHM, ipc_sysv_shm_data(with.sysv_shm) != NULL, END_SYSV_SHM)
CALL(ipc_sysv_shm_size, SYSV_SHM, ipc_sysv_shm_size(with.sysv_shm), END_SYSV_SHM)
CALL(ipc_sysv_shm_id, SYSV_SHM, ipc_sysv_shm_id(with.sysv_shm) >= 0, END_SYSV_SHM)
CALL(ipc_sysv_shm_stat, SYSV_SHM, ipc_sysv_shm_stat(with.sysv_shm, (ipc_sysv_shm_stat_t *)with.buffer), END_SYSV_SHM)
CALL(ipc_sysv_shm_set_permissions, SYSV_SHM, ipc_sysv_shm_set_permissions(with.sysv_shm, (uid_t)-1, (gid_t)-1, 0640), END_SYSV_SHM)
CALL(ipc_sysv_shm_close, SYSV_SHM, ipc_sysv_shm_close(with.sysv_shm), (void)ipc_sysv_shm_remove_id(with.id))
CALL(ipc_sysv_shm_remove, SYSV_SHM, ipc_sysv_shm_remove(with.sysv_shm), END_SYSV_SHM)
CALL(ipc_sysv_shm_remove_id, SYSV_SHM, ipc_sysv_shm_remove_id(with.id), END_SYSV_SHM)
#define SYSV_MSG MUST(ipc_sysv_msg_open(&with.sysv_msg, IPC_SYSV_PRIVATE, IPC_CREATE, 0600)); \
  with.id = ipc_sysv_msg_id(with.sysv_msg)
#define SYSV_MSG_WITH_ONE SYSV_MSG; MUST(ipc_sysv_msg_send(with.sysv_msg, 1, "text", 4, 0))
#define END_SYSV_MSG (void)ipc_sysv_msg_remove_id(with.id); MUST(ipc_sysv_msg_close(with.sysv_msg))
CALL(ipc_sysv_msg_open, , ipc_sysv_msg_open(&with.sysv_msg, IPC_SYSV_PRIVATE, IPC_CREATE, 0600),
     if (result >= 0) { (void)ipc_sysv_msg_remove(with.sysv_msg); MUST(ipc_sysv_msg_close(with.sysv_msg)); })
CALL(ipc_sysv_msg_open_id, SYSV_MSG; MUST(ipc_sysv_msg_close(with.sysv_msg)),
     ipc_sysv_msg_open_id(&with.sysv_msg, with.id, 0), if (result >= 0) MUST(ipc_sysv_msg_close(with.sysv_msg));
     (void)ipc_sysv_msg_remove_id(with.id))
CALL(ipc_sysv_msg_send, SYSV_MSG, ipc_sysv_msg_send(with.sysv_msg, 1, "text", 4, 0), END_SYSV_MSG)
CALL(ipc_sysv_msg_receive, SYSV_MSG_WITH_ONE, ipc_sysv_msg_receive(with.sysv_msg, &(long){ 0 }, with.buffer, 64,
     IPC_MSG_ANY, 0, 0), END_SYSV_MSG)
CALL(ipc_sysv_msg_id, SYSV_MSG, ipc_sysv_msg_id(with.sysv_msg) >= 0, END_SYSV_MSG)
CALL(ipc_sysv_msg_stat, SYSV_MSG, ipc_sysv_msg_stat(with.sysv_msg, (ipc_sysv_msg_stat_t *)with.buffer), END_SYSV_MSG)
CALL(ipc_sysv_msg_set_permissions, SYSV_MSG, ipc_sysv_msg_set_permissions(with.sysv_msg, (uid_t)-1, (gid_t)-1, 0640), END_SYSV_MSG)
CALL(ipc_sysv_msg_set_bytes_max, SYSV_MSG, ipc_sysv_msg_set_bytes_max(with.sysv_msg, 1000), END_SYSV_MSG)
CALL(ipc_sysv_msg_close, SYSV_MSG, ipc_sysv_msg_close(with.sysv_msg), (void)ipc_sysv_msg_remove_id(with.id))
CALL(ipc_sysv_msg_remove, SYSV_MSG, ipc_sysv_msg_remove(with.sysv_msg), END_SYSV_MSG)
CALL(ipc_sysv_msg_remove_id, SYSV_MSG, ipc_sysv_msg_remove_id(with.id), END_SYSV_MSG)
#define SYSV_SEM MUST(ipc_sysv_sem_open(&with.sysv_sem, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600)); \
  with.id = ipc_sysv_sem_id(with.sysv_sem)
#define END_SYSV_SEM (void)ipc_sysv_sem_remove_id(with.id); MUST(ipc_sysv_sem_close(with.sysv_sem))
CALL(ipc_sysv_sem_open, , ipc_sysv_sem_open(&with.sysv_sem, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600),
     if (result >= 0) { (void)ipc_sysv_sem_remove(with.sysv_sem); MUST(ipc_sysv_sem_close(with.sysv_sem)); })
CALL(ipc_sysv_sem_open_id, SYSV_SEM; MUST(ipc_sysv_sem_close(with.sysv_sem)),
     ipc_sysv_sem_open_id(&with.sysv_sem, with.id, 1, 0), if (result >= 0) MUST(ipc_sysv_sem_close(with.sysv_sem));
     (void)ipc_sysv_sem_remove_id(with.id))
CALL(ipc_sysv_sem_op, SYSV_SEM, ipc_sysv_sem_op(with.sysv_sem, &(ipc_sysv_sem_op_t){ 0, 1, 0 }, 1, 0), END_SYSV_SEM)
CALL(ipc_sysv_sem_value, SYSV_SEM, ipc_sysv_sem_value(with.sysv_sem, 0), END_SYSV_SEM)
CALL(ipc_sysv_sem_set_value, SYSV_SEM, ipc_sysv_sem_set_value(with.sysv_sem, 0, 3), END_SYSV_SEM)
CALL(ipc_sysv_sem_set_values, SYSV_SEM, ipc_sysv_sem_set_values(with.sysv_sem, &(unsigned short){ 3 }, 1), END_SYSV_SEM)
CALL(ipc_sysv_sem_id, SYSV_SEM, ipc_sysv_sem_id(with.sysv_sem) >= 0, END_SYSV_SEM)
CALL(ipc_sysv_sem_stat, SYSV_SEM, ipc_sysv_sem_stat(with.sysv_sem, (ipc_sysv_sem_stat_t *)with.buffer), END_SYSV_SEM)
CALL(ipc_sysv_sem_set_permissions, SYSV_SEM, ipc_sysv_sem_set_permissions(with.sysv_sem, (uid_t)-1, (gid_t)-1, 0640), END_SYSV_SEM)
CALL(ipc_sysv_sem_close, SYSV_SEM, ipc_sysv_sem_close(with.sysv_sem), (void)ipc_sysv_sem_remove_id(with.id))
CALL(ipc_sysv_sem_remove, SYSV_SEM, ipc_sysv_sem_remove(with.sysv_sem), END_SYSV_SEM)
CALL(ipc_sysv_sem_remove_id, SYSV_SEM, ipc_sysv_sem_remove_id(with.id), END_SYSV_SEM)

/* Lists. */
#define LIST MUST(ipc_list(&with.list, IPC_KIND_ALL))
#define CLOSE_LIST MUST(ipc_list_close(with.list))
CALL(ipc_list, , ipc_list(&with.list, IPC_KIND_ALL), if (result >= 0) CLOSE_LIST)
CALL(ipc_list_next, CREATE_SHM; LIST, ipc_list_next(with.list, &with.object) >= 0,
     CLOSE_LIST; CLOSE_SHM; UNLINK_SHM)
CALL(ipc_list_type, CREATE_SHM; LIST; while (ipc_list_next(with.list, &with.object) == 1 && strcmp(with.object.name, with.name) != 0) {},
     ipc_list_type(with.list, &with.object, &with.type), CLOSE_LIST; CLOSE_SHM; UNLINK_SHM)
CALL(ipc_list_users, CREATE_SHM; LIST; MUST(ipc_list_next(with.list, &with.object)),
     ipc_list_users(with.list, &with.object, NULL, 0) >= 0, CLOSE_LIST; CLOSE_SHM; UNLINK_SHM)
CALL(ipc_list_unlisted, LIST, ipc_list_unlisted(with.list) >= 0, CLOSE_LIST)
CALL(ipc_list_close, LIST, ipc_list_close(with.list), )
CALL(ipc_remove, CREATE_SHM; CLOSE_SHM, ipc_remove(IPC_KIND_SHM, with.name, 0), UNLINK_SHM)

#endif
