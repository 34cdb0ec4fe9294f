/* The work of the processes of each measure. Receivers have the lower numbers. */
#include "driver.h"

#include <fcntl.h>

enum { RECEIVER = 0, SENDER = 1 };

/* The first message is not measured, because some peers connect with it. */
void stream(int side) {
  bench_pin(side);
  void *queue = queues[0];
  uint64_t slept;
  if (side == RECEIVER) {
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    receive_in_order(queue, 0);
    meet(GO, 2);
    slept = sleeps_so_far();
    for (int i = 1; i <= count; i++) receive_in_order(queue, (uint64_t)i);
    finish();
  } else {
    wait_for(RECEIVERS_READY, 1);
    peer->attach(queue, BENCH_SENDS);
    peer->send(queue, 0, 0);
    flush(queue);
    meet(GO, 2);
    slept = sleeps_so_far();
    for (int i = 1; i <= count; i++) peer->send(queue, (uint64_t)i, 0);
    flush(queue);
  }
  atomic_fetch_add(&shared->sleeps, sleeps_so_far() - slept);
  meet(DONE, 2);
  peer->detach(queue);
}

enum { RALLY_WARM_UP = 20 };

static void play_rally(int side) {
  void *there = queues[side], *back = queues[!side];
  peer->attach(back, BENCH_RECEIVES);
  arrive(RECEIVERS_READY);
  wait_for(RECEIVERS_READY, 2);
  peer->attach(there, BENCH_SENDS);
  meet(GO, 2);
  for (int i = -RALLY_WARM_UP; i < count; i++) {
    uint64_t number = (uint64_t)(i + RALLY_WARM_UP);
    if (side == 0) {
      double begin = bench_now_ns();
      peer->send(there, number, 0);
      receive_in_order(back, number);
      if (i >= 0) shared->samples[i] = (bench_now_ns() - begin) / 2;
    } else {
      receive_in_order(back, number);
      peer->send(there, number, 0);
    }
  }
  finish();
  meet(DONE, 2);
  peer->detach(there);
  peer->detach(back);
}

void rally(int side) {
  bench_pin(side);
  play_rally(side);
}

void rally_on_one(int side) {
  bench_pin(0);
  play_rally(side);
}

/* Whether a process's first thread sleeps: the third field of its stat, behind a name that may have anything in it. */
static bool is_asleep(int stat) {
  char text[512];
  ssize_t length = pread(stat, text, sizeof text - 1, 0);
  REQUIRE(length > 0);
  text[length] = '\0';
  const char *end = strrchr(text, ')');
  REQUIRE(end != NULL);
  return end[2] == 'S';
}

/* The sender keeps its processor busy meanwhile, so that only the receiver's wake-up is measured. */
static void pause_for(uint64_t duration_ns) {
  for (uint64_t end = now_ns() + duration_ns; now_ns() < end;) {}
}

void wake(int side) {
  bench_pin(side);
  void *queue = queues[0];
  if (side == RECEIVER) {
    atomic_store(&shared->receiver, getpid());
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    for (int i = -1; i < count; i++) {
      uint64_t sent = peer->receive(queue);
      double latency = (double)(now_ns() - sent);
      if (i >= 0) shared->samples[i] = latency;
      atomic_fetch_add(&shared->received, 1);
    }
    finish();
  } else {
    wait_for(RECEIVERS_READY, 1);
    peer->attach(queue, BENCH_SENDS);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)atomic_load(&shared->receiver));
    int stat = open(path, O_RDONLY);
    REQUIRE(stat >= 0);
    atomic_store(&shared->begin_ns, now_ns());
    for (int i = 0; i <= count; i++) {
      while (atomic_load(&shared->received) < i || !is_asleep(stat)) pause_for(2000);
      pause_for(30000);
      peer->send(queue, now_ns(), 0);
    }
  }
  meet(DONE, 2);
  peer->detach(queue);
}

void alone(int side) {
  bench_pin(side);
  void *queue = queues[0];
  peer->attach(queue, BENCH_SENDS | BENCH_RECEIVES);
  for (int i = 0; i < 10; i++) {
    peer->send(queue, 0, 0);
    receive_in_order(queue, 0);
  }
  meet(GO, 1);
  for (int i = 0; i < count; i++) {
    peer->send(queue, (uint64_t)i, 0);
    receive_in_order(queue, (uint64_t)i);
  }
  finish();
  peer->detach(queue);
}

void crowd(int number) {
  use_both_processors();
  void *queue = queues[0];
  uint64_t sum = 0;
  int share = count / CROWD;
  if (number < CROWD) {
    peer->attach(queue, BENCH_RECEIVES);
    arrive(RECEIVERS_READY);
    meet(GO, 2 * CROWD);
    for (int i = 0; i < share; i++) sum += peer->receive(queue);
    finish();
    atomic_fetch_add(&shared->sum_received, sum);
  } else {
    wait_for(RECEIVERS_READY, CROWD);
    peer->attach(queue, BENCH_SENDS);
    meet(GO, 2 * CROWD);
    for (int i = 0; i < share; i++) {
      uint64_t value = (uint64_t)(number * share + i);
      peer->send(queue, value, 0);
      sum += value;
    }
    atomic_fetch_add(&shared->sum_sent, sum);
  }
  arrive(DONE);
  /* A process that has finished sleeps, so that the others get its processor. */
  while (atomic_load(&shared->arrived[DONE]) < 2 * CROWD) usleep(1000);
  peer->detach(queue);
  if (number == 0 && atomic_load(&shared->sum_sent) != atomic_load(&shared->sum_received)) {
    fprintf(stderr, "%s: what was received is not what was sent\n", peer->name);
    exit(1);
  }
}
