/* Jobs for several workers. A worker borrows a job and returns it when it is done. If a worker is killed, its job goes back to the queue,
 * and another worker gets it. */
#include <robustipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 20, WORKERS = 3, LAST = -1 };

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static void work(ipc_mq_t *queue, int *done) {
  for (;;) {
    const void *data;
    unsigned redeliveries;
    check(ipc_mq_borrow(queue, &data, NULL, &redeliveries, IPC_FOREVER));
    int32_t job = *(const int32_t *)data;
    if (job == 7 && redeliveries == 0) raise(SIGKILL); /* a crash in the middle of job 7 */
    if (job != LAST) __atomic_fetch_add(&done[job], 1, __ATOMIC_RELAXED);
    check(ipc_mq_return(queue, data));
    if (job == LAST) _exit(0);
  }
}

int main(void) {
  int *done = mmap(NULL, JOBS * sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ipc_mq_attr_t attr = { .max_messages = JOBS + WORKERS, .message_size = sizeof(int32_t) };
  ipc_mq_t *queue;
  check(ipc_mq_open(&queue, "/example-jobs", &attr, IPC_CREATE, 0600));
  for (int32_t job = 0; job < JOBS; job++) check(ipc_mq_send(queue, &job, sizeof job, 1, 0));

  for (int i = 0; i < WORKERS; i++)
    if (fork() == 0) work(queue, done);
  /* One worker is killed. The others end in order when all jobs are done. */
  int killed = 0, status;
  wait(&status);
  killed += WIFSIGNALED(status);
  for (int32_t i = 0, last = LAST; i < WORKERS - 1; i++) check(ipc_mq_send(queue, &last, sizeof last, 0, 0));
  while (wait(&status) > 0) killed += WIFSIGNALED(status);
  int complete = 0;
  for (int job = 0; job < JOBS; job++) complete += done[job] == 1;
  printf("%d of %d jobs done once, %d worker killed\n", complete, JOBS, killed);
  check(ipc_mq_close(queue));
  check(ipc_mq_unlink("/example-jobs", 0));
  return complete != JOBS || killed != 1;
}
