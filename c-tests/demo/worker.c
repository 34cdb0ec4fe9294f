/* Jobs in a message queue: a sender and a worker.
 *
 *   worker NAME send COUNT       puts jobs 1 to COUNT and an end into the queue
 *   worker NAME work [STOP_AT]   does the jobs in the queue, each in place, until the end
 *
 * With STOP_AT the worker stops itself (SIGSTOP) with that job in its hands, so that the demonstration can kill it at
 * exactly that point. A job that its worker did not return comes back, marked.
 */
#include <robustipc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint64_t number; /* 0 for the end */
} Job;

enum { JOB = 1, END = 0 }; /* priorities: the end comes after all jobs */

static int fail(void) {
  fprintf(stderr, "worker: %s\n", ipc_last_error());
  return EXIT_FAILURE;
}

static int send_jobs(const char *name, uint64_t count) {
  const ipc_mq_attr_t attr = { .max_messages = count + 1, .message_size = sizeof(Job) };
  ipc_mq_t *jobs;
  if (ipc_mq_open(&jobs, name, &attr, IPC_CREATE | IPC_EXCLUSIVE, 0600) < 0) return fail();
  Job end = { 0 };
  if (ipc_mq_send(jobs, &end, sizeof end, END, IPC_FOREVER) < 0) return fail();
  for (Job job = { 1 }; job.number <= count; job.number++)
    if (ipc_mq_send(jobs, &job, sizeof job, JOB, IPC_FOREVER) < 0) return fail();
  return ipc_mq_close(jobs) < 0 ? fail() : EXIT_SUCCESS;
}

static int do_jobs(const char *name, uint64_t stop_at) {
  ipc_mq_t *jobs;
  if (ipc_mq_open(&jobs, name, NULL, IPC_READ_ONLY, 0) < 0) return fail();
  for (int ended = 0; !ended;) {
    const void *message;
    unsigned redeliveries;
    if (ipc_mq_borrow(jobs, &message, NULL, &redeliveries, INT64_C(10000000000)) < 0) return fail();
    const Job *job = message;
    if (job->number == stop_at) raise(SIGSTOP);
    if (job->number == 0)
      ended = 1;
    else
      printf(
        "job %llu: done%s\n", (unsigned long long)job->number,
        redeliveries != 0 ? ", which another worker had begun" : "");
    if (ipc_mq_return(jobs, message) < 0) return fail();
  }
  ipc_mq_stat_t stat;
  if (ipc_mq_stat(jobs, &stat) < 0 || ipc_mq_close(jobs) < 0 || ipc_mq_unlink(name, 0) < 0)
    return fail();
  printf("jobs that came back: %llu\n", (unsigned long long)stat.redelivered);
  return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  uint64_t number = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX;
  if (argc == 4 && strcmp(argv[2], "send") == 0) return send_jobs(argv[1], number);
  if (argc >= 3 && strcmp(argv[2], "work") == 0) return do_jobs(argv[1], number);
  fprintf(stderr, "usage: worker NAME send COUNT | worker NAME work [STOP_AT]\n");
  return EXIT_FAILURE;
}
