#!/bin/sh
# A program uses the shared library, and a plugin that it loads contains the static one. The two copies do not take each other's
# handles for their own, whatever kind they are of: the answer is -EBADF. Locks in shared memory work from both copies.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/program.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <robustipc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FROM(library, name) __typeof__(&name) other_##name = (__typeof__(&name))dlsym(library, #name)
#define CHECK(condition) \
  if (!(condition)) return printf("line %d: %s; %s; %s\n", __LINE__, #condition, ipc_last_error(), other_ipc_last_error()), 1

static const ipc_mq_attr_t attr = { .max_messages = 2, .message_size = 16 };

int main(int argc, char **argv) {
  (void)argc;
  void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL) return puts(dlerror()), 1;
  FROM(plugin, ipc_last_error);
  FROM(plugin, ipc_mq_open);
  FROM(plugin, ipc_mq_send);
  FROM(plugin, ipc_mq_receive);
  FROM(plugin, ipc_mq_close);
  FROM(plugin, ipc_shm_anonymous);
  FROM(plugin, ipc_shm_close);
  FROM(plugin, ipc_sem_wait);
  FROM(plugin, ipc_mutex_lock);
  FROM(plugin, ipc_mutex_unlock);
  CHECK(other_ipc_mq_send != ipc_mq_send);

  char ours_name[64], theirs_name[64], text[16];
  snprintf(ours_name, sizeof ours_name, "/ripc-test-%d-ours", (int)getpid());
  snprintf(theirs_name, sizeof theirs_name, "/ripc-test-%d-theirs", (int)getpid());
  ipc_mq_t *ours, *theirs;
  CHECK(ipc_mq_open(&ours, ours_name, &attr, IPC_CREATE, 0600) == IPC_CREATED && ipc_mq_unlink(ours_name, 0) == 0);
  CHECK(other_ipc_mq_open(&theirs, theirs_name, &attr, IPC_CREATE, 0600) == IPC_CREATED && ipc_mq_unlink(theirs_name, 0) == 0);
  CHECK(other_ipc_mq_send(ours, "text", 5, 0, 0) == -EBADF);
  CHECK(strstr(other_ipc_last_error(), "copy") != NULL);
  CHECK(ipc_mq_send(theirs, "text", 5, 0, 0) == -EBADF);
  CHECK(ipc_mq_close(theirs) == -EBADF && other_ipc_mq_close(ours) == -EBADF);
  CHECK(ipc_mq_receive(ours, text, sizeof text, NULL, 0) == -EAGAIN);
  CHECK(other_ipc_mq_receive(theirs, text, sizeof text, NULL, 0) == -EAGAIN);

  ipc_shm_t *ours_shm, *theirs_shm;
  CHECK(ipc_shm_anonymous(&ours_shm, 100) == 0 && other_ipc_shm_anonymous(&theirs_shm, 100) == 0);
  CHECK(ipc_shm_close(theirs_shm) == -EBADF && other_ipc_shm_close(ours_shm) == -EBADF);
  /* If a pointer to a placed semaphore is expected, a handle of either copy is recognised too. */
  CHECK(other_ipc_sem_wait((ipc_sem_t *)(void *)ours, 0) == -EBADF);

  /* Each copy has a record of its own of the locks that this thread holds. */
  ipc_mutex_t *locks = ipc_shm_data(ours_shm);
  CHECK(ipc_mutex_init(locks, NULL) == 0);
  CHECK(ipc_mutex_lock(locks, 0) == 0 && other_ipc_mutex_lock(locks, 0) == -EDEADLK);
  CHECK(ipc_shm_close(ours_shm) == -EBUSY);
  CHECK(other_ipc_mutex_unlock(locks) == 0);
  CHECK(other_ipc_mutex_lock(locks, 0) == 0 && ipc_shm_close(ours_shm) == -EBUSY);
  CHECK(ipc_mutex_unlock(locks) == 0 && ipc_mutex_lock(locks, 0) == 0 && ipc_mutex_unlock(locks) == 0);
  CHECK(ipc_shm_close(ours_shm) == 0 && other_ipc_shm_close(theirs_shm) == 0);
  CHECK(ipc_mq_close(ours) == 0 && other_ipc_mq_close(theirs) == 0);
  return 0;
}
END

# shellcheck disable=SC2046 # the options are words
quietly "$CC" -shared -o "$work/plugin.so" -Wl,--whole-archive "$STAGE/lib/librobustipc.a" -Wl,--no-whole-archive \
  -Wl,-Bsymbolic $(staged --libs-only-l --static | sed 's/-lrobustipc//') -lgcc_s
# shellcheck disable=SC2046
quietly "$CC" -std=c11 -Wall -Wextra $(staged --cflags) "$work/program.c" -o "$work/program" $(staged --libs) \
  -Wl,-rpath,"$STAGE/lib" -ldl
quietly "$work/program" "$work/plugin.so"
