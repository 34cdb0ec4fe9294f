/* Named objects: at every instruction of a process that creates or removes one, the object is there whole or not at
 * all. */
#include "victim.h"

#include <poll.h>
#include <sys/mman.h>

#define MAGIC UINT64_C(0x726f627573746970)

typedef struct {
  ipc_mutex_t mutex;
  uint64_t magic;
  uint64_t uses;
} Named;

static const ipc_type_t named_type = IPC_TYPE_FIELDS(Named, 1, mutex, magic, uses);

enum { FOUND, ABSENT }; /* of arena->notes: what the name led to after the victim's death */

static ipc_shm_t *shm;
static ipc_sem_t *sem;
static ipc_mq_t *mq;
static int result;

static int initialise(void *data, void *context) {
  (void)context;
  Named *named = data;
  named->magic = MAGIC;
  return ipc_mutex_init(&named->mutex, NULL);
}

static const char *warm_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-warm", arena->name);
  return name;
}

static int open_shm(const char *name, int flags) {
  return ipc_shm_open_typed_init(&shm, name, &named_type, flags, 0640, initialise, NULL);
}

static int open_sem(const char *name, int flags) { return ipc_sem_open(&sem, name, 3, flags, 0640); }

static int open_mq(const char *name, int flags) {
  ipc_mq_attr_t attr = {.max_messages = 3, .message_size = 64};
  return ipc_mq_open(&mq, name, &attr, flags, 0640);
}

static void use_shm(void) {
  Named *named = ipc_shm_data(shm);
  EXPECT(named->magic == MAGIC, "an object that is not whole");
  EXPECT_EQUAL(ipc_mutex_lock(&named->mutex, arena->patience_ns), 0);
  named->uses++;
  EXPECT_EQUAL(ipc_mutex_unlock(&named->mutex), 0);
  EXPECT_EQUAL(ipc_shm_close(shm), 0);
}

static void use_sem(void) {
  EXPECT_EQUAL(ipc_sem_wait(sem, arena->patience_ns), 0);
  EXPECT_EQUAL(ipc_sem_post(sem), 0);
  EXPECT_EQUAL(ipc_sem_close(sem), 0);
}

static void use_mq(void) {
  char buffer[64];
  EXPECT_EQUAL(ipc_mq_send(mq, "whole", 6, 1, arena->patience_ns), 0);
  EXPECT_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, arena->patience_ns), 6);
  EXPECT_EQUAL(ipc_mq_close(mq), 0);
}

/* Examines the object that the name leads to, before any process creates a new one. */
static void look(int opened, void (*use)(void)) {
  if (opened == -ENOENT) {
    arena->notes[ABSENT] = 1;
    return;
  }
  EXPECT_EQUAL(opened, IPC_OPENED);
  arena->notes[FOUND] = 1;
  use();
}

static void let_go_shm(int alive) {
  (void)alive;
  look(open_shm(arena->name, 0), use_shm);
}

static void let_go_sem(int alive) {
  (void)alive;
  look(open_sem(arena->name, 0), use_sem);
}

static void let_go_mq(int alive) {
  (void)alive;
  look(open_mq(arena->name, 0), use_mq);
}

static void meanwhile_shm(void) {
  if (open_shm(arena->name, 0) == IPC_OPENED) use_shm();
}

static void meanwhile_sem(void) {
  if (open_sem(arena->name, 0) == IPC_OPENED) use_sem();
}

static void meanwhile_mq(void) {
  if (open_mq(arena->name, 0) == IPC_OPENED) use_mq();
}

static void check_shm(void) {
  int opened = open_shm(arena->name, IPC_CREATE);
  EXPECT(opened >= 0, "a survivor cannot open: %s", ipc_last_error());
  use_shm();
}

static void check_sem(void) {
  int opened = open_sem(arena->name, IPC_CREATE);
  EXPECT(opened >= 0, "a survivor cannot open: %s", ipc_last_error());
  use_sem();
}

static void check_mq(void) {
  int opened = open_mq(arena->name, IPC_CREATE);
  EXPECT(opened >= 0, "a survivor cannot open: %s", ipc_last_error());
  use_mq();
}

/* Works for every kind of object. */
static void remove_name(void) {
  EXPECT_EQUAL(shm_unlink(arena->name), 0);
  nothing_is_left();
}

static void settle_create(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[ABSENT], "there before it was created");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[FOUND], "created and not there");
  remove_name();
}

static void settle_open(int progress) {
  (void)progress;
  EXPECT(arena->notes[FOUND], "it is gone, and nobody removed it");
  remove_name();
}

static void settle_unlink(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[FOUND], "gone before it was removed");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[ABSENT], "removed and still there");
  remove_name();
}

/* An earlier round may have left any kind of object. */
static void set_up_nothing(void) { shm_unlink(arena->name); }

static void set_up_shm(void) {
  set_up_nothing();
  EXPECT_EQUAL(open_shm(arena->name, IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
  EXPECT_EQUAL(ipc_shm_close(shm), 0);
}

static void set_up_sem(void) {
  set_up_nothing();
  EXPECT_EQUAL(open_sem(arena->name, IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
  EXPECT_EQUAL(ipc_sem_close(sem), 0);
}

static void set_up_mq(void) {
  set_up_nothing();
  EXPECT_EQUAL(open_mq(arena->name, IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
  EXPECT_EQUAL(ipc_mq_close(mq), 0);
}

/* The queue that survivor 0 uses, with a descriptor that it polls. */
static ipc_mq_t *used;

static void set_up_with_descriptor_mq(void) {
  ipc_mq_unlink(arena->name, 0);
  if (used != NULL) EXPECT_EQUAL(ipc_mq_close(used), 0);
  EXPECT_EQUAL(open_mq(arena->name, IPC_CREATE | IPC_EXCLUSIVE), IPC_CREATED);
  EXPECT(ipc_mq_fd(mq) >= 0, "no descriptor: %s", ipc_last_error());
  used = mq;
}

static int ready(ipc_mq_t *queue) {
  struct pollfd set = {.fd = ipc_mq_fd(queue), .events = POLLIN | POLLOUT};
  EXPECT(poll(&set, 1, 0) >= 0, "poll failed");
  return set.revents;
}

static void expect_readiness(ipc_mq_t *queue) {
  char buffer[64];
  EXPECT_EQUAL(ready(queue), POLLOUT);
  EXPECT_EQUAL(ipc_mq_send(queue, "polled", 7, 1, 0), 0);
  EXPECT_EQUAL(ready(queue), POLLIN | POLLOUT);
  EXPECT_EQUAL(ipc_mq_receive(queue, buffer, sizeof buffer, NULL, 0), 7);
  EXPECT_EQUAL(ready(queue), POLLOUT);
}

/* The descriptor of the removed queue stays right for survivor 0, and so does the descriptor of its successor. The
 * successor's removal removes everything that is left. */
static void settle_unlink_with_descriptor(int progress) {
  if (progress == KILLED_BEFORE) EXPECT(arena->notes[FOUND], "gone before it was removed");
  if (progress >= KILLED_AFTER) EXPECT(arena->notes[ABSENT], "removed and still there");
  expect_readiness(used);
  EXPECT_EQUAL(open_mq(arena->name, 0), IPC_OPENED);
  expect_readiness(mq);
  EXPECT_EQUAL(ipc_mq_unlink(arena->name, 0), 0);
  EXPECT_EQUAL(ipc_mq_close(mq), 0);
  nothing_is_left();
  expect_readiness(used);
}

static void warm_up_shm(void) {
  EXPECT_EQUAL(open_shm(warm_name(), IPC_CREATE), IPC_CREATED);
  EXPECT_EQUAL(ipc_shm_unlink(warm_name()), 0);
  EXPECT_EQUAL(ipc_shm_close(shm), 0);
}

static void warm_up_sem(void) {
  EXPECT_EQUAL(open_sem(warm_name(), IPC_CREATE), IPC_CREATED);
  EXPECT_EQUAL(ipc_sem_unlink(warm_name()), 0);
  EXPECT_EQUAL(ipc_sem_close(sem), 0);
}

static void warm_up_mq(void) {
  EXPECT_EQUAL(open_mq(warm_name(), IPC_CREATE), IPC_CREATED);
  EXPECT_EQUAL(ipc_mq_unlink(warm_name(), 0), 0);
  EXPECT_EQUAL(ipc_mq_close(mq), 0);
}

static void prepare_open_shm(void) {
  warm_up_shm();
  EXPECT_EQUAL(open_shm(arena->name, 0), IPC_OPENED);
}

static void prepare_open_sem(void) {
  warm_up_sem();
  EXPECT_EQUAL(open_sem(arena->name, 0), IPC_OPENED);
}

static void prepare_open_mq(void) {
  warm_up_mq();
  EXPECT_EQUAL(open_mq(arena->name, 0), IPC_OPENED);
}

static void run_create_shm(void) { result = open_shm(arena->name, IPC_CREATE); }
static void run_open_shm(void) { result = open_shm(arena->name, 0); }
static void run_close_shm(void) { result = ipc_shm_close(shm); }
static void run_unlink_shm(void) { result = ipc_shm_unlink(arena->name); }
static void run_create_sem(void) { result = open_sem(arena->name, IPC_CREATE); }
static void run_open_sem(void) { result = open_sem(arena->name, 0); }
static void run_close_sem(void) { result = ipc_sem_close(sem); }
static void run_unlink_sem(void) { result = ipc_sem_unlink(arena->name); }
static void run_create_mq(void) { result = open_mq(arena->name, IPC_CREATE); }
static void run_open_mq(void) { result = open_mq(arena->name, 0); }
static void run_close_mq(void) { result = ipc_mq_close(mq); }
static void run_unlink_mq(void) { result = ipc_mq_unlink(arena->name, 0); }

/* While a creator is stopped, another process may create the object. Then the creator opens that object. */
static void after_create(void) { EXPECT(result >= 0, "creating failed: %s", ipc_last_error()); }
static void after(void) { EXPECT_EQUAL(result, 0); }

/* The operation in which a second creator is killed. Making a queue takes long, and takes the same steps as making a
 * region. */
#define create_shm_again "shm.create"
#define create_sem_again "sem.create"
#define create_mq_again NULL

#define NAMED(kind) \
  {.name = #kind ".create", .set_up = set_up_nothing, .prepare = warm_up_##kind, .run = run_create_##kind, \
   .after = after_create, .meanwhile = meanwhile_create_##kind, .let_go = let_go_##kind, .check = check_##kind, \
   .settle = settle_create, .recovery = create_##kind##_again}, \
  {.name = #kind ".open", .set_up = set_up_##kind, .prepare = warm_up_##kind, .run = run_open_##kind, \
   .after = after, .meanwhile = meanwhile_##kind, .let_go = let_go_##kind, .check = check_##kind, \
   .settle = settle_open}, \
  {.name = #kind ".close", .set_up = set_up_##kind, .prepare = prepare_open_##kind, .run = run_close_##kind, \
   .after = after, .meanwhile = meanwhile_##kind, .let_go = let_go_##kind, .check = check_##kind, \
   .settle = settle_open}, \
  {.name = #kind ".unlink", .set_up = set_up_##kind, .prepare = warm_up_##kind, .run = run_unlink_##kind, \
   .after = after, .meanwhile = meanwhile_##kind, .let_go = let_go_##kind, .check = check_##kind, \
   .settle = settle_unlink}

/* While a creator is stopped, another process creates the object without waiting. */
static void meanwhile_create_shm(void) { check_shm(); }
static void meanwhile_create_sem(void) { check_sem(); }
static void meanwhile_create_mq(void) { check_mq(); }

const struct operation named_operations[] = {
  {.name = "shm.create.first", .set_up = set_up_nothing, .run = run_create_shm, .after = after_create,
   .meanwhile = meanwhile_create_shm, .let_go = let_go_shm, .check = check_shm, .settle = settle_create,
   .recovery = "shm.create"},
  NAMED(shm),
  NAMED(sem),
  NAMED(mq),
  {.name = "mq.unlink.with_descriptor", .set_up = set_up_with_descriptor_mq, .prepare = warm_up_mq,
   .run = run_unlink_mq, .after = after, .meanwhile = meanwhile_mq, .let_go = let_go_mq, .check = check_mq,
   .settle = settle_unlink_with_descriptor},
  {0},
};
