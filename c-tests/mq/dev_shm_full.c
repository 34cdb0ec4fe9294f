/* If /dev/shm is full, opening a queue returns -ENOSPC and leaves nothing behind. An existing queue causes no
 * SIGBUS. */
#include "namespace.h"
#include "queue.h"

int main(void) {
  mount_own_dev_shm("128k");
  ipc_mq_t *mq = NULL;
  ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 40000 };
  CHECK_EQUAL(ipc_mq_open(&mq, "/kept", &attr, IPC_CREATE, 0600), IPC_CREATED);
  ipc_mq_t *more = NULL;
  CHECK_FAILS(ipc_mq_open(&more, "/more", &attr, IPC_CREATE, 0600), -ENOSPC, "/more");
  CHECK_FAILS(ipc_mq_open(&more, "/more", NULL, IPC_CREATE, 0600), -ENOSPC, "/more");
  CHECK(more == NULL);
  CHECK_EQUAL(access("/dev/shm/more", F_OK), -1);
  static char message[40000];
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_send(mq, message, sizeof message, 0, 0), 0);
  for (int i = 0; i < 2; i++) CHECK_EQUAL(ipc_mq_receive(mq, message, sizeof message, NULL, 0), sizeof message);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(ipc_mq_unlink("/kept", 0), 0);
  CHECK_EQUAL(ipc_mq_open(&more, "/more", &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_close(more), 0);
  return 0;
}
