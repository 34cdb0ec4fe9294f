/* Each system call of each call fails, with each error that it can have. Each time the call succeeds or returns an error
 * that its header entry lists, hangs nowhere, leaks no descriptor and no mapping, and succeeds when it is made again.
 *
 *   system_call_fails [--full] [--header FILE] [CALL]
 *
 * The entry runs in a child under ptrace. Its parent lets the nth system call of the measured call not happen and puts an error
 * in the place of its result. Without --full each of the first 25 system calls of a call fails with two errors.
 */
#include "every_call.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef __GLIBC__
#define strerrorname_np strerror /* the test is skipped */
#endif

#if defined(__x86_64__)
#include <sys/reg.h>

static long number_of(pid_t child) { return ptrace(PTRACE_PEEKUSER, child, 8 * ORIG_RAX, NULL); }
static long first_argument_of(pid_t child) { return ptrace(PTRACE_PEEKUSER, child, 8 * RDI, NULL); }
static long second_argument_of(pid_t child) { return ptrace(PTRACE_PEEKUSER, child, 8 * RSI, NULL); }
static void skip(pid_t child) { CHECK(ptrace(PTRACE_POKEUSER, child, 8 * ORIG_RAX, -1L) == 0); }
static void set_result(pid_t child, long result) { CHECK(ptrace(PTRACE_POKEUSER, child, 8 * RAX, result) == 0); }

/* Whether the path, the second argument, is empty. libc makes fstat() such a newfstatat, which cannot meet EACCES. */
static int names_no_path(pid_t child) {
  errno = 0;
  long text = ptrace(PTRACE_PEEKDATA, child, second_argument_of(child), NULL);
  return errno == 0 && (text & 0xff) == 0;
}

static long argument_of(pid_t child, int place) {
  static const int registers[] = { RDI, RSI, RDX, R10, R8, R9 };
  return ptrace(PTRACE_PEEKUSER, child, 8 * registers[place], NULL);
}

/* Whether an opening cannot meet the error. Only creating takes space. Only writing minds a read-only file system, and never to a
 * device or FIFO. Only a FIFO makes an opening wait. A directory of the system and a device are no symbolic links, and O_PATH
 * does not mind one. */
static int opening_cannot(pid_t child, long number, int error) {
  long flags = argument_of(child, number == SYS_open ? 1 : 2);
  char path[256] = "", text[300];
  struct iovec ours = { path, sizeof path - 1 }, theirs = { (void *)argument_of(child, number == SYS_open ? 0 : 1), sizeof path - 1 };
  for (; process_vm_readv(child, &ours, 1, &theirs, 1, 0) < 0 && theirs.iov_len > 16;) ours.iov_len = theirs.iov_len /= 2;
  struct stat file = { 0 };
  static const char *const own[] = { "/proc/self/", "/proc/thread-self/" };
  int is_own = 0;
  while (is_own < 2 && strncmp(path, own[is_own], strlen(own[is_own])) != 0) is_own++;
  if (is_own < 2) snprintf(text, sizeof text, "/proc/%d/%s", (int)child, path + strlen(own[is_own]));
  else if (path[0] == '/' || number == SYS_open || argument_of(child, 0) == AT_FDCWD) snprintf(text, sizeof text, "%s", path);
  else snprintf(text, sizeof text, "/proc/%d/fd/%ld/%s", (int)child, argument_of(child, 0), path);
  int exists = stat(text, &file) == 0, is_fifo = exists && S_ISFIFO(file.st_mode), is_device = exists && S_ISCHR(file.st_mode);
  switch (error) {
    case ENOSPC: return (flags & (O_CREAT | O_TMPFILE)) == 0 || (flags & O_DIRECTORY && (flags & O_ACCMODE) == O_RDONLY);
    case EROFS: return is_device || is_fifo || ((flags & O_ACCMODE) == O_RDONLY && (flags & O_CREAT) == 0);
    case EINTR: return !is_fifo || (flags & O_NONBLOCK) != 0 || (flags & O_PATH) != 0;
    case ELOOP: return is_device || (flags & (O_DIRECTORY | O_PATH)) != 0;
    default: return 0;
  }
}

/* Whether a system call with these arguments cannot meet the error: EIO comes from devices and disks. */
static int is_impossible(pid_t child, long number, int error) {
  if (number == SYS_open || number == SYS_openat) return opening_cannot(child, number, error);
  /* Only a mapping without a file makes one. */
  if (number == SYS_mmap && error == ENFILE)
    return (argument_of(child, 3) & (MAP_SHARED | MAP_ANONYMOUS)) != (MAP_SHARED | MAP_ANONYMOUS);
  /* A process that may read an object may ask for its state. */
  if (error == EPERM && (number == SYS_shmctl || number == SYS_msgctl)) return argument_of(child, 1) != IPC_RMID && argument_of(child, 1) != IPC_SET;
  if (error == ETOOMANYREFS) return number != SYS_sendmsg; /* only descriptors are counted */
  if (error == EACCES && number == SYS_socketpair) return 1;
  if (error != EIO || (number != SYS_read && number != SYS_readv && number != SYS_write && number != SYS_writev)) return 0;
  char path[64];
  struct stat file;
  snprintf(path, sizeof path, "/proc/%d/fd/%ld", (int)child, first_argument_of(child));
  return stat(path, &file) == 0 && (S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode));
}

/* The errors that a system call can have, as far as a well-formed call can meet them: first the two of the quick set. A call that cannot
 * fail, or whose failure is the program's fault, has none. */
static const int *errors_of(long number, long second_argument) {
#define ERRORS(...) do { static const int errors[] = { __VA_ARGS__, 0 }; return errors; } while (0)
  switch (number) {
    case SYS_open: case SYS_openat:
      ERRORS(EMFILE, EACCES, ENFILE, ENOMEM, ENOSPC, EROFS, ELOOP, EINTR, EIO);
    case SYS_mmap: ERRORS(ENOMEM, EAGAIN, ENFILE);
    case SYS_mprotect: case SYS_madvise: ERRORS(ENOMEM, EAGAIN);
    case SYS_fallocate: ERRORS(ENOSPC, EFBIG, EINTR, EIO, EOPNOTSUPP);
    case SYS_ftruncate: ERRORS(EFBIG, EPERM, EIO, EINTR);
    case SYS_fchmod: case SYS_fchown: ERRORS(EPERM, EROFS, EIO);
    case SYS_linkat: ERRORS(ENOSPC, EACCES, EPERM, EROFS, ENOENT); /* EMLINK comes of a second name */
    case SYS_renameat: case SYS_renameat2: case SYS_rename: ERRORS(ENOSPC, EACCES, EPERM, EROFS);
    case SYS_unlink: case SYS_unlinkat: ERRORS(EACCES, EPERM, EROFS, EBUSY);
    case SYS_fstat: case SYS_fstatfs: ERRORS(ENOMEM);
    case SYS_newfstatat: case SYS_statx: ERRORS(ENOMEM, EACCES, EIO);
    case SYS_memfd_create: ERRORS(EMFILE, ENOMEM, ENFILE, EINVAL);
    case SYS_eventfd2: case SYS_epoll_create1: case SYS_inotify_init1: case SYS_pipe2: case SYS_timerfd_create:
      ERRORS(EMFILE, ENFILE, ENOMEM);
    case SYS_dup: case SYS_dup3: ERRORS(EMFILE, EINTR);
    case SYS_fcntl:
      switch (second_argument) {
        case F_DUPFD: case F_DUPFD_CLOEXEC: ERRORS(EMFILE, ENOMEM);
        case F_ADD_SEALS: ERRORS(EPERM);
        case F_SETPIPE_SZ: ERRORS(EPERM, ENOMEM, EBUSY);
        default: return NULL;
      }
    case SYS_socket: case SYS_socketpair: ERRORS(EMFILE, ENFILE, ENOMEM, EACCES); /* UNIX sockets never meet ENOBUFS */
    case SYS_bind: ERRORS(EADDRINUSE, EACCES, ENOSPC, ENOMEM, EROFS);
    case SYS_listen: ERRORS(EADDRINUSE, EACCES);
    case SYS_connect: ERRORS(EAGAIN, ECONNREFUSED, EINTR, EACCES, EPROTOTYPE);
    case SYS_accept4: case SYS_accept: ERRORS(EMFILE, ENOMEM, ENFILE, EINTR);
    case SYS_sendto: case SYS_sendmsg: ERRORS(ENOBUFS, EPIPE, EINTR, ENOMEM, ETOOMANYREFS, ECONNRESET);
    case SYS_recvfrom: case SYS_recvmsg: ERRORS(ENOMEM, ECONNRESET, EINTR);
    case SYS_read: case SYS_readv: ERRORS(EIO, EINTR);
    case SYS_write: case SYS_writev: ERRORS(EIO, EPIPE, EINTR, ENOSPC);
    case SYS_futex: ERRORS(EPERM, ENOSYS, EINTR);
    case 449: /* futex_waitv */ ERRORS(ENOSYS, EPERM, ENOMEM, EINTR);
    case SYS_membarrier: ERRORS(ENOSYS, EPERM, EINVAL);
    case SYS_get_robust_list: ERRORS(EPERM, ENOSYS);
    case SYS_clone: case SYS_vfork: case SYS_fork: case SYS_clone3: ERRORS(EAGAIN, ENOMEM);
    case SYS_wait4: case SYS_waitid: ERRORS(ECHILD, EINTR);
    case SYS_kill:
      /* Without a signal the library asks whether a process lives. ESRCH would be a false answer. */
      if (second_argument == 0) ERRORS(EPERM);
      ERRORS(EPERM, ESRCH);
    case SYS_tgkill: case 424: /* pidfd_send_signal */ ERRORS(EPERM, ESRCH);
    case 434: /* pidfd_open */ ERRORS(EMFILE, ENOSYS, ENFILE, EPERM);
    case SYS_poll: case SYS_ppoll: ERRORS(ENOMEM, EINTR, EINVAL);
    case SYS_getdents64: ERRORS(EIO, ENOMEM);
    case SYS_readlink: case SYS_readlinkat: ERRORS(EACCES, ENOMEM, EIO);
    case SYS_mq_open: ERRORS(EMFILE, ENOSPC, EACCES, ENFILE, ENOMEM);
    case SYS_mq_unlink: ERRORS(EACCES, ENOENT);
    case SYS_mq_notify: ERRORS(EBUSY, ENOMEM);
    case SYS_mq_timedsend: case SYS_mq_timedreceive: case SYS_mq_getsetattr: ERRORS(EINTR, EBADF);
    case SYS_shmget: case SYS_msgget: case SYS_semget: ERRORS(ENOSPC, ENOMEM, EACCES);
    case SYS_shmat: ERRORS(ENOMEM, EACCES);
    case SYS_semctl: ERRORS(EACCES); /* EIDRM would be a lie: the set is there */
    case SYS_shmctl: case SYS_msgctl: ERRORS(EIDRM, EACCES, EPERM, EINVAL);
    case SYS_msgsnd: case SYS_msgrcv: ERRORS(EIDRM, EINTR, ENOMEM, EACCES);
    case SYS_semop: case SYS_semtimedop: ERRORS(EIDRM, EINTR, ENOMEM, ENOSPC, EACCES);
    case SYS_fsync: case SYS_fdatasync: case SYS_msync: ERRORS(EIO, ENOSPC);
    case SYS_ioctl: ERRORS(ENOTTY, EIO);
    case SYS_prlimit64: ERRORS(EPERM);
    case SYS_process_vm_readv: ERRORS(EPERM, ENOSYS);
    default: return NULL;
  }
}
#else
#define SKIP_ARCHITECTURE 1
static long number_of(pid_t child) { (void)child; return -1; }
static long second_argument_of(pid_t child) { (void)child; return -1; }
static void skip(pid_t child) { (void)child; }
static void set_result(pid_t child, long result) { (void)child; (void)result; }
static int is_impossible(pid_t child, long number, int error) { (void)child; (void)number; (void)error; return 0; }
static int names_no_path(pid_t child) { (void)child; return 0; }
#ifndef SYS_newfstatat
#define SYS_newfstatat (-1) /* 32-bit machines have fstatat64 instead */
#endif
static const int *errors_of(long number, long argument) { (void)number; (void)argument; return NULL; }
#endif

/* Without those of malloc's heap, which grows in pieces when its blocks lie badly. */
static int mappings(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  int lines = 0;
  char line[512];
  while (fgets(line, sizeof line, maps) != NULL) lines += strchr(line, '\n') != NULL && strstr(line, "[heap]") == NULL;
  fclose(maps);
  return lines;
}

/* How many threads this process has. */
static int threads(void) {
  DIR *directory = opendir("/proc/self/task");
  CHECK(directory != NULL);
  int count = -2; /* "." and ".." */
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* Makes the library start its watcher, the thread that it has once and keeps: it watches for room in a full queue. */
static void start_watcher(void) {
  ipc_mq_t *mq;
  char name[100];
  snprintf(name, sizeof name, "%.80s-w", with.name);
  const ipc_mq_attr_t one = { .max_messages = 1, .message_size = 1 };
  CHECK_EQUAL(ipc_mq_open(&mq, name, &one, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_unlink(name, 0), 0);
  CHECK_EQUAL(ipc_mq_send(mq, "x", 1, 0, 0), 0);
  CHECK(ipc_mq_fd(mq) >= 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CHECK_EQUAL(threads(), 2);
}

/* The child's report of its attempt, in memory that both share. */
typedef struct {
  long result;       /* of the call whose system call failed */
  long result_again; /* of the same call made again, after a failure */
  int leaked_descriptors, leaked_mappings;
  int new_threads;
  char text[256];
} Report;

static Report *report;

/* Whether the watcher runs before the measured call. */
static int has_watcher;

/* In the child. The stops tell the parent where the measured call begins and ends. */
static void use_traced(void *argument) {
  const Call *call = argument;
  call_warm_up(call);
  if (has_watcher) start_watcher();
  int threads_before = threads();
  int maps = mappings(); /* stdio's own buffer is there from now on */
  maps = mappings();
  int descriptors = open_descriptors();
  call->before();
  be_traced();
  raise(SIGSTOP);
  long result = call->run();
  raise(SIGSTOP);
  report->result = result;
  snprintf(report->text, sizeof report->text, "%s", result < 0 ? ipc_last_error() : "");
  if (!call_succeeded(result)) result = call->run();
  report->result_again = result;
  call->after(result);
  report->leaked_descriptors = open_descriptors() - descriptors;
  report->leaked_mappings = mappings() - maps;
  report->new_threads = threads() - threads_before;
  _exit(0);
}

static void wait_for_stop(pid_t child) {
  int status = wait_for(child);
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
    test_failed(__FILE__, __LINE__, "the child does not stop: %#x", (unsigned)status);
}

static const char *header;

/* Whether the header's entry of a call lists an error. robustipc(7) has two for all calls. */
static int is_documented(const Call *call, long error) {
  if (header == NULL || error == -EIO || error == -ENOMEM) return 1;
  char function[80], name[32];
  snprintf(function, sizeof function, "%.*s(", (int)strcspn(call->name, ":"), call->name);
  snprintf(name, sizeof name, "-%s", strerrorname_np((int)-error));
  const char *end = header;
  /* The declaration: the name at the end of a type, not in a comment. */
  for (;;) {
    end = strstr(end, function);
    if (end == NULL) return 0;
    if (end[-1] == ' ' || end[-1] == '*') {
      const char *line = end;
      while (line > header && line[-1] != '\n') line--;
      if (strncmp(line, "int ", 4) == 0 || strncmp(line, "ssize_t ", 8) == 0 || strncmp(line, "ptrdiff_t ", 10) == 0) break;
    }
    end++;
  }
  const char *begin = end;
  while (begin > header && strncmp(begin, "/*", 2) != 0) begin--;
  const char *found = strstr(begin, name);
  /* EOPNOTSUPP has another name in <errno.h>. */
  if ((found == NULL || found > end) && error == -ENOTSUP) found = strstr(begin, "-ENOTSUP");
  return found != NULL && found < end;
}

/* Lets the nth system call of the measured call fail with the kth of its errors. Returns what to try next. */
enum Next { NEXT_ERROR, NEXT_SYSTEM_CALL, NEXT_CALL };

static int wrong;

/* Whether the last attempt has started the watcher. */
static int is_to_repeat;

static enum Next attempt(const Call *call, int nth, int kth) {
  memset(report, 0, sizeof *report);
  report->result_again = -1;
  is_to_repeat = 0;
  pid_t child = start(use_traced, (void *)call);
  /* Under valgrind or with broken fixtures the child may end first. */
  wait_for_stop(child);
  CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
  int entered = 0, seen = 0, failing = 0, error = 0, is_over = 0;
  long number = -1;
  enum Next next = NEXT_CALL;
  alarm(20); /* a hang ends this process, and so the test */
  int pass_on = 0;
  for (;;) {
    CHECK(ptrace(is_over ? PTRACE_CONT : PTRACE_SYSCALL, child, NULL, (long)pass_on) == 0);
    pass_on = 0;
    int status = wait_for(child);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (status != 0) {
        fprintf(stderr, "%s: system call %d (%ld) failing with %s: wait status %#x\n", call->name, nth, number,
                error ? strerrorname_np(error) : "nothing", (unsigned)status);
        wrong++;
      }
      break;
    }
    if (WSTOPSIG(status) == SIGSTOP) {
      is_over = 1;
      continue;
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      pass_on = WSTOPSIG(status);
      continue;
    }
    entered = !entered;
    if (entered && !error) {
      long this_number = number_of(child);
      if (this_number == SYS_newfstatat && names_no_path(child)) this_number = SYS_fstat;
      const int *errors = errors_of(this_number, second_argument_of(child));
      if (errors == NULL || ++seen != nth) continue;
      if (errors[kth] == 0) {
        next = NEXT_SYSTEM_CALL;
        continue;
      }
      if (is_impossible(child, this_number, errors[kth])) {
        next = NEXT_ERROR;
        continue;
      }
      number = this_number;
      error = errors[kth];
      skip(child);
      failing = 1;
      next = NEXT_ERROR;
    } else if (!entered && failing) {
      set_result(child, -error);
      failing = 0;
    }
  }
  alarm(0);
  if (error == 0) return next;
  const char *name = strerrorname_np(error);
  if (!call_succeeded(report->result) && !is_documented(call, report->result)) {
    fprintf(stderr, "%s: system call %d (%ld) failing with %s: undocumented %s: %s\n", call->name, nth, number, name,
            strerrorname_np((int)-report->result), report->text);
    wrong++;
  }
  /* A failed synchronisation stays failed until the region is closed: the kernel has dropped the pages. */
  int sticks = strcmp(call->name, "ipc_shm_sync") == 0 && !call_succeeded(report->result);
  /* The watcher has a stack with a guard page, and memory of malloc's in two pieces. The same attempt follows with a
   * watcher that was there before, and then nothing is left. */
  int may_stay = report->new_threads == 1 && !has_watcher ? 4 : 0;
  is_to_repeat = may_stay != 0;
  if ((!call_succeeded(report->result_again) && !sticks) || report->leaked_descriptors != 0 ||
      report->leaked_mappings > may_stay || (report->new_threads != 0 && may_stay == 0)) {
    fprintf(stderr, "%s: system call %d (%ld) failing with %s: %ld, then %ld; leaked %d descriptors, %d mappings\n", call->name,
            nth, number, name, report->result, report->result_again, report->leaked_descriptors,
            report->leaked_mappings);
    wrong++;
  }
  return next;
}

static void read_header(const char *path) {
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  char *text = calloc(1, 1 << 20);
  CHECK(text != NULL && fread(text, 1, (1 << 20) - 1, file) > 0);
  fclose(file);
  header = text;
}

int main(int argc, char **argv) {
#ifndef __GLIBC__
  SKIP("this C library cannot name errors, and so their names cannot be found in the header");
#endif
#ifdef SKIP_ARCHITECTURE
  SKIP("system calls are made to fail on x86-64 only");
#endif
  SKIP_UNDER_VALGRIND("ptrace");
  SKIP_UNDER_SANITIZERS("ptrace");
  int is_full = 0, made = 0;
  const char *wanted = "";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--full") == 0) is_full = 1;
    else if (strcmp(argv[i], "--header") == 0) read_header(argv[++i]);
    else wanted = argv[i];
  }
  if (header == NULL && access("include/robustipc.h", R_OK) == 0) read_header("include/robustipc.h");
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(report != MAP_FAILED);
  for (int i = 0; i < call_count; i++) {
    const Call *call = &every_call[i];
    if (strncmp(call->name, wanted, strlen(wanted)) != 0) continue;
    int nth = 1, kth = 0;
    for (;;) {
      call_prepare(call);
      enum Next next = attempt(call, nth, kth);
      call_clean();
      made++;
      if (is_to_repeat) {
        has_watcher = 1;
        call_prepare(call);
        (void)attempt(call, nth, kth);
        call_clean();
        has_watcher = 0;
        made++;
      }
      if (next == NEXT_CALL || (!is_full && nth > 25)) break;
      kth++;
      if (next == NEXT_SYSTEM_CALL || (!is_full && kth == 2)) nth++, kth = 0;
    }
  }
  printf("%d attempts\n", made);
  CHECK_EQUAL(wrong, 0);
  return 0;
}
