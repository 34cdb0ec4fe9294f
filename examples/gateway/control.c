/* Compares each reading with a limit, and carries out orders that change the limit. It waits for both at once. */
#include "gateway.h"

int main(void) {
  ipc_topic_t *readings;
  ipc_service_t *orders;
  ipc_waitset_t *set;
  check(ipc_topic_open(&readings, READINGS, NULL, IPC_READ_ONLY, 0));
  check(ipc_service_open(&orders, ORDERS, &orders_attr, IPC_CREATE, 0600));
  check(ipc_waitset_open(&set, 0));
  check(ipc_waitset_add(set, IPC_WAIT_SAMPLE, readings, NULL));
  check(ipc_waitset_add(set, IPC_WAIT_REQUEST, orders, NULL));

  double limit = 25;
  unsigned above = 0;
  for (;;) {
    ipc_ready_t ready[2];
    int count = check(ipc_waitset_wait(set, ready, 2, IPC_FOREVER));
    for (int i = 0; i < count; i++) {
      if (ready[i].what == IPC_WAIT_SAMPLE) {
        Reading reading;
        ssize_t length = ipc_topic_receive(readings, &reading, sizeof reading, NULL, 0);
        if (length == -EAGAIN) continue;
        check((int)length);
        if (!reading_is_whole(&reading)) return TORN;
        above += reading.celsius > limit;
      } else {
        Order order;
        ipc_request_t request;
        ssize_t length = ipc_service_receive(orders, &order, sizeof order, &request, 0);
        if (length == -EAGAIN) continue;
        check((int)length);
        /* An order that a killed predecessor had may come again. To set the same limit twice is harmless. */
        limit = order.limit;
        check(ipc_service_reply(orders, &request, &order, sizeof order));
      }
    }
  }
}
