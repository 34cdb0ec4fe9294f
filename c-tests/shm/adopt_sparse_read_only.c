/* A foreign object for which its maker has reserved no space, opened for reading only, also by a process that may not write to it. Its
 * holes take memory when they are read. If there is none, opening is -ENOSPC, as it is for writing, and never SIGBUS later. */
#include "namespace.h"

#include <sys/stat.h>

enum { SIZE = 256 * 1024 };

static const char *name;

static void read_all(int flags) {
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open(&shm, name, SIZE, IPC_ADOPT | flags, 0), IPC_OPENED);
  const volatile char *data = ipc_shm_data(shm);
  for (int i = 0; i < SIZE; i++) CHECK_EQUAL(data[i], i == 5000 ? 7 : 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

static void make_sparse(mode_t mode) {
  (void)shm_unlink(name);
  int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  CHECK(file >= 0);
  CHECK_EQUAL(ftruncate(file, SIZE), 0);
  CHECK_EQUAL(pwrite(file, "\7", 1, 5000), 1);
  CHECK_EQUAL(fchmod(file, mode), 0);
  close(file);
}

/* Leaves no page free. */
static void fill(void) {
  static char page[4096] = { 1 };
  int file = shm_open("/fill", O_CREAT | O_RDWR, 0600);
  CHECK(file >= 0);
  while (write(file, page, sizeof page) == sizeof page) {}
  CHECK_EQUAL(errno, ENOSPC);
  close(file);
}

int main(void) {
  ipc_shm_t *shm;
  name = unique_name("sparse");
  mount_own_dev_shm("1m");
  make_sparse(0600);
  read_all(IPC_READ_ONLY);
  make_sparse(0400);
  read_all(IPC_READ_ONLY);
  make_sparse(0600);
  fill();
  CHECK_FAILS(ipc_shm_open(&shm, name, SIZE, IPC_ADOPT, 0), -ENOSPC, "space");
  CHECK_FAILS(ipc_shm_open(&shm, name, SIZE, IPC_ADOPT | IPC_READ_ONLY, 0), -ENOSPC, "space");
  make_sparse(0400);
  CHECK_FAILS(ipc_shm_open(&shm, name, SIZE, IPC_ADOPT | IPC_READ_ONLY, 0), -ENOSPC, "space");
  CHECK_EQUAL(shm_unlink("/fill"), 0);
  read_all(IPC_READ_ONLY);
  /* The pages that were read stay, also when the file system is full again. */
  fill();
  read_all(IPC_READ_ONLY);
  CHECK_EQUAL(shm_unlink("/fill"), 0);
  return 0;
}
