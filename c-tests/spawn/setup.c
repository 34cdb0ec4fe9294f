/* A child gets the group or session, descriptors, limits, umask, scheduling, ignored signals, program and user that
 * ipc_child_setup_t asks for. A step that fails is the error of the call, with the step's name, and there is no child. */
#include "streams.h"
#include <grp.h>
#include <sys/prctl.h>

static char output[4096];

/* Runs a script in a shell with the setup, and returns its output. */
static const char *run(const char *script, ipc_child_setup_t setup) {
  const char *const argv[] = {"/bin/sh", "-c", script, NULL};
  ipc_spawn_attr_t attr = {.setup = &setup};
  ipc_child_t *child;
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, IPC_STDOUT_PIPE, &attr), 0);
  size_t length = 0;
  for (ssize_t count; (count = read(ipc_child_stdout(child), output + length, sizeof output - 1 - length)) > 0;) length += (size_t)count;
  output[length] = 0;
  while (length > 0 && output[length - 1] == '\n') output[--length] = 0;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
  return output;
}

static void expect(const char *found, const char *expected) {
  if (strcmp(found, expected) != 0) test_failed(__FILE__, __LINE__, "expected \"%s\", found \"%s\"", expected, found);
}

static int start_with(ipc_child_setup_t setup) {
  const char *const argv[] = {"true", NULL};
  ipc_spawn_attr_t attr = {.setup = &setup};
  ipc_child_t *child = (ipc_child_t *)&child;
  int result = ipc_spawn_with(&child, argv, 0, &attr);
  if (result == 0) {
    CHECK_EQUAL(ipc_child_wait(child, NULL, PATIENCE), 0);
    CHECK_EQUAL(ipc_child_close(child), 0);
  } else {
    CHECK(child == (ipc_child_t *)&child);
  }
  return result;
}

static void refuses(void) {
  gid_t group = 1;
  ipc_child_limit_t limit = {.resource = RLIMIT_NOFILE, .soft = 10, .hard = 9};
  ipc_child_descriptor_t given[2] = {{1, 5}, {2, 5}};
  CHECK_FAILS(start_with((ipc_child_setup_t){.flags = 0x4000}), -EINVAL, "0x4000");
  CHECK_EQUAL(start_with((ipc_child_setup_t){.reserved = {0, 1}}), -EINVAL);
  CHECK_EQUAL(start_with((ipc_child_setup_t){.flags = IPC_CHILD_UMASK, .umask = 01000}), -EINVAL);
  CHECK_FAILS(start_with((ipc_child_setup_t){.user = 5}), -EINVAL, "IPC_CHILD_USER");
  CHECK_FAILS(start_with((ipc_child_setup_t){.groups = &group, .group_count = 1}), -EINVAL, "IPC_CHILD_USER");
  CHECK_FAILS(start_with((ipc_child_setup_t){.limits = NULL, .limit_count = 1}), -EINVAL, "limits");
  CHECK_FAILS(start_with((ipc_child_setup_t){.limits = &limit, .limit_count = 1}), -EINVAL, "above the hard limit");
  CHECK_EQUAL(start_with((ipc_child_setup_t){.limits = &limit, .limit_count = 256}), -EINVAL);
  limit = (ipc_child_limit_t){.resource = 99, .soft = 1, .hard = 1};
  CHECK_FAILS(start_with((ipc_child_setup_t){.limits = &limit, .limit_count = 1}), -EINVAL, "resource limit 99");
  CHECK_FAILS(start_with((ipc_child_setup_t){.descriptors = given, .descriptor_count = 2}), -EINVAL, "twice");
  given[0] = (ipc_child_descriptor_t){1, 2};
  CHECK_FAILS(start_with((ipc_child_setup_t){.descriptors = given, .descriptor_count = 1}), -EINVAL, "above 2");
  given[0] = (ipc_child_descriptor_t){999, 7};
  CHECK_FAILS(start_with((ipc_child_setup_t){.descriptors = given, .descriptor_count = 1}), -EBADF, "999");
  given[0] = (ipc_child_descriptor_t){-1, 7};
  CHECK_EQUAL(start_with((ipc_child_setup_t){.descriptors = given, .descriptor_count = 1}), -EBADF);
  given[0] = (ipc_child_descriptor_t){1, INT_MAX};
  CHECK_FAILS(start_with((ipc_child_setup_t){.descriptors = given, .descriptor_count = 1}), -EBADF, "cannot become its descriptor");
  CHECK_FAILS(start_with((ipc_child_setup_t){.program = "/nowhere/program"}), -ENOENT, "cannot be executed");
  CHECK_FAILS(start_with((ipc_child_setup_t){.directory = "/nowhere"}), -ENOENT, "directory /nowhere");
  ipc_child_setup_t setup = {.directory = "/"};
  ipc_spawn_attr_t attr = {.directory = "/", .setup = &setup};
  const char *const argv[] = {"true", NULL};
  ipc_child_t *child;
  CHECK_FAILS(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL, "both name a directory");
  attr = (ipc_spawn_attr_t){.setup = (ipc_child_setup_t *)((char *)&setup + 1)};
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), -EINVAL);
  check_no_children();
}

static void descriptors(void) {
  int ends[2], more[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQUAL(pipe2(more, O_CLOEXEC), 0);
  CHECK_EQUAL(write(ends[1], "one", 3), 3);
  CHECK_EQUAL(write(more[1], "two", 3), 3);
  close(ends[1]);
  close(more[1]);
  /* Swapped, so that each source has the other's number; and both once more. */
  ipc_child_descriptor_t given[] = {{ends[0], more[0]}, {more[0], ends[0]}, {more[0], 40}, {1, 9}};
  char script[200];
  snprintf(script, sizeof script, "cat <&%d; cat <&%d; ls /proc/self/fd | tr '\\n' ' '", more[0], ends[0]);
  run(script, (ipc_child_setup_t){.descriptors = given, .descriptor_count = LENGTH(given)});
  CHECK(strncmp(output, "onetwo0 1 2 ", 12) == 0);
  CHECK(strstr(output, " 9 ") != NULL && strstr(output, " 40 ") != NULL);
  close(ends[0]);
  close(more[0]);
}

static void simple_choices(void) {
  ipc_child_limit_t limit = {.resource = RLIMIT_NOFILE, .soft = 50, .hard = 60};
  expect(run("ulimit -Sn; ulimit -Hn", (ipc_child_setup_t){.limits = &limit, .limit_count = 1}), "50\n60");
  limit = (ipc_child_limit_t){.resource = RLIMIT_CORE, .soft = 0, .hard = 0};
  expect(run("ulimit -Sc", (ipc_child_setup_t){.limits = &limit, .limit_count = 1}), "0");
  mode_t mask = umask(022);
  expect(run("umask", (ipc_child_setup_t){.flags = IPC_CHILD_UMASK, .umask = 0137}), "0137");
  CHECK_EQUAL(umask(mask), 022);
  expect(run("pwd", (ipc_child_setup_t){.directory = "/"}), "/");
  char changed[32]; /* the test may have been started with another nice value than 0 */
  errno = 0;
  int nice_value = nice(5);
  CHECK_EQUAL(errno, 0);
  snprintf(changed, sizeof changed, "%d 3", nice_value);
  int policy = (int)syscall(SYS_sched_getscheduler, 0);
  /* (musl's sched_setscheduler() always fails.) */
  CHECK_EQUAL(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &(struct sched_param){0}), 0);
  const char *fields = "sed 's/.*) //' /proc/self/stat | cut -d ' ' -f 17,39"; /* nice value and policy */
  expect(run(fields, (ipc_child_setup_t){0}), changed);
  if (geteuid() == 0) {
    expect(run(fields, (ipc_child_setup_t){.flags = IPC_CHILD_RESET_SCHEDULING}), "0 0");
  } else {
    int result = start_with((ipc_child_setup_t){.flags = IPC_CHILD_RESET_SCHEDULING});
    if (result != 0) CHECK(result == -EACCES || result == -EPERM), CHECK_LAST_ERROR("scheduling");
  }
  CHECK_EQUAL(syscall(SYS_sched_setscheduler, 0, policy, &(struct sched_param){0}), 0);

  signal(SIGUSR1, SIG_IGN);
  const char *ignored = "sed -n 's/SigIgn:\\t//p' /proc/self/status";
  unsigned long long bit = 1ULL << (SIGUSR1 - 1);
  CHECK((strtoull(run(ignored, (ipc_child_setup_t){0}), NULL, 16) & bit) == 0);
  CHECK((strtoull(run(ignored, (ipc_child_setup_t){.flags = IPC_CHILD_KEEP_IGNORED}), NULL, 16) & bit) != 0);
  signal(SIGUSR1, SIG_DFL);

  /* argv[0] is free when the program is named. */
  ipc_child_setup_t setup = {.program = "sh"};
  ipc_spawn_attr_t attr = {.setup = &setup};
  const char *const argv[] = {"-my-name", "-c", "test \"$0\" = -my-name", NULL};
  ipc_child_t *child;
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_spawn_with(&child, argv, 0, &attr), 0);
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, 0);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

static void users(void) {
  const char *ids = "sed -n 's/^\\(Uid\\|Gid\\|Groups\\):[\\t ]*//p' /proc/self/status | tr '\\t' ' '";
  gid_t groups[] = {1003, 1004};
  ipc_child_setup_t setup = {.flags = IPC_CHILD_USER, .user = 1001, .group = 1002, .groups = groups, .group_count = 2};
  if (geteuid() != 0) {
    CHECK_FAILS(start_with(setup), -EPERM, "user and groups");
    return;
  }
  expect(run(ids, setup), "1001 1001 1001 1001\n1002 1002 1002 1002\n1003 1004 ");
  setup.group_count = 0;
  expect(run(ids, setup), "1001 1001 1001 1001\n1002 1002 1002 1002");
  CHECK_EQUAL(getuid(), 0);
  CHECK_EQUAL(prctl(PR_GET_DUMPABLE), 1);
  CHECK_EQUAL(access("/proc/self/mem", R_OK | W_OK), 0);
}

int main(void) {
  SKIP_UNDER_VALGRIND("it has no pidfd_send_signal");
  int before = open_descriptors();
  refuses();
  descriptors();
  simple_choices();
  users();
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
