/* Overwritten bytes of a cell give -EUCLEAN or another value, and never a crash or a hang. */
#include "cell.h"

static unsigned random_state = 12345;

static unsigned any(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static const char *name;

/* Calls everything on a cell whose bytes another process changes. */
static void use(void *unused) {
  (void)unused;
  ipc_cell_t *cell = NULL;
  int opened = ipc_cell_open(&cell, name, &value_type, any() % 2 ? IPC_READ_ONLY : 0, 0);
  if (opened < 0) {
    CHECK(opened == -EUCLEAN || opened == -EPROTO || opened == -EMEDIUMTYPE);
    return;
  }
  Value value;
  ipc_sample_t info;
  int result = ipc_cell_read(cell, &value, &info);
  CHECK(result == 0 || result == -EUCLEAN || result == -ENODATA);
  result = ipc_cell_wait(cell, &value, 0, &info, MILLISECOND);
  CHECK(result == 0 || result == -EUCLEAN || result == -ENODATA || result == -ETIMEDOUT);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
}

int main(void) {
  name = unique_name("cell");
  ipc_cell_t *cell = open_cell(name, IPC_CREATE, 0600);
  for (uint64_t i = 1; i <= 20; i++) write_value(cell, i);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
  int file = shm_open(name, O_RDWR, 0);
  struct stat status;
  CHECK(file >= 0 && fstat(file, &status) == 0);
  size_t size = (size_t)status.st_size;
  unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), *good = malloc(size);
  CHECK(bytes != MAP_FAILED && good != NULL);
  memcpy(good, bytes, size);

  /* The latest number leads to a slot that does not hold it. */
  uint64_t *latest = (uint64_t *)(void *)bytes;
  CHECK_EQUAL(*latest, 20);
  *latest = 21;
  cell = open_cell(name, IPC_READ_ONLY, 0);
  Value value;
  CHECK_FAILS(ipc_cell_read(cell, &value, NULL), -EUCLEAN, "damaged");
  CHECK_EQUAL(ipc_cell_wait(cell, &value, 20, NULL, 0), -EUCLEAN);
  *latest = UINT64_MAX;
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), -EUCLEAN);
  *latest = 0;
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), -ENODATA);
  CHECK_EQUAL(ipc_cell_close(cell), 0);

  /* The latch's word is left out: with a living thread's id there, it is held. */
  const int rounds = is_under_valgrind() ? 200 : 1000;
  for (int round = 0; round < rounds; round++) {
    memcpy(bytes, good, size);
    for (unsigned i = 0; i < 1 + any() % 20; i++) {
      size_t place = any() % 2 ? any() % 2400 : any() % size;
      bytes[place] = (unsigned char)any();
    }
    FINISH(start(use, NULL));
  }
  memcpy(bytes, good, size);
  cell = open_cell(name, 0, 0);
  expect_value(cell, 20, 20);
  free(good);
  return 0;
}
