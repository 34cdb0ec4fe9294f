/* Each placed type in the place of each other one: -EPROTO, and nothing is changed. */
#include "test.h"

typedef union {
  unsigned char bytes[2048];
  ipc_mutex_t mutex;
  ipc_rwlock_t rwlock;
  ipc_cond_t cond;
  ipc_sem_t sem;
  ipc_permits_t permits;
  ipc_barrier_t barrier;
  ipc_event_t event;
} Place;

static Place *place;
static ipc_mutex_t *held;

static int make_mutex(void) { return ipc_mutex_init(&place->mutex, NULL); }
static int make_rwlock(void) { return ipc_rwlock_init(&place->rwlock); }
static int make_cond(void) { return ipc_cond_init(&place->cond); }
static int make_sem(void) { return ipc_sem_init(&place->sem, 0); }
static int make_permits(void) { return ipc_permits_init(&place->permits, 2); }
static int make_barrier(void) { return ipc_barrier_init(&place->barrier, 2); }
static int make_event(void) { return ipc_event_init(&place->event, 0); }

static int use_mutex(void) { return ipc_mutex_lock(&place->mutex, 0); }
static int use_rwlock(void) { return ipc_rwlock_read_lock(&place->rwlock, 0); }
static int use_cond(void) { return ipc_cond_wait(&place->cond, held, 0); }
static int use_sem(void) { return ipc_sem_post(&place->sem); }
static int use_permits(void) {
  unsigned number;
  return ipc_permits_take(&place->permits, &number, 0);
}
static int use_barrier(void) { return ipc_barrier_join(&place->barrier); }
static int use_event(void) { return ipc_event_set(&place->event); }

static const struct Kind {
  const char *text;
  int (*make)(void), (*use)(void);
} kinds[] = {
  { "mutex", make_mutex, use_mutex },       { "rwlock", make_rwlock, use_rwlock },
  { "cond", make_cond, use_cond },          { "sem", make_sem, use_sem },
  { "permits", make_permits, use_permits }, { "barrier", make_barrier, use_barrier },
  { "event", make_event, use_event },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

int main(void) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_anonymous(&shm, 2 * sizeof(Place)), 0);
  place = ipc_shm_data(shm);
  held = &place[1].mutex;
  CHECK_EQUAL(ipc_mutex_init(held, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(held, 0), 0);
  for (int made = 0; made < KINDS; made++)
    for (int used = 0; used < KINDS; used++) {
      if (made == used) continue;
      memset(place, 0, sizeof *place);
      CHECK_EQUAL(kinds[used].use(), -EINVAL);
      CHECK_LAST_ERROR("not initialised");
      CHECK_EQUAL(kinds[made].make(), 0);
      Place before = *place;
      int result = kinds[used].use();
      if (result != -EPROTO)
        test_failed(__FILE__, __LINE__, "a %s in the place of a %s: %d", kinds[made].text, kinds[used].text, result);
      CHECK(memcmp(place, &before, sizeof before) == 0);
    }
  CHECK_EQUAL(ipc_mutex_unlock(held), 0);
  return 0;
}
