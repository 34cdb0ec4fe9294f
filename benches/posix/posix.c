/* A plain <mqueue.h> program, which compare.sh runs without and with librobustipc-posix.so preloaded. It prints one
 * line for each row, with tabs between the columns:
 *
 *     how many times as fast the drop-in should be | what is measured | nanoseconds, or why it was not measured
 *
 * Compiled with POLLS, the program polls its queues before it receives. A row without a goal (0) is no comparison: it
 * shows the time that the kernel's own calls need, below which no library can get. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef POLLS
#include <poll.h>
#endif

#define LARGE 8192
static const char there[] = "/ripc-bench-posix-1", back[] = "/ripc-bench-posix-2";
static char message[LARGE];
static mqd_t in, out;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(long result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static void report(double wanted, const char *what, double nanoseconds) {
  printf("%g\t%s\t%.1f\n", wanted, what, nanoseconds);
}

/* Binds the process to the first or the second of the processors that it may use. */
static void pin(int number) {
  static cpu_set_t allowed;
  static bool is_known;
  if (!is_known) check(sched_getaffinity(0, sizeof allowed, &allowed), "sched_getaffinity");
  is_known = true;
  number %= CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || number-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    check(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
    return;
  }
}

static mqd_t make(const char *name, long places, long size) {
  struct mq_attr attr = { .mq_maxmsg = places, .mq_msgsize = size };
  return mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
}

static void open_both(long places, long size) {
  check(in = make(there, places, size), "mq_open");
  check(out = make(back, places, size), "mq_open");
}

static void close_both(void) {
  mq_close(in);
  mq_close(out);
  mq_unlink(there);
  mq_unlink(back);
}

static void set_nonblocking(mqd_t mq) {
  struct mq_attr attr = { .mq_flags = O_NONBLOCK };
  check(mq_setattr(mq, &attr, NULL), "mq_setattr");
}

/* Starts a child on the other processor. */
static pid_t start(void (*body)(long, long), long rounds, long size) {
  pid_t child = fork();
  check(child, "fork");
  if (child == 0) {
    pin(1);
    body(rounds, size);
    _exit(0);
  }
  return child;
}

static double one_thread(long rounds, long size, bool calls) {
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    if (calls) getppid();
    check(mq_send(in, message, (size_t)size, 0), "mq_send");
    if (calls) getppid();
    check(mq_receive(in, message, (size_t)size, NULL), "mq_receive");
  }
  return (now() - begin) / (double)rounds;
}

static void receive_all(long rounds, long size) {
  for (long i = 0; i < rounds; i++) check(mq_receive(in, message, (size_t)size, NULL), "mq_receive");
}

static double two_processes(long rounds, long size) {
  pid_t child = start(receive_all, rounds, size);
  double begin = now();
  for (long i = 0; i < rounds; i++) check(mq_send(in, message, (size_t)size, 0), "mq_send");
  waitpid(child, NULL, 0);
  return (now() - begin) / (double)rounds;
}

/* Receives one message like a program that waits, that tries until it succeeds, or that polls first. */
static void await(mqd_t mq, long size) {
#ifdef POLLS
  struct pollfd entry = { .fd = mq, .events = POLLIN };
  check(poll(&entry, 1, -1), "poll");
#endif
  while (mq_receive(mq, message, (size_t)size, NULL) < 0) {
    if (errno != EAGAIN) check(-1, "mq_receive");
  }
}

static void send_back(long rounds, long size) {
  for (long i = 0; i < rounds; i++) {
    await(in, size);
    check(mq_send(out, message, (size_t)size, 0), "mq_send");
  }
}

static double one_way(long rounds, long size) {
  pid_t child = start(send_back, rounds, size);
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    check(mq_send(in, message, (size_t)size, 0), "mq_send");
    await(out, size);
  }
  waitpid(child, NULL, 0);
  return (now() - begin) / (double)(2 * rounds);
}

#ifdef POLLS

/* The program polls before each call. */
static double one_thread_polling(long rounds, long size) {
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    struct pollfd entry = { .fd = in, .events = POLLOUT };
    check(poll(&entry, 1, -1), "poll");
    check(mq_send(in, message, (size_t)size, 0), "mq_send");
    entry.events = POLLIN;
    check(poll(&entry, 1, -1), "poll");
    check(mq_receive(in, message, (size_t)size, NULL), "mq_receive");
  }
  return (now() - begin) / (double)rounds;
}

int main(void) {
  pin(0);
  mq_unlink(there);
  mq_unlink(back);
  open_both(10, 64);
  report(3, "polling: send and receive in one thread, 64 B", one_thread(50000, 64, false));
  report(3, "polling: poll() before each of them", one_thread_polling(50000, 64));
  report(1, "polling: between two processes, 64 B, 10 places", two_processes(100000, 64));
  report(1, "polling: one way, poll() before each receive", one_way(5000, 64));
  set_nonblocking(in);
  double begin = now();
  for (long i = 0; i < 50000; i++) mq_receive(in, message, 64, NULL);
  report(1, "polling: a receive that finds nothing", (now() - begin) / 50000);
  close_both();
  return 0;
}

#else

/* The limit for every transfer: one cache line goes to the other processor and comes back. */
static _Atomic uint64_t *line;

static void answer(long rounds, long size) {
  (void)size;
  for (long i = 0; i < rounds; i++) {
    while (atomic_load(line) != (uint64_t)(2 * i + 1)) continue;
    atomic_store(line, (uint64_t)(2 * i + 2));
  }
}

static double cache_line(long rounds) {
  line = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (line == MAP_FAILED) check(-1, "mmap");
  pid_t child = start(answer, rounds, 0);
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    atomic_store(line, (uint64_t)(2 * i + 1));
    while (atomic_load(line) != (uint64_t)(2 * i + 2)) continue;
  }
  waitpid(child, NULL, 0);
  return (now() - begin) / (double)(2 * rounds);
}

static double get_attributes(long rounds, bool calls) {
  struct mq_attr attr;
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    if (calls) getppid();
    check(mq_getattr(in, &attr), "mq_getattr");
  }
  return (now() - begin) / (double)rounds;
}

static double receive_nothing(long rounds, bool calls) {
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    if (calls) getppid();
    mq_receive(in, message, 64, NULL);
  }
  return (now() - begin) / (double)rounds;
}

static double call(long rounds) {
  double begin = now();
  for (long i = 0; i < rounds; i++) getppid();
  return (now() - begin) / (double)rounds;
}

/* A queue needs a file in /dev/shm with two pages, besides a queue of the kernel. */
static double make_file(long rounds) {
  const char *path = "/dev/shm/ripc-bench-posix";
  double begin = now();
  for (long i = 0; i < rounds; i++) {
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    check(fd, "open");
    check(posix_fallocate(fd, 0, 8192), "posix_fallocate");
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(memory == MAP_FAILED ? -1 : 0, "mmap");
    memory[0] = memory[4096] = 1;
    munmap(memory, 8192);
    close(fd);
    unlink(path);
  }
  return (now() - begin) / (double)rounds;
}

/* Opening a queue again has to ask which queue it is, besides the kernel's calls. */
static double which_queue(long rounds) {
  struct stat status;
  double begin = now();
  for (long i = 0; i < rounds; i++) check(fstat(in, &status), "fstat");
  return (now() - begin) / (double)rounds;
}

static void *sleep_for_ever(void *argument) {
  for (;;) pause();
  return argument;
}

int main(void) {
  pin(0);
  mq_unlink(there);
  mq_unlink(back);
  /* 0: this row has no goal. */
  report(0, "one cache line, one way: the limit", cache_line(100000));
  open_both(10, 64);
  report(5, "send and receive in one thread, 64 B", one_thread(100000, 64, false));
  report(5, "  each after another system call", one_thread(50000, 64, true) - 2 * call(50000));
  report(1, "between two processes, 64 B, 10 places", two_processes(100000, 64));
  report(1, "one way, receivers that wait", one_way(5000, 64));
  set_nonblocking(in);
  set_nonblocking(out);
  report(1, "one way, receivers that try until they get it", one_way(20000, 64));
  report(1, "a receive that finds nothing", receive_nothing(100000, false));
  report(1, "  each after another system call", receive_nothing(50000, true) - call(50000));
  report(1, "attributes", get_attributes(100000, false));
  report(1, "  each after another system call", get_attributes(50000, true) - call(50000));

  double begin = now();
  for (long i = 0; i < 10000; i++) {
    mqd_t again = mq_open(there, O_RDWR);
    check(again, "mq_open");
    mq_close(again);
  }
  report(1, "open again and close", (now() - begin) / 10000);
  report(0, "  fstat, which it needs besides", which_queue(100000));
  close_both();

  begin = now();
  for (long i = 0; i < 1000; i++) {
    mq_close(make(back, 10, 64));
    mq_unlink(back);
  }
  report(0.5, "make, close and unlink", (now() - begin) / 1000);
  report(0, "  a file of two pages, which it needs besides", make_file(1000));

  open_both(10, LARGE);
  report(1, "send and receive in one thread, 8 KiB", one_thread(20000, LARGE, false));
  report(1, "between two processes, 8 KiB, 10 places", two_processes(50000, LARGE));
  close_both();

  in = make(there, 1000, 64);
  if (in >= 0) {
    report(1, "between two processes, 64 B, 1000 places", two_processes(100000, 64));
  } else {
    printf("1\tbetween two processes, 64 B, 1000 places\tmore than fs.mqueue.msg_max\n");
  }
  mq_close(in);
  mq_unlink(there);

  open_both(10, 64);
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0) return 1;
  report(1, "send and receive in a process of two threads, 64 B", one_thread(50000, 64, false));
  close_both();
  return 0;
}

#endif
