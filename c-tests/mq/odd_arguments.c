/* Arguments at the edge: no messages at all, fields that a kind of notification does not use, a record that says 0 bytes. */
#include "queue.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

int main(void) {
  const char *name = unique_name("odd");
  ipc_mq_t *mq, *other;
  CHECK_EQUAL(ipc_mq_open(&mq, name, NULL, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send_many(mq, NULL, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_receive_many(mq, NULL, 0, 0), 0);
  CHECK_EQUAL(ipc_mq_send_many(mq, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_receive_many(mq, NULL, 1, 0), -EINVAL);
  CHECK_EQUAL(ipc_mq_send_many(NULL, NULL, 0, 0), -EINVAL);

  int events = eventfd(0, EFD_CLOEXEC);
  ipc_mq_notify_t how = { .kind = IPC_NOTIFY_EVENTFD, .eventfd = events, .context = &how };
  CHECK_FAILS(ipc_mq_notify(mq, &how), -EINVAL, "context");
  how.context = NULL;
  how.signal = 1;
  CHECK_FAILS(ipc_mq_notify(mq, &how), -EINVAL, "signal");
  how.signal = 0;
  how.reserved = 1;
  CHECK_FAILS(ipc_mq_notify(mq, &how), -EINVAL, "reserved");
  CHECK_EQUAL(ipc_mq_close(mq), 0);

  /* The size stands at 56 in the record, which is the file's last 4096 bytes. */
  char path[128];
  struct stat status;
  snprintf(path, sizeof path, "/dev/shm%s", name);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  CHECK(fd >= 0 && fstat(fd, &status) == 0);
  uint64_t found, size;
  for (off_t offset = status.st_size - 4096; offset < status.st_size - 4000; offset += 8) {
    CHECK_EQUAL(pread(fd, &found, 8, offset), 8);
    for (int i = 0; i < 2; i++) {
      size = i == 0 ? 0 : UINT64_MAX / 2;
      CHECK_EQUAL(pwrite(fd, &size, 8, offset), 8);
      int result = ipc_mq_open(&other, name, NULL, 0, 0);
      if (result != -EUCLEAN && result != -EPROTO && found != size)
        test_failed(__FILE__, __LINE__, "with the record's word %d set to %#llx: %d, %s",
                    (int)(offset - status.st_size + 4096) / 8, (unsigned long long)size, result, ipc_last_error());
    }
    CHECK_EQUAL(pwrite(fd, &found, 8, offset), 8);
  }
  CHECK_EQUAL(ipc_mq_open(&other, name, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_mq_close(other), 0);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  return 0;
}
