/* For c-tests/check-all/thread_sanitizer.sh. Two threads share data, ordered by the library alone. The argument names what
 * orders them; "nothing" is a race that has to be reported, although both threads make calls on the library. */
#include "test.h"

#include <pthread.h>

enum { ROUNDS = 200, LARGE = 20000 };

static struct Shared {
  ipc_mutex_t mutex, other;
  ipc_rwlock_t rwlock;
  ipc_cond_t cond;
  ipc_sem_t sem, back;
  ipc_permits_t permits;
  ipc_event_t event, event_back;
  ipc_barrier_t barrier;
  ipc_once_t once[ROUNDS];
} *shared;

static long data[64]; /* what the threads share */
static int turn;
static ipc_mq_t *to, *back;
static ipc_sem_t *named, *named_back;
static int pipes[2][2], socks[2];
static char large[2][LARGE];

static void change(void) {
  for (int i = 0; i < 64; i++) data[i]++;
}

static void by_mutex(int number) {
  (void)number;
  for (int i = 0; i < ROUNDS; i++) {
    CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
    change();
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  }
}

/* Each thread has a lock of its own. */
static void by_nothing(int number) {
  ipc_mutex_t *own = number ? &shared->mutex : &shared->other;
  for (int i = 0; i < ROUNDS; i++) {
    CHECK_EQUAL(ipc_mutex_lock(own, IPC_FOREVER), 0);
    change();
    CHECK_EQUAL(ipc_mutex_unlock(own), 0);
  }
}

static void by_rwlock(int number) {
  for (int i = 0; i < ROUNDS; i++) {
    if ((i + number) % 2) {
      CHECK_EQUAL(ipc_rwlock_write_lock(&shared->rwlock, IPC_FOREVER), 0);
      change();
    } else {
      CHECK_EQUAL(ipc_rwlock_read_lock(&shared->rwlock, IPC_FOREVER), 0);
      CHECK(data[0] == data[63]);
    }
    CHECK_EQUAL(ipc_rwlock_unlock(&shared->rwlock), 0);
  }
}

static void by_cond(int number) {
  for (int i = 0; i < ROUNDS; i++) {
    CHECK_EQUAL(ipc_mutex_lock(&shared->mutex, IPC_FOREVER), 0);
    while (turn != number) CHECK_EQUAL(ipc_cond_wait(&shared->cond, &shared->mutex, IPC_FOREVER), 0);
    change();
    turn = !number;
    CHECK_EQUAL(ipc_cond_broadcast(&shared->cond), 0);
    CHECK_EQUAL(ipc_mutex_unlock(&shared->mutex), 0);
  }
}

/* The threads take turns: each waits for the other's word, and then gives its own. */
static void by_turns(int number, void (*wait)(int number), void (*give)(int number)) {
  for (int i = 0; i < ROUNDS; i++) {
    if (number || i) wait(number);
    change();
    give(number);
  }
}

static void wait_sem(int number) { CHECK_EQUAL(ipc_sem_wait(number ? &shared->sem : &shared->back, IPC_FOREVER), 0); }
static void give_sem(int number) { CHECK_EQUAL(ipc_sem_post(number ? &shared->back : &shared->sem), 0); }
static void by_sem(int number) { by_turns(number, wait_sem, give_sem); }

static void wait_named(int number) { CHECK_EQUAL(ipc_sem_wait(number ? named : named_back, IPC_FOREVER), 0); }
static void give_named(int number) { CHECK_EQUAL(ipc_sem_post(number ? named_back : named), 0); }
static void by_named(int number) { by_turns(number, wait_named, give_named); }

static void wait_event(int number) {
  CHECK_EQUAL(ipc_event_wait(number ? &shared->event : &shared->event_back, IPC_FOREVER), 0);
}
static void give_event(int number) { CHECK_EQUAL(ipc_event_set(number ? &shared->event_back : &shared->event), 0); }
static void by_event(int number) { by_turns(number, wait_event, give_event); }

static void by_permits(int number) {
  (void)number;
  for (int i = 0; i < ROUNDS; i++) {
    unsigned permit;
    CHECK_EQUAL(ipc_permits_take(&shared->permits, &permit, IPC_FOREVER), 0);
    change();
    CHECK_EQUAL(ipc_permits_give(&shared->permits, permit), 0);
  }
}

static void by_barrier(int number) {
  CHECK_EQUAL(ipc_barrier_join(&shared->barrier), 0);
  for (int i = 0; i < ROUNDS; i++) {
    if (i % 2 == number) change();
    CHECK(ipc_barrier_wait(&shared->barrier, IPC_FOREVER) >= 0);
  }
  CHECK_EQUAL(ipc_barrier_leave(&shared->barrier), 0);
}

static void run_once(void *context) {
  (void)context;
  change();
}

static void by_once(int number) {
  (void)number;
  for (int i = 0; i < ROUNDS; i++) {
    CHECK(ipc_once(&shared->once[i], run_once, NULL, IPC_FOREVER) >= 0);
    CHECK(data[0] == data[63]);
    CHECK(ipc_barrier_wait(&shared->barrier, IPC_FOREVER) >= 0);
  }
}

static void wait_queue(int number) {
  CHECK(ipc_mq_receive(number ? to : back, large[number], LARGE, NULL, IPC_FOREVER) > 0);
}
static void give_small(int number) { CHECK_EQUAL(ipc_mq_send(number ? back : to, large[number], 8, 0, IPC_FOREVER), 0); }
static void by_queue(int number) { by_turns(number, wait_queue, give_small); }
static void give_large(int number) {
  CHECK_EQUAL(ipc_mq_send(number ? back : to, large[number], LARGE, 1, IPC_FOREVER), 0);
}
static void by_large(int number) { by_turns(number, wait_queue, give_large); }

/* The messages themselves are shared data too. */
static void give_in_place(int number) {
  long *message;
  CHECK_EQUAL(ipc_mq_reserve(number ? back : to, (void **)&message, IPC_FOREVER), 0);
  for (int i = 0; i < 8; i++) message[i] = data[i];
  CHECK_EQUAL(ipc_mq_commit(number ? back : to, message, 8 * sizeof *message, 0), 0);
}
static void wait_in_place(int number) {
  const long *message;
  CHECK(ipc_mq_borrow(number ? to : back, (const void **)&message, NULL, NULL, IPC_FOREVER) > 0);
  CHECK(message[0] == data[0]);
  CHECK_EQUAL(ipc_mq_return(number ? to : back, message), 0);
}
static void by_place(int number) { by_turns(number, wait_in_place, give_in_place); }

static void wait_pipe(int number) { CHECK_EQUAL(ipc_read_full(pipes[number][0], large[number], 8, IPC_FOREVER), 8); }
static void give_pipe(int number) { CHECK_EQUAL(ipc_write_full(pipes[!number][1], large[number], 8, IPC_FOREVER), 8); }
static void by_pipe(int number) { by_turns(number, wait_pipe, give_pipe); }

static void wait_sock(int number) { CHECK_EQUAL(ipc_sock_recv(socks[number], large[number], 8, IPC_FOREVER), 8); }
static void give_sock(int number) { CHECK_EQUAL(ipc_sock_send(socks[number], large[number], 8, IPC_FOREVER), 8); }
static void by_sock(int number) { by_turns(number, wait_sock, give_sock); }

/* The notification's thread takes the messages. */
static void on_message(ipc_mq_t *mq, void *context) {
  (void)context;
  while (ipc_mq_receive(mq, large[1], LARGE, NULL, 0) >= 0) {
    change();
    CHECK_EQUAL(ipc_sem_post(&shared->back), 0);
  }
}
static void by_notify(int number) {
  if (number) return;
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_CALLBACK, .callback = on_message };
  CHECK_EQUAL(ipc_mq_notify(to, &how), 0);
  for (int i = 0; i < ROUNDS; i++) {
    change();
    give_small(0);
    wait_sem(0);
  }
  CHECK_EQUAL(ipc_mq_notify(to, NULL), 0);
}

static const struct Way {
  const char *name;
  void (*body)(int number);
} ways[] = {
  { "nothing", by_nothing }, { "mutex", by_mutex },   { "rwlock", by_rwlock }, { "cond", by_cond },
  { "sem", by_sem },         { "named", by_named },   { "event", by_event },   { "permits", by_permits },
  { "barrier", by_barrier }, { "once", by_once },     { "queue", by_queue },   { "large", by_large },
  { "place", by_place },     { "pipe", by_pipe },     { "sock", by_sock },     { "notify", by_notify },
};

static void (*body)(int number);

static void *run(void *number) {
  body(number != NULL);
  return NULL;
}

static void prepare(void) {
  ipc_shm_t *region;
  CHECK_EQUAL(ipc_shm_anonymous(&region, sizeof *shared), 0);
  shared = ipc_shm_data(region);
  CHECK_EQUAL(ipc_mutex_init(&shared->mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_init(&shared->other, NULL), 0);
  CHECK_EQUAL(ipc_rwlock_init(&shared->rwlock), 0);
  CHECK_EQUAL(ipc_cond_init(&shared->cond), 0);
  CHECK_EQUAL(ipc_sem_init(&shared->sem, 0), 0);
  CHECK_EQUAL(ipc_sem_init(&shared->back, 0), 0);
  CHECK_EQUAL(ipc_permits_init(&shared->permits, 1), 0);
  CHECK_EQUAL(ipc_event_init(&shared->event, IPC_EVENT_AUTO_RESET), 0);
  CHECK_EQUAL(ipc_event_init(&shared->event_back, IPC_EVENT_AUTO_RESET), 0);
  CHECK_EQUAL(ipc_barrier_init(&shared->barrier, 2), 0);
  ipc_mq_attr_t attributes = { .max_messages = 2, .message_size = LARGE };
  const char *name = unique_name("race");
  CHECK_EQUAL(ipc_mq_open(&to, name, &attributes, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_open(&back, name, &attributes, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_sem_open(&named, name, 0, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  CHECK_EQUAL(ipc_sem_open(&named_back, name, 0, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_unlink(name), 0);
  CHECK_EQUAL(ipc_pipe(&pipes[0][0], &pipes[0][1], 0), 0);
  CHECK_EQUAL(ipc_pipe(&pipes[1][0], &pipes[1][1], 0), 0);
  CHECK_EQUAL(ipc_sock_pair(&socks[0], &socks[1], IPC_SOCK_STREAM, 0), 0);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  if (strcmp(arguments[1], "--list") == 0) {
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++) puts(ways[i].name);
    return 0;
  }
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strcmp(ways[i].name, arguments[1]) == 0) body = ways[i].body;
  CHECK(body != NULL);
  prepare();
  pthread_t threads[2];
  CHECK(pthread_create(&threads[0], NULL, run, NULL) == 0);
  CHECK(pthread_create(&threads[1], NULL, run, threads) == 0);
  CHECK(pthread_join(threads[0], NULL) == 0);
  CHECK(pthread_join(threads[1], NULL) == 0);
  return 0;
}
