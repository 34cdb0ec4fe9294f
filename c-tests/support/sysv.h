/* For tests of System V IPC: ids and keys that are cleaned up. The objects would otherwise outlive the test, for every
 * user of the machine. */
#ifndef SYSV_H
#define SYSV_H

#include "test.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct {
  int kind, id;
} sysv_ids[32];
static int sysv_id_count;
static char sysv_files[8][128];
static int sysv_file_count;
static pid_t sysv_pid;

static inline void sysv_clean_up(void) {
  if (getpid() != sysv_pid) return;
  for (int i = 0; i < sysv_id_count; i++) ipc_remove(sysv_ids[i].kind, NULL, sysv_ids[i].id);
  for (int i = 0; i < sysv_file_count; i++) {
    /* The test may have made objects by this key without remembering their ids. */
    key_t key;
    if (ipc_sysv_key(&key, sysv_files[i], 1) == 0) {
      int id;
      if ((id = shmget(key, 0, 0)) >= 0) ipc_sysv_shm_remove_id(id);
      if ((id = msgget(key, 0)) >= 0) ipc_sysv_msg_remove_id(id);
      if ((id = semget(key, 0, 0)) >= 0) ipc_sysv_sem_remove_id(id);
    }
    unlink(sysv_files[i]);
  }
}

static inline void sysv_at_exit(void) {
  if (sysv_pid != 0) return;
  sysv_pid = getpid();
  atexit(sysv_clean_up);
}

/* Has the test's end remove the object. Returns the id. */
__attribute__((unused)) static int remember(int kind, int id) {
  sysv_at_exit();
  CHECK(id >= 0);
  CHECK(sysv_id_count < 32);
  sysv_ids[sysv_id_count].kind = kind;
  sysv_ids[sysv_id_count++].id = id;
  return id;
}

/* The path of a new file of this test alone. The test's end removes it, with the objects that its key for project 1
 * leads to. */
__attribute__((unused)) static const char *unique_file(const char *suffix) {
  sysv_at_exit();
  CHECK(sysv_file_count < 8);
  char *path = sysv_files[sysv_file_count++];
  const char *base = getenv("TMPDIR");
  snprintf(path, sizeof sysv_files[0], "%.30s/ripc-test-%d-%s", base ? base : "/tmp", (int)getpid(), suffix);
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  fclose(file);
  return path;
}

/* A key of this test alone. Two files can have the same key by chance; then the next file is tried. */
__attribute__((unused)) static key_t unique_key(const char *suffix) {
  for (int attempt = 0; attempt < 6; attempt++) {
    char name[32];
    snprintf(name, sizeof name, "%s-%d", suffix, attempt);
    key_t key;
    CHECK_EQUAL(ipc_sysv_key(&key, unique_file(name), 1), 0);
    if (shmget(key, 0, 0) < 0 && msgget(key, 0) < 0 && semget(key, 0, 0) < 0) return key;
    sysv_file_count--; /* the key is somebody else's: the end must not remove its objects */
    unlink(sysv_files[sysv_file_count]);
  }
  SKIP("no free key");
}

/* From here on the kernel takes the action, one of seccomp's, instead of the first values that a set of semaphores gets: right
 * after semget(). Ends the process with 77 if the kernel has no filters. */
__attribute__((unused)) static void act_on_setall(unsigned action) {
#ifdef __i386__
  /* glibc for i386 has one call for all of System V. Its fourth argument is the command, with a bit that says which form the other
   * arguments have. */
  const unsigned number = SYS_ipc, command = 3;
#else
  const unsigned number = SYS_semctl, command = 2;
#endif
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + 8 * command)),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SETALL, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, action),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) exit(77);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) exit(77);
}

#endif
