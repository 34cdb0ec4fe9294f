/* Semaphores of sem_open(3), for tests. */
#ifndef POSIX_SEMAPHORE_H
#define POSIX_SEMAPHORE_H

#include "test.h"

#include <semaphore.h>

/* Creates the C library's semaphore of a name. The library has glibc's names for the files of such semaphores. musl's
 * sem_open() has others, and so the library makes the file there. */
__attribute__((unused)) static void make_posix_semaphore(const char *name) {
#ifdef __GLIBC__
  sem_t *sem = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
  CHECK(sem != SEM_FAILED);
  CHECK_EQUAL(sem_close(sem), 0);
#else
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, name, 1, IPC_POSIX | IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
#endif
}

#endif
