/* Opening a queue by the name of another kind of object gives -EMEDIUMTYPE, and so does opening another kind of object
 * by the name of a queue. The object stays unchanged. */
#include "queue.h"
#include <fcntl.h>

int main(void) {
  const char *queue = unique_name("queue"), *region = unique_name("region"), *file = unique_name("file");
  ipc_mq_t *mq = make_queue(queue, 1, 8), *other = NULL;
  ipc_shm_t *shm, *other_shm;
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_shm_open(&shm, region, 8192, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&other, region, NULL, 0, 0), -EMEDIUMTYPE);
  CHECK_FAILS(ipc_mq_open(&other, region, NULL, IPC_CREATE, 0600), -EMEDIUMTYPE, region);
  CHECK_EQUAL(ipc_mq_open(&other, region, NULL, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CHECK_EQUAL(ipc_mq_unlink(region, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_open(&other_shm, queue, 8, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_sem_open(&sem, queue, 0, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(queue), -EMEDIUMTYPE);
  CHECK(other == NULL);
  /* A file that is no object of the library. */
  int fd = shm_open(file, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  CHECK(ipc_mq_open(&other, file, NULL, 0, 0) < 0);
  CHECK_EQUAL(ftruncate(fd, 65536), 0);
  int opened = ipc_mq_open(&other, file, NULL, 0, 0);
  CHECK(opened < 0);
  close(fd);
  send_text(mq, "still", 0);
  expect_text(mq, "still", 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
