/* A call with timeout 0 tries, a timeout expires, IPC_FOREVER waits, and IPC_NONBLOCK makes every call try. This test
 * cannot show that the monotonic clock measures the time, because setting the time of day would disturb the machine.
 * The calls give the kernel a duration, never a time of day. */
#include "mq.h"

static const char *name;

static void send_one(void *delay) {
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  wait_until_inside(getppid(), WAIT_CALL);
  (void)delay;
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
}

static void receive_one(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, IPC_READ_ONLY);
  char buffer[SIZE];
  wait_until_inside(getppid(), WAIT_CALL);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), 1);
}

int main(void) {
  name = mq_name("timeouts");
  ipc_mq_t *mq = make_mq(name, 1, 0);
  char buffer[SIZE];

  /* Empty. */
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 0), -EAGAIN);
  int64_t begin = now_ns();
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - begin >= 20 * MILLISECOND);
  static const int64_t timeouts[] = { IPC_FOREVER, PATIENCE, INT64_MAX };
  for (int i = 0; i < 3; i++) {
    pid_t child = start(send_one, NULL);
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, timeouts[i]), 1);
    FINISH(child);
  }

  /* Full. */
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, IPC_FOREVER), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "y", 1, 0, 0), -EAGAIN);
  begin = now_ns();
  CHECK_EQUAL(ipc_mq_send(mq, "y", 1, 0, 20 * MILLISECOND), -ETIMEDOUT);
  CHECK(now_ns() - begin >= 20 * MILLISECOND);
  for (int i = 0; i < 3; i++) {
    pid_t child = start(receive_one, NULL);
    CHECK_EQUAL(ipc_mq_send(mq, "z", 1, 0, timeouts[i]), 0);
    FINISH(child);
  }

  /* Below -1. */
  CHECK_FAILS(ipc_mq_send(mq, "x", 1, 0, -2), -EINVAL, "timeout_ns is -2");
  CHECK_FAILS(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, INT64_MIN), -EINVAL, "timeout_ns is -");

  ipc_mq_t *trying = join_mq(name, IPC_NONBLOCK);
  CHECK_EQUAL(ipc_mq_send(trying, "y", 1, 0, IPC_FOREVER), -EAGAIN);
  CHECK_EQUAL(ipc_mq_send(trying, "y", 1, 0, PATIENCE), -EAGAIN);
  CHECK_EQUAL(ipc_mq_receive(trying, buffer, sizeof buffer, NULL, IPC_FOREVER), 1);
  CHECK_EQUAL(ipc_mq_receive(trying, buffer, sizeof buffer, NULL, IPC_FOREVER), -EAGAIN);
  CHECK_FAILS(ipc_mq_receive(trying, buffer, sizeof buffer, NULL, -2), -EINVAL, "timeout_ns is -2");
  CHECK_EQUAL(ipc_mq_close(trying), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
