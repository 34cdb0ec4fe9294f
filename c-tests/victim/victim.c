/* The programs that the harness starts, in one of three roles: see victim.h.
 *
 *   victim list                      one line per operation
 *   victim template ARENA GATE       forks a victim for each command
 *   victim survivor ARENA            carries out commands
 *
 * ARENA and GATE are inherited descriptors. Commands come on standard input, answers go to standard output. */
#include "victim.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <pthread.h>
#include <sys/types.h>
#include <time.h>

/* The markers between which the harness counts instructions. */
#if defined(__x86_64__)
#define MARK() __asm__ volatile("int3" ::: "memory")
#else
#error "the victim's marker is not written for this processor"
#endif

static const struct operation *const tables[] = {
#if defined(VICTIM_POLLS)
  posix_operations,
#elif defined(VICTIM_POSIX)
  posix_operations, posix_unpolled_operations,
#else
  mutex_operations,   cond_operations,    sem_operations,  named_operations, rwlock_operations,
  permits_operations, barrier_operations, once_operations, event_operations, mq_operations,
  topic_operations,
  cell_operations,
  service_operations,
  polled_operations,
  broken_operations,
#endif
};

enum phase { SET_UP, SLEEP, RELEASE, MEANWHILE, LET_GO, CHECK, SETTLE };

/* A command, as the harness sends it. */
struct command {
  int32_t phase;
  int32_t operation;
  int32_t argument;
};

struct arena *arena;

void complain(const char *file, int line, const char *format, ...) {
  char text[sizeof arena->complaint];
  int length = snprintf(text, sizeof text, "%s:%d: ", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
  va_end(arguments);
  /* Keeps the first complaint, because later ones follow from it. */
  if (arena == NULL) fprintf(stderr, "%s\n", text);
  else if (arena->complaint[0] == 0) memcpy(arena->complaint, text, sizeof text);
  _exit(1);
}

void expect_equal(const char *file, int line, const char *text, long long found, long long expected) {
  if (found == expected) return;
  complain(
    file, line, "%s: expected %lld, found %lld%s%s", text, expected, found,
    found < 0 && found > -4096 ? " " : "", found < 0 && found > -4096 ? ipc_strerror((int)found) : "");
}

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void in_a_thread(void *(*body)(void *), void *argument) {
  pthread_t thread;
  EXPECT_EQUAL(pthread_create(&thread, NULL, body, argument), 0);
  EXPECT_EQUAL(pthread_join(thread, NULL), 0);
}

void enter(const struct lock *lock, int locked) {
  if (locked == IPC_OWNER_DIED) {
    arena->deaths++;
    arena->inside = 0;
    uint64_t newer = arena->pair[0];
    arena->pair[1] = newer;
    EXPECT_EQUAL(lock->consistent(), 0);
  } else {
    EXPECT_EQUAL(locked, 0);
  }
  int others = arena->inside++;
  EXPECT(others == 0, "%d others hold the lock too", others);
  uint64_t first = arena->pair[0], second = arena->pair[1];
  EXPECT(first == second, "half a change (%" PRIu64 ", %" PRIu64 ") and no word of a death", first, second);
}

int take(const struct lock *lock, int64_t timeout_ns) {
  int locked = lock->lock(timeout_ns);
  if (locked >= 0) enter(lock, locked);
  return locked;
}

void leave(void) {
  arena->pair[0]++;
  arena->pair[1]++;
  arena->inside--;
}

void drop(const struct lock *lock) {
  leave();
  EXPECT_EQUAL(lock->unlock(), 0);
}

void use_lock(const struct lock *lock) {
  for (int i = 0; i < 3; i++) {
    int locked = take(lock, arena->patience_ns);
    EXPECT(locked >= 0, "a survivor cannot lock: %s", ipc_strerror(locked));
    drop(lock);
  }
}

void nothing_is_left(void) {
  bool alone = getenv("ROBUSTIPC_ALONE") != NULL;
  DIR *directory = opendir("/dev/shm");
  EXPECT(directory != NULL, "no /dev/shm");
  for (struct dirent *entry; (entry = readdir(directory));) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
    bool ours = strncmp(name, arena->name + 1, strlen(arena->name + 1)) == 0;
    EXPECT(!alone && !ours, "left behind: %s", name);
  }
  closedir(directory);
}

static const struct operation *operation_at(int number) {
  for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
    for (const struct operation *operation = tables[table]; operation->name; operation++)
      if (number-- == 0) return operation;
  return NULL;
}

static void list(void) {
  const struct operation *operation;
  for (int number = 0; (operation = operation_at(number)); number++)
    printf(
      "%s %d %d %d %d %s\n", operation->name, operation->sleepers, operation->sleep_from, operation->must,
      operation->stop_is_expensive ? 2 : operation->meanwhile != NULL, operation->recovery ? operation->recovery : "-");
}

static bool read_whole(int descriptor, void *buffer, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t count = read(descriptor, (char *)buffer + done, length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

static void answer(int32_t value) {
  if (write(STDOUT_FILENO, &value, sizeof value) != sizeof value) _exit(1);
}

__attribute__((noreturn)) static void be_victim(const struct operation *operation, int gate) {
  char byte;
  if (!read_whole(gate, &byte, 1)) _exit(1);
  if (operation->prepare) operation->prepare();
  MARK();
  operation->run();
  MARK();
  if (operation->after) operation->after();
  _exit(0);
}

/* The template makes no call of the library, so a victim's first call is a process's first call. */
static void be_template(int gate) {
  struct command command;
  signal(SIGCHLD, SIG_IGN); /* the kernel removes the zombies of the victims */
  while (read_whole(STDIN_FILENO, &command, sizeof command)) {
    const struct operation *operation = operation_at(command.operation);
    pid_t child = fork();
    if (child == 0) be_victim(operation, gate);
    answer(child);
  }
}

static void be_survivor(void) {
  struct command command;
  while (read_whole(STDIN_FILENO, &command, sizeof command)) {
    const struct operation *operation = operation_at(command.operation);
    int argument = command.argument;
    switch (command.phase) {
      case SET_UP:
        memset(arena->complaint, 0, sizeof *arena - offsetof(struct arena, complaint));
        if (operation->set_up) operation->set_up();
        break;
      case SLEEP: if (operation->sleep) operation->sleep(); break;
      case RELEASE: if (operation->release) operation->release(argument); break;
      case MEANWHILE: if (operation->meanwhile) operation->meanwhile(); break;
      case LET_GO: if (operation->let_go) operation->let_go(argument); break;
      case CHECK: if (operation->check) operation->check(); break;
      case SETTLE: if (operation->settle) operation->settle(argument); break;
      default: complain(__FILE__, __LINE__, "unknown phase %d", command.phase);
    }
    answer(0);
  }
}

int main(int count, char **arguments) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count == 2 && strcmp(arguments[1], "list") == 0) {
    list();
    return 0;
  }
  if (count < 3) {
    fputs("usage: victim list | template ARENA GATE | survivor ARENA\n", stderr);
    return 2;
  }
  arena = mmap(NULL, sizeof *arena, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(arguments[2]), 0);
  if (arena == MAP_FAILED) {
    arena = NULL;
    perror("victim: mmap");
    return 1;
  }
  if (strcmp(arguments[1], "template") == 0 && count == 4) be_template(atoi(arguments[3]));
  else be_survivor();
  return 0;
}
