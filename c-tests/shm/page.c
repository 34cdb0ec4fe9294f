/* ipc_shm(3), sentence by sentence. Other tests of this folder have full and foreign file systems, restarts and damage. */
#include "page.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  int64_t time;
  double value;
} Sensor;

typedef struct {
  int64_t time;
  float value, more;
} Sensor2;

static const ipc_type_t type = IPC_TYPE(Sensor, 1), with_fields = IPC_TYPE_FIELDS(Sensor, 1, time, value);
static const char *name;

static int init_nothing(void *data, void *context) {
  (void)data;
  ++*(int *)context;
  return 0;
}

static void check_child(void *data) {
  CLAIM("After fork(2) the child has the handles and the memory too, at the same addresses.");
  CHECK_EQUAL(((Sensor *)data)->time, 7);
  ((Sensor *)data)->time = 8;
}

static void types(void) {
  ipc_shm_t *shm, *other;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &with_fields, IPC_CREATE, 0600), IPC_CREATED);
  CLAIM("If a program declares another type than the creator of an object did, opening fails with -EPROTO, and ipc_last_error(3) reports both sides.");
  ipc_type_t wrong = with_fields;
  wrong.version = 2;
  CHECK_FAILS(ipc_shm_open_typed(&other, name, &wrong, 0, 0), -EPROTO, "2");
  wrong = with_fields;
  wrong.fields[1].size = 4;
  CHECK_FAILS(ipc_shm_open_typed(&other, name, &wrong, 0, 0), -EPROTO, "value");
  static const ipc_type_t larger = IPC_TYPE(Sensor2, 1), same = IPC_TYPE_AS("Sensor", Sensor, 1, time, value);
  CHECK_FAILS(ipc_shm_open_typed(&other, name, &larger, 0, 0), -EPROTO, "Sensor2");
  CLAIM("gives the type a name of 1 to 63 bytes that does not depend on its spelling");
  CHECK_EQUAL(ipc_shm_open_typed(&other, name, &same, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
}

static void named(void) {
  ipc_shm_t *shm, *other;
  int runs = 0;
  CLAIM("No such object exists, and flags lacks IPC_CREATE.");
  CHECK_EQUAL(ipc_shm_open_typed_init(&shm, name, &type, 0, 0, init_nothing, &runs), -ENOENT);
  CLAIM("It runs in this thread, before the call returns, and only if this call creates an object.");
  mode_t before = umask(0777);
  CHECK_EQUAL(ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0640, init_nothing, &runs), IPC_CREATED);
  umask(before);
  CHECK_EQUAL(ipc_shm_open_typed_init(&other, name, &type, IPC_CREATE, 0600, init_nothing, &runs), IPC_OPENED);
  CHECK_EQUAL(runs, 1);
  CLAIM("A new object gets exactly the permissions mode.");
  struct stat status;
  CHECK_EQUAL(fstat(ipc_shm_fd(shm), &status), 0);
  CHECK_EQUAL(status.st_mode & 07777, 0640);
  CLAIM("The space is reserved, so using the object cannot fail for lack of memory.");
  CHECK(status.st_blocks * 512 >= status.st_size);
  CLAIM("a program that uses shm_open(3) and mmap(2) on the same name sees the same struct");
  int fd = shm_open(name, O_RDWR, 0);
  CHECK(fd >= 0);
  Sensor *plain = mmap(NULL, sizeof *plain, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *data = ipc_shm_data(shm);
  CHECK(plain != MAP_FAILED);
  CLAIM("returns the address of the struct, page-aligned, and ipc_shm_size() its size in bytes");
  CHECK_EQUAL((uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
  CHECK_EQUAL(ipc_shm_size(shm), sizeof(Sensor));
  data->time = 7;
  CHECK_EQUAL(plain->time, 7);
  FINISH(start(check_child, data));
  CHECK_EQUAL(plain->time, 8);
  CLAIM("The object exists, and flags has IPC_EXCLUSIVE.");
  CHECK_EQUAL(ipc_shm_open_typed(&other, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CLAIM("It refuses every other file: another kind of object, a semaphore of the C library, a FIFO, a socket, a symbolic link and a directory.");
  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s-x", name);
  CHECK_EQUAL(mkdir(path, 0700), 0);
  CHECK(ipc_shm_unlink(path + 8) < 0);
  CHECK_EQUAL(rmdir(path), 0);
  CHECK_EQUAL(mkfifo(path, 0700), 0);
  CHECK_EQUAL(ipc_shm_unlink(path + 8), -EMEDIUMTYPE);
  CHECK_EQUAL(unlink(path), 0);
  CHECK_EQUAL(symlink("/dev/null", path), 0);
  CHECK(ipc_shm_unlink(path + 8) < 0);
  CHECK_EQUAL(ipc_shm_open(&other, path + 8, 64, 0, 0), -ELOOP);
  CHECK_EQUAL(unlink(path), 0);
  CLAIM("returns 1 if the name was removed or belongs to another object, 0 if not");
  CHECK_EQUAL(ipc_shm_stale(shm), 0);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
  CHECK_EQUAL(ipc_shm_stale(shm), 1);
  CLAIM("Processes that have the object open can still use it.");
  CHECK_EQUAL(data->time, 8);
  CLAIM("ipc_shm_data() returns NULL, and ipc_shm_size() returns 0, if the handle is NULL, closed or foreign.");
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK(ipc_shm_data(shm) == NULL && ipc_shm_data(NULL) == NULL);
  CHECK(ipc_shm_size(shm) == 0 && ipc_shm_size(NULL) == 0);
  CLAIM("The handle is closed or foreign, or fd is not open.");
  CHECK_EQUAL(ipc_shm_close(shm), -EBADF);
  CHECK_EQUAL(ipc_shm_stale(shm), -EBADF);
  CHECK_EQUAL(ipc_shm_from_fd(&other, 1000000, &type, 0), -EBADF);
}

static void adopted(void) {
  ipc_shm_t *shm;
  CLAIM("opens an object that a program created without this library, and checks its size only");
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  CLAIM("The calls that open, with IPC_ADOPT: the creator has not sized the object yet.");
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), -EAGAIN);
  CHECK_EQUAL(ftruncate(fd, sizeof(Sensor)), 0);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, 0, 0), -EPROTO);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), IPC_OPENED);
  CLAIM("opening reserves the space");
  struct stat status;
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK(status.st_blocks > 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CLAIM("The size must be the struct's, or that rounded up to whole pages.");
  CHECK_EQUAL(ftruncate(fd, sysconf(_SC_PAGESIZE)), 0);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ftruncate(fd, 100), 0);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_ADOPT, 0), -EPROTO);
  CLAIM("removes the name of a region, or of a shared memory object that a program created without this library");
  CHECK_EQUAL(ipc_shm_unlink(name), 0);
}

static void others(void) {
  ipc_shm_t *shm, *other;
  CLAIM("the memory is anonymous and so has no descriptor");
  CHECK_EQUAL(ipc_shm_anonymous(&shm, 100), 0);
  CHECK_EQUAL(ipc_shm_fd(shm), -ENOTSUP);
  CHECK_EQUAL(ipc_shm_sync(shm), -ENOTSUP);
  CHECK_EQUAL(ipc_shm_seal_writing(shm), -ENOTSUP);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CLAIM("creates a struct whose size no process can change");
  CHECK_EQUAL(ipc_shm_sealed(&shm, &type), 0);
  int fd = ipc_shm_fd(shm);
  CHECK(fd >= 3);
  CHECK(ftruncate(fd, 0) < 0 && ftruncate(fd, 1 << 20) < 0);
  CLAIM("The descriptor still belongs to the caller.");
  CHECK_EQUAL(ipc_shm_from_fd(&other, fd, &type, 0), 0);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK(fcntl(fd, F_GETFD) >= 0);
  CLAIM("no process can create a new writable mapping; existing mappings stay writable");
  CHECK_EQUAL(ipc_shm_seal_writing(shm), 0);
  ((Sensor *)ipc_shm_data(shm))->time = 5;
  CHECK_EQUAL(ipc_shm_from_fd(&other, fd, &type, 0), -EPERM);
  CHECK_EQUAL(ipc_shm_from_fd(&other, fd, &type, IPC_READ_ONLY), 0);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CLAIM("the memory is sealed against writing already, or does not come from ipc_shm_sealed()");
  CHECK_EQUAL(ipc_shm_seal_writing(shm), -EPERM);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_seal_writing(shm), -EPERM);
  CLAIM("accepts memory of a trusted peer whose size is not sealed");
  CHECK_EQUAL(ipc_shm_from_fd(&other, ipc_shm_fd(shm), &type, 0), -EPERM);
  CHECK_EQUAL(ipc_shm_from_fd(&other, ipc_shm_fd(shm), &type, IPC_UNSEALED), 0);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CLAIM("this thread holds a lock that lies in the memory. The handle stays open: unlock, and close again.");
  CHECK_EQUAL(ipc_shm_open(&other, unique_name("lock"), sizeof(ipc_mutex_t), IPC_CREATE, 0600), IPC_CREATED);
  ipc_mutex_t *mutex = ipc_shm_data(other);
  CHECK_EQUAL(ipc_mutex_init(mutex, NULL), 0);
  CHECK_EQUAL(ipc_mutex_lock(mutex, 0), 0);
  CHECK_EQUAL(ipc_shm_close(other), -EBUSY);
  CHECK_EQUAL(ipc_mutex_unlock(mutex), 0);
  CHECK_EQUAL(ipc_shm_close(other), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

static void faults(void) {
  ipc_shm_t *shm;
  CLAIM("A pointer is NULL or misaligned, a name, path, type, size or mode is malformed, or a flag is not allowed here.");
  CHECK_EQUAL(ipc_shm_open_typed(NULL, name, &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, NULL, &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, NULL, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, MISALIGNED(ipc_type_t), 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, "/a/b", &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 01000), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_UNSEALED, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_open(&shm, name, 0, IPC_CREATE, 0600), -EINVAL);
  CHECK_EQUAL(ipc_shm_open_file(&shm, "", &type, 0, 0), -EINVAL);
  CHECK_EQUAL(ipc_shm_anonymous(&shm, 0), -EINVAL);
  CLAIM("The name has more than 251 bytes, or the path is too long.");
  char long_name[300];
  memset(long_name, 'a', sizeof long_name);
  long_name[0] = '/', long_name[252] = 0;
  CHECK_EQUAL(ipc_shm_open(&shm, long_name, 1, 0, 0), -ENAMETOOLONG);
  CLAIM("The name belongs to another kind of object, for example a semaphore");
  const char *sem_name = unique_name("sem");
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, sem_name, 0, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_open_typed(&shm, sem_name, &type, 0, 0), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_shm_unlink(sem_name), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_sem_unlink(sem_name), 0);
}

int main(void) {
  name = unique_name("page");
  types();
  named();
  adopted();
  others();
  faults();
  return 0;
}
