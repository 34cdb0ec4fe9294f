/* Messages arrive by priority, and messages of equal priority in the order in which they were sent. */
#include "mq.h"

int main(void) {
  ipc_mq_t *mq = make_mq(mq_name("order"), 6, 0);
  static const struct {
    const char *text;
    unsigned priority;
  } sent[] = { { "b1", 1 }, { "c0", 0 }, { "a1", IPC_MQ_PRIORITY_MAX }, { "b2", 1 }, { "b3", 1 }, { "a2", IPC_MQ_PRIORITY_MAX } };
  static const char *const expected[] = { "a1", "a2", "b1", "b2", "b3", "c0" };
  for (int i = 0; i < 6; i++) CHECK_EQUAL(ipc_mq_send(mq, sent[i].text, 2, sent[i].priority, 0), 0);

  for (int i = 0; i < 6; i++) {
    char buffer[SIZE];
    unsigned priority = 77;
    CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 2);
    CHECK(memcmp(buffer, expected[i], 2) == 0);
    CHECK_EQUAL(priority, expected[i][0] == 'a' ? IPC_MQ_PRIORITY_MAX : expected[i][0] == 'b' ? 1 : 0);
  }
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
