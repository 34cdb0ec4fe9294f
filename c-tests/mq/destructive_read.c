/* Each message goes to exactly one of several receivers, and no message is lost. */
#include "mq.h"

#define MESSAGES 2000
#define RECEIVERS 3
#define LAST UINT32_MAX

static const char *name;
static uint32_t *seen;

static void receive(void *unused) {
  (void)unused;
  ipc_mq_t *mq = join_mq(name, IPC_READ_ONLY);
  for (;;) {
    uint32_t number, buffer[SIZE / 4];
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE), sizeof number);
    number = buffer[0];
    if (number == LAST) break;
    CHECK(number < MESSAGES);
    __atomic_fetch_add(&seen[number], 1, __ATOMIC_RELAXED);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  name = mq_name("destructive");
  seen = shared_memory(MESSAGES * sizeof *seen);
  ipc_mq_t *mq = make_mq(name, 4, 0);
  pid_t receivers[RECEIVERS];
  for (int i = 0; i < RECEIVERS; i++) receivers[i] = start(receive, NULL);
  for (uint32_t number = 0; number < MESSAGES; number++)
    CHECK_EQUAL(ipc_mq_send(mq, &number, sizeof number, 1, PATIENCE), 0);
  uint32_t last = LAST;
  for (int i = 0; i < RECEIVERS; i++) CHECK_EQUAL(ipc_mq_send(mq, &last, sizeof last, 0, PATIENCE), 0);
  for (int i = 0; i < RECEIVERS; i++) FINISH(receivers[i]);
  for (int number = 0; number < MESSAGES; number++) CHECK_EQUAL(seen[number], 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
