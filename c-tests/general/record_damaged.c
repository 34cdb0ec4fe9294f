/* The record of an existing object is damaged in every way: each byte overwritten, the file cut and extended at every
 * size around it, random garbage. Every open ends with a clear error, or succeeds if nothing that matters has changed.
 * Nothing crashes, hangs or leaks. */
#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  int number;
  char text[5000];
} Data;

static const ipc_type_t type = IPC_TYPE_FIELDS(Data, 1, number, text);

/* The data fill two pages. Of the page with the record, the first RECORD bytes have a meaning. */
enum { OFFSET = 8192, TOTAL = 12288, RECORD = 2192 };

static const char *name;
static int file;
static char original[TOTAL];

static int mappings(void) {
  int count = 0, byte;
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while ((byte = fgetc(maps)) != EOF) count += byte == '\n';
  fclose(maps);
  return count;
}

static void restore(void) {
  CHECK_EQUAL(ftruncate(file, TOTAL), 0);
  CHECK_EQUAL(pwrite(file, original, TOTAL, 0), TOTAL);
}

/* Opens the object in every way. A success is accepted only if `allowed`. */
static void open_damaged(int allowed, const char *what, long number) {
  static const int flags[] = { 0, IPC_CREATE, IPC_READ_ONLY, IPC_ADOPT, IPC_CHECK_OWNER };
  for (int i = 0; i < 7; i++) {
    ipc_shm_t *shm = NULL;
    ipc_sem_t *sem = NULL;
    int result = i == 5   ? ipc_sem_open(&sem, name, 0, IPC_CREATE, 0600)
                 : i == 6 ? ipc_shm_from_fd(&shm, file, &type, IPC_UNSEALED)
                          : ipc_shm_open_typed(&shm, name, &type, flags[i], 0600);
    if (result == 0 && allowed && i != 5) {
      CHECK_EQUAL(((Data *)ipc_shm_data(shm))->number, 7);
      CHECK_EQUAL(ipc_shm_close(shm), 0);
      continue;
    }
    if (
      result != -EPROTO && result != -EUCLEAN && result != -EMEDIUMTYPE
      && !(result == -EAGAIN && flags[i < 5 ? i : 0] == IPC_ADOPT))
      test_failed(__FILE__, __LINE__, "%s %ld, way %d: %d", what, number, i, result);
    if (shm != NULL || sem != NULL || strlen(ipc_last_error()) < 20)
      test_failed(
        __FILE__, __LINE__, "%s %ld, way %d: says \"%s\"", what, number, i, ipc_last_error());
    if (strchr(ipc_last_error(), '\n') != NULL)
      test_failed(__FILE__, __LINE__, "%s %ld: more than one line", what, number);
  }
}

static uint64_t state;

static uint64_t chance(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

int main(void) {
  ipc_shm_t *shm;
  name = unique_name("damaged");
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  ((Data *)ipc_shm_data(shm))->number = 7;
  file = fcntl(ipc_shm_fd(shm), F_DUPFD_CLOEXEC, 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  struct stat status;
  CHECK_EQUAL(fstat(file, &status), 0);
  CHECK_EQUAL(status.st_size, TOTAL);
  CHECK_EQUAL(pread(file, original, TOTAL, 0), TOTAL);
  open_damaged(1, "whole", 0);
  int descriptors = open_descriptors(), maps = mappings();

  int stride = is_under_valgrind() ? 61 : 1;
  for (int byte = OFFSET; byte < TOTAL; byte += stride) {
    static const unsigned char values[] = { 0, 0x80, 0xff };
    for (int i = 0; i < 4; i++) {
      char value = i < 3 ? (char)values[i] : (char)(original[byte] ^ 1);
      /* The bytes behind the record have no meaning, so a few of them are enough. */
      if (byte >= OFFSET + RECORD && byte % 509 != 0) continue;
      CHECK_EQUAL(pwrite(file, &value, 1, byte), 1);
      open_damaged(value == original[byte] || byte >= OFFSET + RECORD, "byte", byte - OFFSET);
    }
    CHECK_EQUAL(pwrite(file, &original[byte], 1, byte), 1);
  }
  open_damaged(1, "restored", 0);

  /* Cuts the file at every size around the record and at the pages. */
  for (int size = TOTAL - 1; size >= 0; size -= stride) {
    int near = size > OFFSET - 40 && size < OFFSET + RECORD + 40;
    if (!near && size % 4096 > 2 && size % 4096 < 4094 && size % 509 != 0 && size != (int)sizeof(Data))
      continue;
    CHECK_EQUAL(ftruncate(file, size), 0);
    /* By its size alone a cut file may look like a foreign object of this type. */
    int foreign = size == OFFSET || size == (int)sizeof(Data);
    if (foreign) {
      ipc_shm_t *adopted;
      CHECK_EQUAL(ipc_shm_open_typed(&adopted, name, &type, 0, 0), -EPROTO);
      CHECK_EQUAL(ipc_shm_open_typed(&adopted, name, &type, IPC_ADOPT, 0), IPC_OPENED);
      CHECK_EQUAL(ipc_shm_close(adopted), 0);
    } else {
      open_damaged(0, "cut to", size);
    }
    restore();
  }

  /* Extends the file by zeros, by another copy of the record, and by garbage. */
  static const int more[] = { 1, 8, 2191, 2192, 4095, 4096, 4097, 8192, 12288 };
  for (int i = 0; i < 9; i++) {
    CHECK_EQUAL(ftruncate(file, TOTAL + more[i]), 0);
    open_damaged(0, "extended by", more[i]);
    CHECK_EQUAL(pwrite(file, original + OFFSET, RECORD, TOTAL + more[i] - 4096), RECORD);
    open_damaged(0, "extended with a record by", more[i]);
    restore();
  }

  /* The record is random, completely or behind a valid beginning. */
  for (uint64_t seed = 1; seed <= 1000u / (unsigned)stride; seed++) {
    char garbage[TOTAL - OFFSET];
    state = seed * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = (char)chance();
    size_t sound = (size_t)(chance() % 4 == 0 ? 0 : chance() % RECORD);
    memcpy(garbage, original + OFFSET, sound);
    CHECK_EQUAL(pwrite(file, garbage, sizeof garbage, OFFSET), sizeof garbage);
    open_damaged(0, "seed", (long)seed);
  }
  /* A random record with a right checksum, as a hostile creator would write it: 64-bit FNV-1a of all bytes before
   * it. */
  for (uint64_t seed = 1; seed <= 1000u / (unsigned)stride; seed++) {
    char forged[RECORD];
    memcpy(forged, original + OFFSET, RECORD);
    state = seed * 0x9e3779b97f4a7c15u;
    size_t first = chance() % 2184, last = first + chance() % (seed % 2 == 0 ? 9 : 300);
    for (size_t i = first; i <= last && i < 2184; i++)
      forged[i] = seed % 3 == 0 ? (char)0xff : (char)chance();
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < 2184; i++)
      digest = (digest ^ (unsigned char)forged[i]) * UINT64_C(0x100000001b3);
    memcpy(forged + 2184, &digest, 8);
    CHECK_EQUAL(pwrite(file, forged, RECORD, OFFSET), RECORD);
    /* Unused field slots, and the creator's PID namespace, are not compared. */
    open_damaged(1, "forged seed", (long)seed);
  }
  restore();
  open_damaged(1, "restored", 1);
  CHECK_EQUAL(open_descriptors(), descriptors);
  /* There may be fewer mappings, because neighbouring ones have merged. */
  CHECK(mappings() <= maps);
  return 0;
}
