/* A program with shm_open() and mmap() sees the struct at offset 0 of an object that this library created. The library
 * adopts an object that such a program created, by its size. */
#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  int number;
  char text[4200]; /* more than one page, and not a whole number of pages */
} Data;

static const ipc_type_t type = IPC_TYPE_FIELDS(Data, 1, number, text);

static Data *map(int fd) {
  Data *data = mmap(NULL, sizeof(Data), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(data != MAP_FAILED);
  close(fd);
  return data;
}

static void adopts(const char *name, off_t size) {
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  ipc_shm_t *shm = NULL;
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), -EAGAIN, "not sized it yet");
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, 0, 0), -EPROTO, "IPC_ADOPT");
  CHECK_EQUAL(ftruncate(fd, size), 0);
  CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, 0, 0), -EPROTO, "IPC_ADOPT");
  CHECK_FAILS(ipc_shm_open(&shm, name, (size_t)size - 1, 0, 0), -EPROTO, "IPC_ADOPT");
  CHECK(shm == NULL);

  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT | IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_size(shm), sizeof(Data));
  /* The space of the object is reserved now. */
  struct stat status;
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK_EQUAL(status.st_size, size);
  CHECK(status.st_blocks * 512 >= size);
  Data *theirs = map(fd), *ours = ipc_shm_data(shm);
  theirs->number = 3;
  ours->text[4199] = 'x';
  CHECK_EQUAL(ours->number, 3);
  CHECK_EQUAL(theirs->text[4199], 'x');
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT | IPC_READ_ONLY, 0), IPC_OPENED);
  CHECK_EQUAL(((Data *)ipc_shm_data(shm))->number, 3);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(munmap(theirs, sizeof(Data)), 0);
  CHECK_EQUAL(shm_unlink(name), 0);
}

int main(void) {
  const char *name = unique_name("posix");
  ipc_shm_t *shm = NULL;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  Data *ours = ipc_shm_data(shm), *theirs = map(shm_open(name, O_RDWR, 0));
  ours->number = 1;
  CHECK_EQUAL(theirs->number, 1);
  theirs->text[4199] = 'y';
  CHECK_EQUAL(ours->text[4199], 'y');
  CHECK_EQUAL(munmap(theirs, sizeof(Data)), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  /* An object of this library is checked in full, also with IPC_ADOPT. */
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  shm = NULL;
  CHECK_EQUAL(ipc_shm_open(&shm, name, sizeof(Data), IPC_ADOPT, 0), -EPROTO);
  CHECK_EQUAL(shm_unlink(name), 0);

  adopts(name, sizeof(Data));
  adopts(name, 8192); /* rounded up to pages */

  static const off_t wrong[] = { 1, sizeof(Data) - 1, sizeof(Data) + 1, 4096, 8191, 8193, 12288 };
  for (int i = 0; i < 7; i++) {
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_EQUAL(ftruncate(fd, wrong[i]), 0);
    close(fd);
    char text[32];
    shm = NULL;
    snprintf(text, sizeof text, "found %d", (int)wrong[i]);
    CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), -EPROTO, text);
    CHECK_FAILS(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), -EPROTO, text);
    CHECK(shm == NULL);
    CHECK_EQUAL(shm_unlink(name), 0);
  }
  return 0;
}
