/* With IPC_POSIX, a named semaphore is the one that sem_open() gives. Permits go both ways, each side wakes the other,
 * and each side can create, open and remove it. */
#include "mq.h"
#include <semaphore.h>

#define ROUNDS 200

static char names[2][64];
static ipc_sem_t *there, *back;

static void remove_names(void) {
  if (getpid() != test_pid) return;
  for (int i = 0; i < 2; i++) ipc_sem_unlink_posix(names[i]);
}

static void plain_program(void *unused) {
  (void)unused;
  sem_t *in = sem_open(names[0], 0), *out = sem_open(names[1], 0);
  CHECK(in != SEM_FAILED && out != SEM_FAILED);
  for (int round = 0; round < ROUNDS; round++) {
    CHECK_EQUAL(sem_wait(in), 0);
    if (round % 2 == 0) wait_until_inside(getppid(), SYS_futex);
    CHECK_EQUAL(sem_post(out), 0);
  }
}

int main(void) {
#ifndef __GLIBC__
  SKIP("sem_open() of this C library gives its files other names than glibc's");
#endif
  snprintf(names[0], sizeof names[0], "%s", unique_name("there"));
  snprintf(names[1], sizeof names[1], "%s", unique_name("back"));
  atexit(remove_names);
  CHECK_EQUAL(ipc_sem_open(&there, names[0], 2, IPC_POSIX | IPC_CREATE, 0600), IPC_CREATED);
  unsigned value;
  int plain_value;

  /* The library creates the semaphore, and sem_open opens it. */
  sem_t *plain = sem_open(names[0], 0);
  CHECK(plain != SEM_FAILED);
  CHECK_EQUAL(sem_getvalue(plain, &plain_value), 0);
  CHECK_EQUAL(plain_value, 2);
  CHECK_EQUAL(sem_post(plain), 0);
  CHECK_EQUAL(ipc_sem_value(there, &value), 0);
  CHECK_EQUAL(value, 3);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_sem_wait(there, 0), 0);
  CHECK_EQUAL(ipc_sem_wait(there, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sem_post(there), 0);
  CHECK_EQUAL(sem_trywait(plain), 0);
  CHECK(sem_trywait(plain) != 0 && errno == EAGAIN);
  CHECK_EQUAL(sem_close(plain), 0);

  /* sem_open creates the semaphore, and the library opens it. */
  plain = sem_open(names[1], O_CREAT | O_EXCL, 0600, 1);
  CHECK(plain != SEM_FAILED);
  CHECK_EQUAL(ipc_sem_open(&back, names[1], 0, IPC_POSIX | IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sem_wait(back, IPC_FOREVER), 0);
  CHECK_EQUAL(sem_getvalue(plain, &plain_value), 0);
  CHECK_EQUAL(plain_value, 0);
  CHECK_EQUAL(sem_close(plain), 0);

  /* Each side sleeps, and the other wakes it. */
  pid_t child = start(plain_program, NULL);
  for (int round = 0; round < ROUNDS; round++) {
    if (round % 2 == 1) wait_until_inside(child, SYS_futex);
    CHECK_EQUAL(ipc_sem_post(there), 0);
    CHECK_EQUAL(ipc_sem_wait(back, round % 3 == 0 ? IPC_FOREVER : PATIENCE), 0);
  }
  FINISH(child);

  /* Each side removes a semaphore that the other opens. */
  CHECK_EQUAL(ipc_sem_unlink_posix(names[0]), 0);
  CHECK(sem_open(names[0], 0) == SEM_FAILED && errno == ENOENT);
  CHECK_EQUAL(sem_unlink(names[1]), 0);
  CHECK_EQUAL(ipc_sem_unlink_posix(names[1]), -ENOENT);
  CHECK_EQUAL(ipc_sem_close(there), 0);
  CHECK_EQUAL(ipc_sem_close(back), 0);
  return 0;
}
