// Ports the named semaphore program of document 002 (src/ipc/posix-semaphore): a parent waits until its child
// signals. With IPC_POSIX it is the semaphore that sem_open() programs have under that name.
//
// By hand: ./002_named_semaphore
//
// Changed: the document's child sleeps for a second, so that the parent waits first. Here the parent
// prints that it waits before it starts the child, which fixes the order without a sleep.
#include <robustipc.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>

static void check(long result, const char* what) {
  if (result >= 0) return;
  fprintf(stderr, "%s: %s\n", what, ipc_last_error());
  exit(EXIT_FAILURE);
}

int main() {
  // The document's name, and the process's number: the tests run side by side.
  char sem_name[64];
  snprintf(sem_name, sizeof(sem_name), "/mysem-%d", static_cast<int>(getpid()));

  // Create named semaphore (initial value = 0)
  ipc_sem_t* sem = nullptr;
  check(ipc_sem_open(&sem, sem_name, 0, IPC_POSIX | IPC_CREATE, 0666), "open");

  printf("Parent: waiting for signal...\n");
  fflush(stdout);
  const pid_t child = fork();
  if (child == -1) {
    perror("fork");
    return EXIT_FAILURE;
  }
  if (child == 0) {
    // Child: do work then signal. Each line is out before the signal, and so before the parent's next.
    printf("Child: doing work...\n");
    printf("Child: signaling parent\n");
    fflush(stdout);
    check(ipc_sem_post(sem), "post");
    check(ipc_sem_close(sem), "close");
    _exit(EXIT_SUCCESS);
  }
  // Parent: wait for child's signal
  check(ipc_sem_wait(sem, IPC_FOREVER), "wait");
  printf("Parent: received signal!\n");
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) {
    fprintf(stderr, "the child failed\n");
    return EXIT_FAILURE;
  }
  check(ipc_sem_close(sem), "close");
  check(ipc_sem_unlink_posix(sem_name), "unlink");
}
