/* A creator is killed after each system call of the creation in turn, and at random moments. It leaves no file and no
 * half-made object: an opener finds nothing or the complete object. */
#include "test.h"
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/statvfs.h>

typedef struct {
  ipc_mutex_t mutex;
  char text[20000];
} Data;

static const ipc_type_t type = IPC_TYPE_FIELDS(Data, 1, mutex, text);
static const char *name;

static int initialise(void *data, void *context) {
  (void)context;
  CHECK_EQUAL(ipc_mutex_init(&((Data *)data)->mutex, NULL), 0);
  memset(((Data *)data)->text, 'x', sizeof(((Data *)data)->text));
  return 0;
}

static void create(void) {
  ipc_shm_t *shm;
  CHECK_EQUAL(
    ipc_shm_open_typed_init(
      &shm, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600, initialise, NULL),
    IPC_CREATED);
}

static void traced(void *argument) {
  (void)argument;
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  create();
  _exit(0);
}

static void loops(void *argument) {
  for (;;) {
    ipc_shm_t *shm;
    CHECK_EQUAL(
      ipc_shm_open_typed_init(&shm, name, &type, IPC_CREATE, 0600, initialise, NULL), IPC_CREATED);
    CHECK_EQUAL(ipc_shm_unlink(name), 0);
    CHECK_EQUAL(ipc_shm_close(shm), 0);
    ++*(volatile long *)argument;
  }
}

/* Either nothing is there, or the complete object. */
static int exists(void) {
  ipc_shm_t *shm;
  int result = ipc_shm_open_typed(&shm, name, &type, 0, 0);
  if (result == -ENOENT || result == -ESTALE) return 0; /* another process may have removed it just now */
  CHECK_EQUAL(result, IPC_OPENED);
  Data *data = ipc_shm_data(shm);
  for (size_t i = 0; i < sizeof data->text; i++) CHECK_EQUAL(data->text[i], 'x');
  CHECK_EQUAL(ipc_mutex_lock(&data->mutex, 0), 0);
  CHECK_EQUAL(ipc_mutex_unlock(&data->mutex), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  return 1;
}

static int own_files(void) {
  int count = 0;
  DIR *directory = opendir("/dev/shm");
  CHECK(directory != NULL);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    count += strncmp(entry->d_name, name + 1, strlen(name + 1)) == 0;
  closedir(directory);
  return count;
}

int main(void) {
  if (is_under_valgrind()) SKIP("valgrind's instructions are not the program's");
  name = unique_name("creator");
  int seen = 0, stops = 0;
  for (int kill_at = 1;; kill_at++) {
    pid_t child = start(traced, NULL);
    int status;
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no process may be traced");
    CHECK(WIFSTOPPED(status));
    int stop = 0;
    while (stop < kill_at) {
      CHECK_EQUAL(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
      CHECK_EQUAL(waitpid(child, &status, 0), child);
      if (WIFEXITED(status)) break;
      CHECK(WIFSTOPPED(status));
      stop++;
    }
    if (!WIFSTOPPED(status)) {
      CHECK_EQUAL(status, 0);
      break;
    }
    KILL(child);
    /* The name comes last. Once it is there, it stays. */
    int there = exists();
    CHECK(there >= seen);
    CHECK_EQUAL(own_files(), there);
    seen = there;
    stops++;
    if (there) CHECK_EQUAL(ipc_shm_unlink(name), 0);
  }
  printf("killed at %d stops\n", stops);
  CHECK(seen && stops > 10);
  CHECK_EQUAL(ipc_shm_unlink(name), 0);

  volatile long *rounds = shared_memory(sizeof *rounds);
  for (int i = 0; i < 150; i++) {
    pid_t child = start(loops, (void *)rounds);
    long until = *rounds + 1 + i % 5;
    while (*rounds < until) exists();
    KILL(child);
    if (exists()) CHECK_EQUAL(ipc_shm_unlink(name), 0);
    CHECK_EQUAL(own_files(), 0);
  }
  return 0;
}
