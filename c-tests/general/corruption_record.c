/* The record and the data of named objects of every kind are overwritten while processes open, list and close them. Every open is
 * done or refused with text; nothing crashes, hangs or returns -EIO. (record_damaged.c damages each byte of a record, with nobody
 * writing meanwhile.) See fuzz.h for the arguments. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>

#define ROUND (60 * MILLISECOND)

typedef struct {
  ipc_mutex_t mutex;
  int number;
  double value;
} Data;

static const ipc_type_t type = IPC_TYPE_FIELDS(Data, 1, mutex, number, value);

enum { KINDS = 4, RECORD = 4096, RECORD_USED = 2192 };

static const char *names[KINDS];
static int files[KINDS];
static char *objects[KINDS];
static size_t sizes[KINDS];

static void call(int64_t until) {
  while (now_ns() < until) {
    unsigned kind = below(KINDS);
    const char *name = names[kind];
    ipc_shm_t *shm = NULL;
    ipc_mq_t *mq = NULL;
    ipc_sem_t *sem = NULL;
    ipc_list_t *list = NULL;
    ipc_object_t object;
    char text[64];
    int result = 0;
    switch (below(8)) {
      case 0: FUZZ(result = ipc_shm_open_typed(&shm, name, &type, below(2) ? 0 : IPC_READ_ONLY, 0)); break;
      case 1: FUZZ(result = ipc_shm_open(&shm, name, 5000, below(2) ? IPC_ADOPT : IPC_CHECK_OWNER, 0)); break;
      case 2: FUZZ(result = ipc_mq_open(&mq, name, NULL, 0, 0)); break;
      case 3: FUZZ(result = ipc_mq_open_fd(&mq, files[kind], 0)); break;
      case 4: FUZZ(result = ipc_sem_open(&sem, name, 0, 0, 0)); break;
      case 5: FUZZ(result = ipc_shm_from_fd(&shm, files[kind], &type, IPC_UNSEALED)); break;
      case 6: FUZZ(ipc_shm_unlink("/")); break;
      default:
        if (below(8) != 0) break;
        FUZZ(result = ipc_list(&list, IPC_KIND_SHM | IPC_KIND_SEM | IPC_KIND_MQ | IPC_KIND_OTHER));
        while (result >= 0 && ipc_list_next(list, &object) == 1) {}
        if (list != NULL) FUZZ(ipc_list_close(list));
    }
    if (result < 0 && ipc_last_error()[0] == 0) fuzz_fault("no text", result);
    if (mq != NULL) {
      FUZZ(ipc_mq_send(mq, "x", 1, 0, 0));
      FUZZ(ipc_mq_receive(mq, text, sizeof text, NULL, 0));
      FUZZ(result = ipc_mq_close(mq));
      CHECK_EQUAL(result, 0);
    }
    if (sem != NULL) {
      FUZZ(ipc_sem_wait(sem, 0));
      FUZZ(ipc_sem_post(sem));
      FUZZ(result = ipc_sem_close(sem));
      CHECK_EQUAL(result, 0);
    }
    if (shm != NULL) {
      FUZZ(result = ipc_shm_close(shm));
      CHECK_EQUAL(result, 0);
    }
  }
}

static char *originals[KINDS];

static void overwrite(const pid_t *ids, int count) {
  unsigned kind = below(KINDS);
  char *object = objects[kind];
  size_t size = sizes[kind], record = size - RECORD;
  switch (below(8)) {
    case 0:
    case 1:
    case 2: fuzz_hit(object, size, record + below(RECORD_USED), ids, count); break;
    case 3: fuzz_hit(object, size, below((unsigned)record), ids, count); break;
    /* Another object's record. */
    case 4: memcpy(object + record, originals[(kind + 1) % KINDS] + sizes[(kind + 1) % KINDS] - RECORD, RECORD_USED); break;
    /* Sound again. */
    default: memcpy(object, originals[kind], size);
  }
}

static void one_round(uint64_t seed) { fuzz_round(seed, 2, now_ns() + ROUND, call, overwrite, NULL); }

int main(int argc, char **argv) {
  static const char *const suffixes[KINDS] = { "typed", "bytes", "mq", "sem" };
  ipc_shm_t *shm;
  ipc_mq_t *mq;
  ipc_sem_t *sem;
  ipc_mq_attr_t attr = { .max_messages = 3, .message_size = 50 };
  for (int i = 0; i < KINDS; i++) names[i] = unique_name(suffixes[i]);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, names[0], &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_open(&shm, names[1], 5000, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_mq_open(&mq, names[2], &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_sem_open(&sem, names[3], 1, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  for (int i = 0; i < KINDS; i++) {
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "/dev/shm%s", names[i]);
    files[i] = open(path, O_RDWR | O_CLOEXEC);
    CHECK(files[i] >= 0);
    CHECK_EQUAL(fstat(files[i], &status), 0);
    sizes[i] = (size_t)status.st_size;
    objects[i] = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, files[i], 0);
    CHECK(objects[i] != MAP_FAILED);
    CHECK((originals[i] = malloc(sizes[i])) != NULL);
    memcpy(originals[i], objects[i], sizes[i]);
  }
  return fuzz_main(argc, argv, one_round);
}
