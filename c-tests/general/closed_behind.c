/* A daemon closes every descriptor from 3 on behind the library, and opens files of its own at these numbers. No later call
 * writes into them or closes them, every call returns, and what needs no descriptor goes on. */
#include "every_call.h"

#include <poll.h>

#define FILES 24
#define FIRST 3

static int own_files[FILES];
static struct stat before_use[FILES];

/* The id of an eventfd, by which alone the kernel tells eventfds apart: they share one inode. -1 for another file. */
static int eventfd_id(int fd) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  int file = open(path, O_RDONLY);
  if (file < 0) return -1;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length < 0 ? 0 : length] = 0;
  const char *id = strstr(text, "eventfd-id:");
  return id != NULL ? atoi(id + strlen("eventfd-id:")) : -1;
}

/* The ids of the eventfds that were open before their descriptors were closed. */
static int closed_ids[1024], closed_id_count;

static int was_closed(int id) {
  for (int i = 0; i < closed_id_count; i++)
    if (closed_ids[i] == id) return 1;
  return 0;
}

/* An eventfd that the library can tell from its own. The kernel gives an id again as soon as nothing has it any more: an
 * eventfd with the id and the number of the library's closed one would be the same to everybody. So an eventfd with such an id
 * is put aside, where it keeps the id, on a high number below 1024, the usual limit. This is exact: no id that the library
 * can remember is left to the program's files, whatever eventfds other processes make and close meanwhile. */
static int own_eventfd(void) {
  static int aside;
  for (;;) {
    int fd = eventfd(0, EFD_NONBLOCK);
    CHECK(fd >= 0);
    if (!was_closed(eventfd_id(fd))) return fd;
    CHECK(fcntl(fd, F_DUPFD, 900 + aside++ % 100) >= 0);
    close(fd);
  }
}

/* Puts files of the program's own on every number that the library may remember. */
static void replace_all(int of_kind) {
  closed_id_count = 0;
  for (int fd = FIRST; of_kind == 1 && fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0 && eventfd_id(fd) >= 0) closed_ids[closed_id_count++] = eventfd_id(fd);
  for (int fd = FIRST; fd < 1024; fd++) close(fd);
  for (int i = 0; i < FILES; i++) {
    int ends[2];
    switch (of_kind) {
      case 0: own_files[i] = memfd_create("own", 0); break;
      case 1: own_files[i] = own_eventfd(); break;
      default:
        /* Both ends stay open. */
        CHECK(pipe2(ends, O_NONBLOCK) == 0);
        own_files[i] = ends[0];
        own_files[++i] = ends[1];
    }
    CHECK(own_files[i] >= FIRST);
  }
  for (int i = 0; i < FILES; i++) CHECK(fstat(own_files[i], &before_use[i]) == 0);
}

static void check_untouched(const char *name, int of_kind) {
  for (int i = 0; i < FILES; i++) {
    struct stat now;
    if (fstat(own_files[i], &now) != 0 || now.st_ino != before_use[i].st_ino || now.st_size != 0)
      test_failed(__FILE__, __LINE__, "%s: file %d of kind %d was changed or closed", name, own_files[i], of_kind);
    char bytes[8];
    if (of_kind != 0 && read(own_files[i], bytes, sizeof bytes) > 0)
      test_failed(__FILE__, __LINE__, "%s: file %d of kind %d was written to", name, own_files[i], of_kind);
  }
}

static int kind;

/* The descriptors that an entry itself has are among those that are closed, so its result may be anything. */
static void use_closed(void *argument) {
  const Call *call = argument;
  call->before();
  replace_all(kind);
  alarm(10);
  int owns_numbers = with.fds[0] > 2 || with.fds[1] > 2 || with.fds[2] > 2;
  if (owns_numbers) _exit(0); /* the call is told to use these numbers */
  (void)call->run();
  check_untouched(call->name, kind);
  _exit(0);
}

/* The threads of notifications, and the system call in which each of them waits. (A thread whose descriptors are closed may
 * outlive its notification.) */
static struct {
  pid_t thread;
  long call;
} notifiers[32];
static int notifier_count;

static void find_notifiers(void) {
  notifier_count = 0;
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    int file = open(path, O_RDONLY);
    if (file < 0) continue;
    (void)!read(file, name, sizeof name - 1);
    close(file);
    /* A new thread has its parent's name at first. The kernel's workers for io_uring are shown as threads too. */
    if (atoi(task->d_name) == getpid() || strncmp(name, "iou-", 4) == 0) continue;
    CHECK(notifier_count < 32);
    notifiers[notifier_count++].thread = atoi(task->d_name);
  }
  closedir(tasks);
}

/* The system call in which a thread of this process sleeps; -1 if it runs, and -2 if it has ended. */
static long sleeps_in(pid_t thread) {
  char state = state_of(thread);
  if (state == 0 || state == 'Z' || state == 'X') return -2;
  return state == 'S' ? system_call_of(thread) : -1;
}

/* Waits until all threads of notifications wait. */
static void wait_for_notifiers(void) {
  find_notifiers();
  CHECK(notifier_count > 0);
  for (int i = 0; i < notifier_count; i++) {
    int64_t end = now_ns() + PATIENCE;
    while ((notifiers[i].call = sleeps_in(notifiers[i].thread)) == -1) {
      CHECK(now_ns() < end);
      sched_yield();
    }
  }
}

/* Waits until the threads of notifications have done all that a send has woken them for. A thread that is woken is not
 * asleep from the waker's call on. So it has done all when it sleeps in its waiting call again, or has ended. */
static void wait_for_reaction(void) {
  for (int i = 0; i < notifier_count; i++) {
    int64_t end = now_ns() + PATIENCE;
    for (long call; (call = sleeps_in(notifiers[i].thread)) != -2 && call != notifiers[i].call; sched_yield()) CHECK(now_ns() < end);
  }
}

static void nothing(ipc_mq_t *mq, void *context) { (void)mq, (void)context; }

static void queue(int flags, int notifies, int has_fd) {
  /* So that the library's numbers are among those that the program's files get. */
  for (int fd = FIRST; fd < 1024; fd++) close(fd);
  const char *name = unique_name("closed");
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, name, &call_mq_attr, IPC_CREATE | flags, 0600), IPC_CREATED);
  if (notifies == 1) CHECK_EQUAL(ipc_mq_notify(mq, &(ipc_mq_notify_t){ .kind = IPC_NOTIFY_CALLBACK, .callback = nothing }), 0);
  if (notifies == 2) {
    int counter = eventfd(0, EFD_NONBLOCK);
    CHECK_EQUAL(ipc_mq_notify(mq, &(ipc_mq_notify_t){ .kind = IPC_NOTIFY_EVENTFD, .eventfd = counter }), 0);
  }
  if (has_fd) CHECK(ipc_mq_fd(mq) >= 3);
  if (notifies) wait_for_notifiers();
  replace_all(kind);
  int is_shared = !(flags & IPC_KERNEL);
  char bytes[64];
  int sent = ipc_mq_send(mq, "a", 1, 0, 0);
  if (is_shared) CHECK_EQUAL(sent, 0);
  else CHECK_EQUAL(sent, -EBADF);
  if (notifies) wait_for_reaction();
  if (is_shared) CHECK_EQUAL(ipc_mq_receive(mq, bytes, sizeof bytes, NULL, 0), 1);
  check_untouched("a queue", kind);
  /* A descriptor that is asked for now, again or for the first time, is a new one and is right. */
  if (is_shared) {
    int fd = ipc_mq_fd(mq);
    CHECK(fd >= 3);
    for (int i = 0; i < FILES; i++) CHECK(fd != own_files[i]);
    CHECK_EQUAL(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 0);
    CHECK_EQUAL(ipc_mq_send(mq, "a", 1, 0, 0), 0);
    CHECK_EQUAL(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
  }
  CHECK_EQUAL(ipc_mq_notify(mq, NULL), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  check_untouched("a queue", kind);
  (void)ipc_mq_unlink(name, flags);
}

static void queues(void *argument) {
  (void)argument;
  alarm(20);
  for (int notifies = 0; notifies < 3; notifies++)
    for (int has_fd = 0; has_fd < 2; has_fd++) {
      queue(0, notifies, has_fd);
      queue(IPC_KERNEL, notifies, has_fd);
    }
  _exit(0);
}

/* The child of a handle whose descriptors are gone is found again by its identity. */
static void child(void *argument) {
  (void)argument;
  alarm(10);
  ipc_child_t *cat, *sleeper;
  ipc_spawn_attr_t attr = { .input = { .kind = IPC_STREAM_PIPE }, .output = { .kind = IPC_STREAM_PIPE } };
  CHECK_EQUAL(ipc_spawn_with(&cat, call_cat, 0, &attr), 0);
  const char *const sleep_long[] = { "sleep", "5", NULL };
  CHECK_EQUAL(ipc_spawn(&sleeper, sleep_long, 0), 0);
  replace_all(kind);
  CHECK_EQUAL(ipc_child_fd(cat), -EBADF);
  CHECK_EQUAL(ipc_child_stdin(cat), -EBADF);
  CHECK_EQUAL(ipc_child_communicate(cat, &(ipc_exchange_t){ .input = "x", .input_size = 1 }, 0), -EBADF);
  ipc_child_exit_t how;
  int result = ipc_child_wait(cat, &how, PATIENCE); /* its input has ended */
  if (result == 0) {
    CHECK_EQUAL(how.code, 0);
    CHECK_EQUAL(ipc_child_kill(sleeper, SIGKILL), 0);
    CHECK_EQUAL(ipc_child_wait(sleeper, &how, PATIENCE), 0);
    CHECK_EQUAL(how.signal, SIGKILL);
  } else {
    CHECK_EQUAL(result, -EBADF); /* before Linux 6.9 */
  }
  CHECK_EQUAL(ipc_child_close(cat), 0);
  CHECK_EQUAL(ipc_child_close(sleeper), 0);
  check_untouched("a child", kind);
  _exit(0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it knows no pidfd_open");
  int failed = 0;
  for (kind = 0; kind < 3; kind++) {
    failed += wait_for(start(queues, NULL)) != 0;
    failed += wait_for(start(child, NULL)) != 0;
    for (int i = 0; i < call_count; i++) {
      if (strncmp(every_call[i].name, "ipc_sysv_", 9) == 0) continue; /* it has no descriptors */
      call_prepare(&every_call[i]);
      int status = wait_for(start(use_closed, &every_call[i]));
      if (status != 0) fprintf(stderr, "%s, kind %d: %#x\n", every_call[i].name, kind, (unsigned)status);
      failed += status != 0;
      call_clean();
    }
  }
  CHECK_EQUAL(failed, 0);
  return 0;
}
