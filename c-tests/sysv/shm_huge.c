/* A new segment with huge pages: each reason why there is none has its own error with the cause. The pages are huge, if this
 * machine has some that are free. */
#include "sysv.h"

#include <grp.h>
#include <sys/resource.h>

static const size_t too_much = sizeof(size_t) > 4 ? (size_t)1 << 20 << 20 : (size_t)1 << 30;
static ipc_sysv_shm_t *shm;

static int make(size_t size, int flags) {
  int result = ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, size, IPC_CREATE | flags, 0600);
  if (result == IPC_CREATED) CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  return result;
}

/* The number in a line of a file in /proc, in kB or as it is; -1 if there is none. */
static long number_in(const char *path, const char *after, const char *name) {
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  char line[512];
  long number = -1;
  int is_there = after == NULL;
  while (number < 0 && fgets(line, sizeof line, file) != NULL) {
    if (!is_there) is_there = strncmp(line, after, strlen(after)) == 0;
    else if (strncmp(line, name, strlen(name)) == 0) number = strtol(line + strlen(name), NULL, 10);
  }
  fclose(file);
  return number;
}

static void flags(void) {
  CHECK_FAILS(ipc_sysv_shm_open(&shm, 1, 100, IPC_SYSV_HUGE, 0), -EINVAL, "IPC_SYSV_HUGE needs IPC_CREATE");
  CHECK_FAILS(make(100, 21 << IPC_SYSV_HUGE_SHIFT), -EINVAL, "needs IPC_SYSV_HUGE");
  CHECK_EQUAL(ipc_sysv_shm_open_id(&shm, 1, 100, IPC_SYSV_HUGE), -EINVAL);
  CHECK_EQUAL(make(100, 1 << 17), -EINVAL);
  CHECK_EQUAL(make(0, IPC_SYSV_HUGE), -EINVAL);
  CHECK_EQUAL(IPC_SYSV_HUGE_2MB, IPC_SYSV_HUGE | 21 << IPC_SYSV_HUGE_SHIFT);
  CHECK_EQUAL(IPC_SYSV_HUGE_1GB, IPC_SYSV_HUGE | 30 << IPC_SYSV_HUGE_SHIFT);
  /* No processor has pages of these sizes. */
  CHECK_FAILS(make(100, IPC_SYSV_HUGE | 13 << IPC_SYSV_HUGE_SHIFT), -EINVAL, "huge pages of 8 KiB");
  CHECK_FAILS(make(100, IPC_SYSV_HUGE | 63 << IPC_SYSV_HUGE_SHIFT), -EINVAL, "huge pages of 8589934592 GiB");
  CHECK_FAILS(make(100, IPC_SYSV_HUGE | 1 << IPC_SYSV_HUGE_SHIFT), -EINVAL, "huge pages of 2 bytes");

  /* For a segment that exists they are unused. */
  key_t key = unique_key("huge");
  ipc_sysv_shm_t *again;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 100, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_shm_open(&again, key, 100, IPC_CREATE | IPC_SYSV_HUGE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_close(again), 0);
  CHECK_FAILS(ipc_sysv_shm_open(&again, key, 100, IPC_CREATE | IPC_EXCLUSIVE | IPC_SYSV_HUGE, 0600), -EEXIST, "exists");
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
}

static void without_permission(void *unused) {
  (void)unused;
  struct rlimit none = { 0, 0 };
  CHECK(setrlimit(RLIMIT_MEMLOCK, &none) == 0);
  if (geteuid() == 0) CHECK(setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  CHECK_FAILS(make(100, IPC_SYSV_HUGE), -EPERM, "vm.hugetlb_shm_group");
}

static void is_huge(void) {
  long size = number_in("/proc/meminfo", NULL, "Hugepagesize:"), found;
  char start_of_line[32];
  for (int i = 0; i < 2; i++) {
    if (i == 1 && size != 2048) break;
    if (make(5000, i == 0 ? IPC_SYSV_HUGE : IPC_SYSV_HUGE_2MB) != IPC_CREATED) {
      CHECK_LAST_ERROR("vm.nr_hugepages"); /* another program has just taken the last one */
      return;
    }
    CHECK_EQUAL(ipc_sysv_shm_size(shm), 5000);
    char *data = ipc_sysv_shm_data(shm);
    for (int j = 0; j < 5000; j++) CHECK_EQUAL(data[j], 0);
    memset(data, 1, 5000);
    snprintf(start_of_line, sizeof start_of_line, "%lx-", (unsigned long)(uintptr_t)data);
    found = number_in("/proc/self/smaps", start_of_line, "KernelPageSize:");
    CHECK_EQUAL(found, size);
    CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  }
}

int main(void) {
  SKIP_UNDER_VALGRIND("it does not know huge pages");
  flags();
  if (number_in("/proc/meminfo", NULL, "Hugepagesize:") < 0) SKIP("this machine has no huge pages");
  FINISH(start(without_permission, NULL));
  if (geteuid() == 0) CHECK_FAILS(make(too_much, IPC_SYSV_HUGE), -ENOMEM, "vm.nr_hugepages");
  if (geteuid() == 0 && number_in("/proc/meminfo", NULL, "HugePages_Free:") > 0) is_huge();
  return 0;
}
