/* Starts the daemons of the gateway, and starts each again when it dies:  supervisor LOG
 *
 * It waits in one waitset for everything: the ends of its children, samples, the latest value, answers to its orders, a timer,
 * and the end of its input, at which it stops the gateway. It prints each daemon that it starts, and at the end what was torn,
 * lost or leaked. */
#include "gateway.h"
#include <poll.h>
#include <signal.h>

enum { DAEMONS = 3, ORDERS_AT_ONCE = 4 };

static const char *const names[DAEMONS] = { "sensor", "control", "logger" };
static const char *log_file;
static ipc_child_t *children[DAEMONS];
static ipc_waitset_t *set;
static unsigned restarts, orders, waiting, torn, lost, leaked;
static uint64_t seen[2], last[2];

static void start(int which) {
  char program[32];
  snprintf(program, sizeof program, "./%s", names[which]);
  const char *const argv[] = { program, log_file, NULL };
  check(ipc_spawn(&children[which], argv, 0));
  check(ipc_waitset_add(set, IPC_WAIT_CHILD, children[which], &children[which]));
  printf("%s %d\n", names[which], ipc_child_pid(children[which]));
}

static void start_again(int which) {
  ipc_child_exit_t how;
  check(ipc_child_wait(children[which], &how, IPC_FOREVER));
  check(ipc_waitset_remove(set, &children[which]));
  check(ipc_child_close(children[which]));
  torn += how.code == TORN;
  restarts++;
  start(which);
}

/* Takes all samples that are there. The first topic has readings, the second one frames. */
static void take(ipc_topic_t *topic, int which) {
  const void *place;
  ipc_sample_t info;
  ssize_t length;
  while ((length = ipc_topic_borrow(topic, &place, &info, 0)) >= 0) {
    torn += which == 0 ? !reading_is_whole(place) : !frame_is_whole(place);
    lost += info.number != last[which] + 1;
    last[which] = info.number;
    seen[which]++;
    check(ipc_topic_return(topic, place));
  }
  if (length != -EAGAIN) check((int)length);
}

static void order(ipc_client_t *client) {
  if (waiting == ORDERS_AT_ONCE) return;
  Order next = { .number = ++orders, .limit = 20 + orders % 10 };
  uint64_t id;
  check(ipc_client_send(client, &next, sizeof next, 0, IPC_FOREVER, &id));
  waiting++;
}

static void take_answers(ipc_client_t *client) {
  Order answer;
  uint64_t id;
  ssize_t length;
  while ((length = ipc_client_receive(client, &answer, sizeof answer, &id, 0)) >= 0) {
    torn += answer.limit != 20 + (double)(answer.number % 10);
    waiting--;
  }
  if (length != -EAGAIN) check((int)length);
}

static void stop(int which) {
  check(ipc_child_kill(children[which], SIGKILL));
  check(ipc_child_wait(children[which], NULL, IPC_FOREVER));
  check(ipc_child_close(children[which]));
}

/* Counts the slots of a topic that are neither free nor hold one of its newest samples, and removes the topic. */
static void finish(const char *name, const ipc_topic_attr_t *attr, ipc_topic_t *subscriber, int which) {
  ipc_topic_t *publisher;
  ipc_topic_stat_t stat;
  check(ipc_topic_open(&publisher, name, attr, IPC_WRITE_ONLY, 0));
  check(ipc_topic_stat(publisher, &stat)); /* ends what dead publishers had begun */
  take(subscriber, which);
  check(ipc_topic_close(subscriber));
  check(ipc_topic_stat(publisher, &stat));
  lost += last[which] != stat.published;
  size_t kept = stat.published < attr->capacity ? (size_t)stat.published : attr->capacity;
  leaked += (unsigned)(stat.slots - stat.free_slots - kept + stat.borrowed_samples + stat.reserved_samples + stat.subscribers);
  check(ipc_topic_close(publisher));
  check(ipc_topic_unlink(name));
}

int main(int argc, char *argv[]) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  log_file = argc > 1 ? argv[1] : "/dev/null";
  ipc_topic_t *topics[2];
  ipc_cell_t *latest;
  ipc_service_t *service;
  ipc_client_t *client;
  Reading reading = { 0 }, before = { 0 };
  int is_ending = 0;
  check(ipc_topic_open(&topics[0], READINGS, &readings_attr, IPC_CREATE | IPC_READ_ONLY, 0600));
  check(ipc_topic_open(&topics[1], FRAMES, &frames_attr, IPC_CREATE | IPC_READ_ONLY, 0600));
  check(ipc_cell_open(&latest, LATEST, &reading_type, IPC_CREATE, 0600));
  check(ipc_service_open(&service, ORDERS, &orders_attr, IPC_CREATE, 0600)); /* creates it: the controller serves */
  check(ipc_service_close(service));
  check(ipc_client_open_typed(&client, ORDERS, &order_type, &order_type, IPC_CLIENT_WAIT));

  check(ipc_waitset_open(&set, 0));
  check(ipc_waitset_add(set, IPC_WAIT_SAMPLE, topics[0], NULL));
  check(ipc_waitset_add(set, IPC_WAIT_SAMPLE, topics[1], NULL));
  check(ipc_waitset_add(set, IPC_WAIT_CHANGE, latest, NULL));
  check(ipc_waitset_add(set, IPC_WAIT_REPLY, client, NULL));
  check(ipc_waitset_add_timer(set, 0, 5000000, NULL));
  check(ipc_waitset_add_fd(set, 0, POLLIN, &is_ending));
  for (int i = 0; i < DAEMONS; i++) start(i);

  while (!is_ending || waiting > 0) {
    ipc_ready_t ready[16];
    int count = check(ipc_waitset_wait(set, ready, 16, IPC_FOREVER));
    for (int i = 0; i < count; i++) {
      switch (ready[i].what) {
        case IPC_WAIT_CHILD: start_again((int)((ipc_child_t **)ready[i].tag - children)); break;
        case IPC_WAIT_SAMPLE: take(topics[0], 0), take(topics[1], 1); break;
        case IPC_WAIT_CHANGE:
          check(ipc_cell_read(latest, &reading, NULL));
          torn += !reading_is_whole(&reading);
          lost += reading.number < before.number;
          before = reading;
          break;
        case IPC_WAIT_REPLY: take_answers(client); break;
        case IPC_WAIT_TIMER:
          if (!is_ending) order(client);
          break;
        case IPC_WAIT_FD: is_ending = 1, check(ipc_waitset_remove(set, &is_ending)); break;
      }
    }
  }
  check(ipc_waitset_close(set));
  for (int i = 0; i < DAEMONS; i++) stop(i);
  finish(READINGS, &readings_attr, topics[0], 0);
  finish(FRAMES, &frames_attr, topics[1], 1);
  ipc_service_stat_t stat;
  check(ipc_service_open(&service, ORDERS, &orders_attr, 0, 0));
  check(ipc_service_stat(service, &stat));
  lost += orders - (unsigned)stat.answered;
  leaked += stat.pending + stat.taken;
  check(ipc_client_close(client));
  check(ipc_service_close(service));
  check(ipc_cell_close(latest));
  check(ipc_service_unlink(ORDERS));
  check(ipc_cell_unlink(LATEST));
  printf("%u restarts, %llu readings, %llu frames, %u orders: torn %u, lost %u, leaked %u\n", restarts,
    (unsigned long long)seen[0], (unsigned long long)seen[1], orders, torn, lost, leaked);
  return torn + lost + leaked != 0;
}
