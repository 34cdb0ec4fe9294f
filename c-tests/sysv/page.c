/* ipc_sysv(3), sentence by sentence. Other tests of this folder have deaths, undo and creators that are killed. */
#include "page.h"

#include <sys/ipc.h>

static int wanted_key(void) { return (int)(0x52000000 | (unsigned)getpid()); }

static void keys(void) {
  int key;
  CLAIM("computes the key that ftok(3) gives for path, an existing file, and project, 1 to 255");
  CHECK_EQUAL(ipc_sysv_key(&key, "/", 77), 0);
  CHECK_EQUAL(key, ftok("/", 77));
  CHECK_EQUAL(ipc_sysv_key(&key, "/", 0), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(&key, "/", 256), -EINVAL);
  CHECK_EQUAL(ipc_sysv_key(&key, "/no/such/file", 1), -ENOENT);
}

static void shared_memory_segments(void) {
  ipc_sysv_shm_t *shm, *other;
  int key = wanted_key();
  CLAIM("There is no object with this key or id, or no file with this path.");
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 5000, 0, 0), -ENOENT);
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 5000, IPC_CREATE, 0600), IPC_CREATED);
  CLAIM("An existing segment must have exactly size bytes.");
  CHECK(ipc_sysv_shm_open(&other, key, 4000, 0, 0) < 0);
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_size(shm), 5000);
  *(char *)ipc_sysv_shm_data(shm) = 7;
  CHECK_EQUAL(*(char *)ipc_sysv_shm_data(other), 7);
  CHECK_EQUAL(ipc_sysv_shm_id(shm), ipc_sysv_shm_id(other));
  CLAIM("The object exists, and IPC_EXCLUSIVE is set.");
  ipc_sysv_shm_t *third;
  CHECK_EQUAL(ipc_sysv_shm_open(&third, key, 5000, IPC_CREATE | IPC_EXCLUSIVE, 0600), -EEXIST);
  CLAIM("keep what the object has; reading it needs read permission");
  ipc_sysv_shm_stat_t stat;
  CHECK_EQUAL(ipc_sysv_shm_set_permissions(shm, (uid_t)-1, (gid_t)-1, 0640), 0);
  CHECK_EQUAL(ipc_sysv_shm_stat(shm, &stat), 0);
  CHECK(stat.mode == 0640 && stat.owner == geteuid() && stat.group == getegid());
  CLAIM("For an existing segment these flags are unused.");
  CHECK_EQUAL(ipc_sysv_shm_open(&third, key, 5000, IPC_CREATE | IPC_SYSV_HUGE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_close(third), 0);
  CLAIM("detaches the segment; the segment and its data stay");
  CHECK_EQUAL(ipc_sysv_shm_close(other), 0);
  CLAIM("For a handle that is NULL, closed or of another kind, they return NULL and 0.");
  CHECK(ipc_sysv_shm_data(other) == NULL && ipc_sysv_shm_size(other) == 0);
  CHECK(ipc_sysv_shm_data(NULL) == NULL && ipc_sysv_shm_size(NULL) == 0);
  CLAIM("open an existing object by its id");
  CHECK_EQUAL(ipc_sysv_shm_open_id(&other, ipc_sysv_shm_id(shm), 5000, 0), 0);
  CHECK_EQUAL(*(char *)ipc_sysv_shm_data(other), 7);
  CHECK_EQUAL(ipc_sysv_shm_close(other), 0);
  CLAIM("After ipc_sysv_shm_remove(), no key leads to the segment.");
  CHECK_EQUAL(ipc_sysv_shm_remove(shm), 0);
  CHECK_EQUAL(ipc_sysv_shm_open(&other, key, 5000, 0, 0), -ENOENT);
  CHECK_EQUAL(*(char *)ipc_sysv_shm_data(shm), 7);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);
  CLAIM("creates an object that no key leads to; it needs IPC_CREATE");
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 100, 0, 0600), -EINVAL);
}

static void queues(void) {
  ipc_sysv_msg_t *queue;
  char bytes[16];
  long type;
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  CLAIM("sends len bytes as one message with a type of 1 or more");
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 0, "a", 1, 0), -EINVAL);
  for (long i = 0; i < 4; i++) CHECK_EQUAL(ipc_sysv_msg_send(queue, (long[]){ 5, 3, 4, 3 }[i], &"0123"[i], 1, 0), 0);
  CLAIM("the oldest message of the lowest type that is not above wanted");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_UP_TO, 4, 0), 1);
  CHECK(type == 3 && bytes[0] == '1');
  CLAIM("the oldest message whose type is not wanted");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_EXCEPT, 5, 0), 1);
  CHECK(type == 4 && bytes[0] == '2');
  CLAIM("the oldest message whose type is wanted");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_TYPE, 3, 0), 1);
  CHECK(type == 3 && bytes[0] == '3');
  CLAIM("A message that is longer than capacity stays in the queue (-EMSGSIZE).");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, 0, IPC_MSG_ANY, 0, 0), -EMSGSIZE);
  CLAIM("the oldest message;");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_ANY, 0, 0), 1);
  CHECK(type == 5 && bytes[0] == '0');
  CLAIM("The call is not possible without waiting, and timeout_ns is 0.");
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_ANY, 0, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, bytes, sizeof bytes, IPC_MSG_ANY, 0, MILLISECOND), -ETIMEDOUT);
  CLAIM("sets how many bytes the messages in the queue may have together");
  CHECK_EQUAL(ipc_sysv_msg_set_bytes_max(queue, 2), 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "abc", 3, 0), -EMSGSIZE);
  CHECK_EQUAL(ipc_sysv_msg_set_permissions(queue, (uid_t)-1, (gid_t)-1, 0640), 0);
  CLAIM("the handle stays open until it is closed");
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), 0);
  CLAIM("The object was removed, before or during the call.");
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 1, "a", 1, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  CLAIM("The handle is closed or of another kind.");
  CHECK_EQUAL(ipc_sysv_msg_close(queue), -EBADF);
}

static void sets(void) {
  ipc_sysv_sem_t *set, *other;
  int key = wanted_key();
  CLAIM("a new set gets these values; NULL means that all are 0");
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 3, (unsigned short[]){ 1, 2, 3 }, IPC_CREATE, 0600), IPC_CREATED);
  CLAIM("returns the value of one semaphore");
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_sysv_sem_value(set, i), i + 1);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 3), -EINVAL);
  CLAIM("sets the value of one semaphore, whatever it was");
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 2, 9), 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 2), 9);
  CLAIM("A value is negative, or would exceed IPC_SYSV_SEM_VALUE_MAX, 32767.");
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 2, 32768), -ERANGE);
  CHECK_EQUAL(ipc_sysv_sem_set_value(set, 2, -1), -ERANGE);
  CLAIM("count must be the number of semaphores in the set");
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 1, 2, 3 }, 2), -EINVAL);
  CHECK_EQUAL(ipc_sysv_sem_set_values(set, (unsigned short[]){ 1, 2, 3 }, 3), 0);
  CHECK_EQUAL(ipc_sysv_sem_set_permissions(set, (uid_t)-1, (gid_t)-1, 0640), 0);
  CLAIM("Without IPC_CREATE, a count of 0 opens a set of any size.");
  CHECK_EQUAL(ipc_sysv_sem_open(&other, key, 0, NULL, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_sem_close(other), 0);
  CLAIM("does up to 500 operations at once: all of them or none");
  ipc_sysv_sem_op_t ops[501] = { { .index = 0, .change = -1 }, { .index = 1, .change = -3 } };
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 1);
  ops[1].change = -2;
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 1), 0);
  CLAIM("below 0 takes, above 0 gives, 0 waits for the value 0");
  ops[0].change = 0, ops[1].change = 4;
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 2, 0), 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 1), 4);
  CLAIM("ipc_sysv_sem_op(): count is 0 or above 500.");
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 0, 0), -E2BIG);
  CHECK_EQUAL(ipc_sysv_sem_op(set, ops, 501, 0), -E2BIG);
  CHECK_EQUAL(ipc_sysv_sem_remove_id(ipc_sysv_sem_id(set)), 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), -EIDRM);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
}

int main(void) {
  ipc_sysv_msg_t *queue;
  int result = ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600);
  if (result == -ENOSYS) SKIP("this kernel has no System V objects");
  CHECK_EQUAL(result, IPC_CREATED);
  CHECK_EQUAL(ipc_sysv_msg_remove(queue), 0);
  CHECK_EQUAL(ipc_sysv_msg_close(queue), 0);
  keys();
  shared_memory_segments();
  queues();
  sets();
  return 0;
}
