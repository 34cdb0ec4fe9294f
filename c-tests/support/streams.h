/* For tests of pipes, FIFOs and children: a directory that is cleaned up, and bytes that show where they belong. */
#ifndef STREAMS_H
#define STREAMS_H

#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Checks that this process has no child, neither running nor ended. */
__attribute__((unused)) static void check_no_children(void) {
  CHECK_EQUAL(waitpid(-1, NULL, WNOHANG | __WALL), -1);
  CHECK_EQUAL(errno, ECHILD);
}

static char test_directory[64];
static pid_t test_directory_owner;

static inline void test_remove_directory(void) {
  if (getpid() != test_directory_owner) return;
  DIR *directory = opendir(test_directory);
  if (directory == NULL) return;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_directory, entry->d_name);
    if (unlink(path) != 0) rmdir(path);
  }
  closedir(directory);
  rmdir(test_directory);
}

/* A path in a directory of this test alone. The test's end removes both; the text is valid until then. */
__attribute__((unused)) static const char *test_path(const char *name) {
  static char paths[16][128];
  static unsigned used;
  if (test_directory[0] == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(test_directory, sizeof test_directory, "%.30s/ripc-test-%d-XXXXXX", base ? base : "/tmp",
      (int)getpid());
    CHECK(mkdtemp(test_directory) != NULL);
    test_directory_owner = getpid();
    atexit(test_remove_directory);
  }
  CHECK(used < LENGTH(paths));
  char *path = paths[used++];
  snprintf(path, sizeof paths[0], "%s/%s", test_directory, name);
  return path;
}

/* Bytes that depend on their place, so that a lost, doubled or moved byte is noticed. */
__attribute__((unused)) static void fill_pattern(unsigned char *bytes, size_t size, size_t offset) {
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)((i + offset) * 2654435761u >> 13);
}

__attribute__((unused)) static void check_pattern(
  const unsigned char *bytes, size_t size, size_t offset) {
  for (size_t i = 0; i < size; i++) {
    CHECK_EQUAL(bytes[i], (unsigned char)((i + offset) * 2654435761u >> 13));
  }
}

/* Allocates memory, or fails the test. */
__attribute__((unused)) static void *allocate(size_t size) {
  void *memory = malloc(size);
  CHECK(memory != NULL);
  return memory;
}

#endif
