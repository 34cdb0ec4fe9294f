/* In a storm of signals that hits both processes, every message arrives once and in order. */
#include "mq.h"
#include "storm.h"

#define MESSAGES 20000

static const char *name;

static void send_all(void *storm) {
  enter_storm(storm, 0);
  ipc_mq_t *mq = join_mq(name, IPC_WRITE_ONLY);
  for (int number = 0; number < MESSAGES; number++) {
    int result;
    do result = ipc_mq_send(mq, &number, sizeof number, 0, PATIENCE);
    while (result == -EINTR);
    CHECK_EQUAL(result, 0);
    storm_step();
  }
  leave_storm();
}

int main(void) {
  name = mq_name("storm");
  ipc_mq_t *mq = make_mq(name, 4, 0);
  pid_t storms[2];
  pid_t child = start(send_all, start_storm(&storms[0], 50));
  enter_storm(start_storm(&storms[1], 50), 0);
  for (int number = 0; number < MESSAGES; number++) {
    int buffer[SIZE / sizeof(int)];
    ssize_t result;
    do result = ipc_mq_receive(mq, buffer, sizeof buffer, NULL, PATIENCE);
    while (result == -EINTR);
    CHECK_EQUAL(result, sizeof number);
    CHECK_EQUAL(buffer[0], number);
    storm_step();
  }
  leave_storm();
  FINISH(child);
  for (int i = 0; i < 2; i++) FINISH(storms[i]);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
