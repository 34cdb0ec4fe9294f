/* A namespace of a test's own, for root and for ordinary users alike. */
#ifndef NAMESPACE_H
#define NAMESPACE_H

#include "test.h"

#include <fcntl.h>
#include <sys/mount.h>

/* Writes one of the files in which a user namespace's users and groups are mapped. */
__attribute__((format(printf, 2, 3), unused)) static void write_id_map(const char *path, const char *format, ...) {
  char text[64];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  CHECK(file >= 0);
  CHECK_EQUAL(write(file, text, (size_t)length), length);
  close(file);
}

/* Moves this process into new namespaces: CLONE_NEWNS, CLONE_NEWIPC and the like, or for its children CLONE_NEWPID.
 * An ordinary user may make them only inside a new user namespace. In that namespace the process gets every
 * capability, and keeps its user and its group: without the two maps they would have no number there, and every
 * creation of a file in a file system mounted there would fail with EOVERFLOW.
 *
 * Returns 0, or -1 if this machine does not permit it. The process must have one thread. */
__attribute__((unused)) static int enter_namespaces(int kinds) {
  if (unshare(kinds) == 0) return 0;
  uid_t user = geteuid();
  gid_t group = getegid();
  if (unshare(CLONE_NEWUSER | kinds) != 0) return -1;
  /* The kernel lets an unprivileged process map its group only after it has given up setgroups(). */
  write_id_map("/proc/self/setgroups", "deny");
  write_id_map("/proc/self/uid_map", "%u %u 1", (unsigned)user, (unsigned)user);
  write_id_map("/proc/self/gid_map", "%u %u 1", (unsigned)group, (unsigned)group);
  return 0;
}

/* Gives this process a /dev/shm of its own with room for `size` bytes, written as the tmpfs option ("64k"). Ends the
 * test where that is not permitted. */
__attribute__((unused)) static void mount_own_dev_shm(const char *size) {
  char option[32];
  snprintf(option, sizeof option, "size=%s", size);
  if (enter_namespaces(CLONE_NEWNS) != 0) SKIP("mount namespaces are not permitted");
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0) SKIP("mounts cannot be made private");
  if (mount("tmpfs", "/dev/shm", "tmpfs", 0, option) != 0) SKIP("a tmpfs cannot be mounted");
}

#endif
