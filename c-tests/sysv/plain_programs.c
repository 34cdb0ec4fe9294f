/* Programs that call shmget, msgget and semget use the same objects as programs that use this library. */
#include "sysv.h"

struct plain_message {
  long type;
  char text[100];
};

int main(void) {
  key_t key = ftok(unique_file("plain"), 1);
  if (shmget(key, 0, 0) >= 0) SKIP("the key is taken");

  /* A plain program creates the objects, and the library opens them. */
  int shm_id = remember(IPC_KIND_SYSV_SHM, shmget(key, 1234, IPC_CREAT | IPC_EXCL | 0600));
  char *plain = shmat(shm_id, NULL, 0);
  CHECK(plain != (void *)-1);
  strcpy(plain, "from shmat");
  ipc_sysv_shm_t *shm;
  CHECK_EQUAL(ipc_sysv_shm_open(&shm, key, 1234, IPC_CREATE, 0600), IPC_OPENED);
  CHECK_EQUAL(ipc_sysv_shm_id(shm), shm_id);
  CHECK(strcmp(ipc_sysv_shm_data(shm), "from shmat") == 0);
  strcpy(ipc_sysv_shm_data(shm), "from us");
  CHECK(strcmp(plain, "from us") == 0);
  CHECK(shmdt(plain) == 0);
  CHECK(shmctl(shm_id, IPC_RMID, NULL) == 0);
  CHECK_EQUAL(ipc_sysv_shm_close(shm), 0);

  /* The library creates the objects, and a plain program opens them. */
  ipc_sysv_msg_t *queue;
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, key, IPC_CREATE, 0600), IPC_CREATED);
  int msg_id = msgget(key, 0600);
  CHECK_EQUAL(msg_id, ipc_sysv_msg_id(queue));
  remember(IPC_KIND_SYSV_MSG, msg_id);
  struct plain_message message = {42, "hello"};
  CHECK(msgsnd(msg_id, &message, 5, 0) == 0);
  long type;
  char text[100];
  CHECK_EQUAL(ipc_sysv_msg_receive(queue, &type, text, sizeof text, IPC_MSG_TYPE, 42, 0), 5);
  CHECK_EQUAL(type, 42);
  CHECK(memcmp(text, "hello", 5) == 0);
  CHECK_EQUAL(ipc_sysv_msg_send(queue, 43, "world!", 6, 0), 0);
  CHECK_EQUAL(msgrcv(msg_id, &message, sizeof message.text, -50, IPC_NOWAIT), 6);
  CHECK_EQUAL(message.type, 43);
  CHECK(memcmp(message.text, "world!", 6) == 0);

  /* A program that waits for sem_otime sees a set of this library as initialised. */
  ipc_sysv_sem_t *set;
  unsigned short values[] = {32767, 0, 7};
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 3, values, IPC_CREATE, 0600), IPC_CREATED);
  int sem_id = remember(IPC_KIND_SYSV_SEM, semget(key, 3, 0600));
  struct semid_ds status;
  CHECK(semctl(sem_id, 0, IPC_STAT, &status) == 0);
  CHECK(status.sem_otime != 0);
  CHECK_EQUAL(status.sem_nsems, 3);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(semctl(sem_id, i, GETVAL), values[i]);
  struct sembuf take = {2, -7, 0};
  CHECK(semop(sem_id, &take, 1) == 0);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 2), 0);
  CHECK_EQUAL(ipc_sysv_sem_remove(set), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);

  /* A set that a plain program created and gave values, but never operated on, keeps its values. */
  sem_id = remember(IPC_KIND_SYSV_SEM, semget(key, 3, IPC_CREAT | 0600));
  unsigned short zeros[] = {0, 0, 0}, ones[] = {1, 1, 1};
  CHECK(semctl(sem_id, 0, SETALL, zeros) == 0);
  CHECK_EQUAL(ipc_sysv_sem_open(&set, key, 3, ones, IPC_CREATE, 0600), IPC_OPENED);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(ipc_sysv_sem_value(set, i), 0);
  CHECK_EQUAL(ipc_sysv_sem_close(set), 0);
  return 0;
}
