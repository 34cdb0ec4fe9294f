/* On a full file system that writes changed blocks to new places (btrfs), or that shares the blocks of a copied file (xfs),
 * the memory of an open file can be written all the same: nothing is SIGBUS. If the space for that is missing, opening the
 * file says so. */
#include "namespace.h"
#include "test.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

typedef struct {
  char data[8 << 20];
  ipc_mutex_t mutex;
} Region;

static const ipc_type_t type = IPC_TYPE(Region, 1);
static char directory[200], image[220];

static int run(const char *format, const char *what) {
  char command[800];
  snprintf(command, sizeof command, format, what, image, directory);
  return system(command);
}

static const char *inside(const char *name) {
  static char paths[4][240];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", directory, name);
  return path;
}

/* Takes all space that the file system has left, without writing to it. */
static void fill(void) {
  int file = open(inside("fill"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0);
  off_t end = 0;
  for (off_t piece = 64 << 20; piece >= 4096;) {
    if (fallocate(file, 0, end, piece) == 0) end += piece;
    else if (errno == ENOSPC) piece /= 2;
    else test_failed(__FILE__, __LINE__, "fallocate: %s", strerror(errno));
  }
  CHECK(fsync(file) == 0 && close(file) == 0);
  /* The space that is left for a file that is copied on writing is less than a region. */
  file = open(inside("more"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file < 0 || fallocate(file, 0, 0, sizeof(Region)) != 0);
  if (file >= 0) close(file);
}

static ipc_shm_t *opened(const char *name, int flags, int expected) {
  ipc_shm_t *shm = NULL;
  CHECK_EQUAL(ipc_shm_open_file(&shm, inside(name), &type, flags, 0600), expected);
  return shm;
}

static void change_all(void *shm) {
  Region *region = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_mutex_lock(&region->mutex, 0), 0);
  for (size_t i = 0; i < sizeof region->data; i += 512) region->data[i]++;
  CHECK_EQUAL(ipc_shm_sync(shm), 0);
  for (size_t i = 0; i < sizeof region->data; i += 512) region->data[i]++;
  CHECK_EQUAL(ipc_mutex_unlock(&region->mutex), 0);
  CHECK_EQUAL(ipc_shm_sync(shm), 0);
}

static void copy_sharing_blocks(const char *from, const char *to) {
  int source = open(inside(from), O_RDONLY | O_CLOEXEC), copy = open(inside(to), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(source >= 0 && copy >= 0);
  CHECK(ioctl(copy, FICLONE, source) == 0);
  CHECK(fsync(copy) == 0 && close(copy) == 0 && close(source) == 0);
}

/* Returns 0 if this machine has no such file system. */
static int on(const char *kind) {
  int shares = strcmp(kind, "xfs") == 0; /* cloning a file of btrfs needs the same attribute in the copy */
  if (run("mkfs.%s -q '%s' >/dev/null 2>&1", kind) != 0) return 0;
  if (run("mount -t %s -o loop '%s' '%s' 2>/dev/null", kind) != 0) return 0;
  ipc_shm_t *made = opened("made", IPC_CREATE, IPC_CREATED);
  CHECK_EQUAL(ipc_mutex_init(&((Region *)ipc_shm_data(made))->mutex, NULL), 0);
  FINISH(start(change_all, made));
  ipc_shm_t *copy = NULL;
  if (shares) {
    copy_sharing_blocks("made", "copy");
    copy_sharing_blocks("made", "late");
    copy = opened("copy", 0, IPC_OPENED);
    /* The original shares its blocks too, since it was copied. */
    CHECK_EQUAL(ipc_shm_close(made), 0);
    made = opened("made", 0, IPC_OPENED);
  }
  fill();
  FINISH(start(change_all, made));
  if (shares) {
    FINISH(start(change_all, copy));
    opened("late", 0, -ENOSPC);
    CHECK_LAST_ERROR("space cannot be reserved");
    CHECK_EQUAL(ipc_shm_close(copy), 0);
  }
  CHECK_EQUAL(ipc_shm_close(made), 0);
  opened("new", IPC_CREATE, -ENOSPC);
  CHECK(umount(directory) == 0);
  return 1;
}

int main(void) {
  SKIP_UNDER_VALGRIND("the memory of a file system is not its business");
  if (geteuid() != 0) SKIP("only root can mount a file system");
  if (enter_namespaces(CLONE_NEWNS) != 0) SKIP("mount namespaces are not permitted");
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0) SKIP("mounts cannot be made private");
  const char *base = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%.100s/ripc-test-%d-mount", base ? base : "/tmp", (int)getpid());
  snprintf(image, sizeof image, "%.100s/ripc-test-%d-image", base ? base : "/tmp", (int)getpid());
  CHECK(mkdir(directory, 0700) == 0);
  static const char *const kinds[] = { "btrfs", "xfs" };
  int tried = 0;
  for (int i = 0; i < 2; i++) {
    int file = open(image, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(file >= 0 && ftruncate(file, 400 << 20) == 0 && close(file) == 0);
    tried += on(kinds[i]);
  }
  CHECK(unlink(image) == 0 && rmdir(directory) == 0);
  if (tried == 0) SKIP("neither btrfs (btrfs-progs) nor xfs (xfsprogs) can be made and mounted here");
  return 0;
}
