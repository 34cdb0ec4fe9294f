/* For the tests that go through one page of the manual. Each is c-tests/GROUP/page.c, and its first comment names the page. */
#ifndef PAGE_H
#define PAGE_H

#include "asleep.h"

/* A sentence of the page, or a part of one, right before the lines that prove it. tests/source_rules/manual.rs checks that
 * the words stand on the page: so a sentence does not change without its test. */
#define CLAIM(text) test_claim = (text)
__attribute__((unused)) static const char *test_claim;

/* A NULL pointer, or one that no object can have. */
#define NONE(type) ((type *)NULL)
#define MISALIGNED(type) ((type *)(void *)&((char *)shared_memory(4096))[1])

__attribute__((unused)) static void do_nothing(int number) { (void)number; }

/* Installs a handler for SIGUSR1 that does nothing. */
__attribute__((unused)) static void handle_usr1(int flags) {
  struct sigaction action = { .sa_handler = do_nothing, .sa_flags = flags };
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* Runs body in a child while it sleeps on a futex, and sends it SIGUSR1 each time until it ends with status 0. */
__attribute__((unused)) static void check_interrupted(void (*body)(void *)) {
  int status = interrupt_until_ended(start_asleep(body, NULL), SIGUSR1);
  CHECK_EQUAL(status, 0);
}

/* Opens a page of memory without access for writing: a struct of `size` zeroed bytes in a region opened with IPC_READ_ONLY. */
__attribute__((unused)) static void *read_only_copy(const char *name, size_t size, void (*fill)(void *)) {
  ipc_shm_t *writable, *readable;
  CHECK_EQUAL(ipc_shm_open(&writable, name, size, IPC_CREATE, 0600), IPC_CREATED);
  fill(ipc_shm_data(writable));
  CHECK_EQUAL(ipc_shm_open(&readable, name, size, IPC_READ_ONLY, 0), IPC_OPENED);
  return ipc_shm_data(readable);
}

#endif
