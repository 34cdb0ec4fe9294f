/* ipc_list shows objects of every kind, made by this library or without it, with their properties. ipc_remove removes
 * exactly the requested object. */
#include "posix_semaphore.h"
#include "sysv.h"

#include <fcntl.h>
#include <mqueue.h>

typedef struct {
  double values[10];
} Sensor;

static const ipc_type_t sensor_type = IPC_TYPE(Sensor, 7);
static char posix_name[64], queue_name[64];
static const char *shared_queue; /* this library's */

static void clean_up(void) {
  if (getpid() != test_pid) return;
  ipc_sem_unlink_posix(posix_name);
  mq_unlink(queue_name);
  ipc_mq_unlink(shared_queue, 0);
}

/* Finds an object by name or, if that is NULL, by id. Returns whether it is there. */
static int find(int kind, const char *name, int id, ipc_object_t *found) {
  ipc_list_t *list;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_ALL), 0);
  int count = 0, result;
  ipc_object_t object;
  while ((result = ipc_list_next(list, &object)) == 1) {
    int is_it = object.kind == kind && (name ? strcmp(object.name, name) == 0 : object.id == id);
    if (!is_it) continue;
    count++;
    *found = object;
  }
  CHECK_EQUAL(result, 0);
  CHECK_EQUAL(ipc_list_next(list, &object), 0);
  CHECK(count <= 1);
  CHECK_EQUAL(ipc_list_close(list), 0);
  return count;
}

/* A queue of this library is shown with its size, which follows the formula of ipc_mq(3), and with the processes that
 * have it open. */
static void show_shared_queue(void) {
  const ipc_mq_attr_t attr = { .max_messages = 10, .message_size = 100 };
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, shared_queue, &attr, IPC_CREATE, 0620), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(mq, "hello", 5, 0, 0), 0);

  ipc_list_t *list;
  ipc_object_t object;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_MQ), 0);
  do CHECK_EQUAL(ipc_list_next(list, &object), 1);
  while (strcmp(object.name, shared_queue) != 0);
  pid_t user;
  CHECK_EQUAL(ipc_list_users(list, &object, &user, 1), 1);
  CHECK_EQUAL(user, getpid());
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(object.kind, IPC_KIND_MQ);
  CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
  CHECK_EQUAL(object.owner, geteuid());
  CHECK_EQUAL(object.mode, 0620);
  int more = IS_MUSL ? 64 : 0; /* its list of robust locks takes more room in each lock */
  CHECK_EQUAL(object.size, 1216 + 2 * more + 16 * 8 + 16 * 4 + 64 + 128 + 10 * (64 + more + 128));
  CHECK(!find(IPC_KIND_SHM, shared_queue, 0, &object));

  CHECK_FAILS(ipc_remove(IPC_KIND_SHM, shared_queue, -1), -EMEDIUMTYPE, "found a message queue");
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, shared_queue, -1), 0);
  CHECK(!find(IPC_KIND_MQ, shared_queue, 0, &object));
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, shared_queue, -1), -ENOENT);
  CHECK_EQUAL(ipc_mq_stale(mq), 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
}

int main(void) {
  umask(0); /* mq_open and sem_open would apply the umask */
  const char *region = unique_name("region"), *semaphore = unique_name("semaphore");
  const char *foreign = unique_name("foreign"), *damaged = unique_name("damaged");
  const char *decoy = unique_name("decoy");
  shared_queue = unique_name("shared-queue");
  atexit(clean_up);
  snprintf(posix_name, sizeof posix_name, "/ripc-test-%d-posix", (int)getpid());
  snprintf(queue_name, sizeof queue_name, "/ripc-test-%d-queue", (int)getpid());

  ipc_shm_t *shm;
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, region, &sensor_type, IPC_CREATE, 0640), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&sem, semaphore, 1, IPC_CREATE, 0600), IPC_CREATED);
  int fd = shm_open(foreign, O_CREAT | O_RDWR, 0600);
  CHECK(fd >= 0 && ftruncate(fd, 12345) == 0);
  close(fd);
  CHECK_EQUAL(ipc_shm_open(&shm, damaged, 100, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  fd = shm_open(damaged, O_RDWR, 0);
  CHECK(pwrite(fd, "\xff\xff", 2, 4096 + 100) == 2);
  close(fd);
  int fifo = 0;
  char path[128];
  snprintf(path, sizeof path, "/dev/shm%s", decoy);
  fifo = mkfifo(path, 0600) == 0; /* no object: neither shown nor waited for */
  CHECK(fifo);
  make_posix_semaphore(posix_name);
  mqd_t mq = mq_open(queue_name, O_CREAT | O_RDWR, 0620, NULL);
  if (mq != (mqd_t)-1) CHECK(mq_send(mq, "hello", 5, 0) == 0);
  int shm_id = remember(IPC_KIND_SYSV_SHM, shmget(IPC_PRIVATE, 777, 0604));
  int msg_id = remember(IPC_KIND_SYSV_MSG, msgget(IPC_PRIVATE, 0622));
  key_t key = unique_key("list");
  int sem_id = remember(IPC_KIND_SYSV_SEM, semget(key, 5, IPC_CREAT | 0600));
  struct {
    long type;
    char text[3];
  } message = {1, "ab"};
  CHECK(msgsnd(msg_id, &message, 3, 0) == 0);

  ipc_object_t object;
  CHECK(find(IPC_KIND_SHM, region, 0, &object));
  CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
  CHECK_EQUAL(object.owner, geteuid());
  CHECK_EQUAL(object.mode, 0640);
  CHECK_EQUAL(object.size, sizeof(Sensor));
  CHECK_EQUAL(object.type_version, 7);
  CHECK_EQUAL(object.id, -1);
  CHECK(strcmp(object.type_name, "Sensor") == 0);
  CHECK(find(IPC_KIND_SEM, semaphore, 0, &object));
  CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
  CHECK(find(IPC_KIND_SHM, foreign, 0, &object));
  CHECK_EQUAL(object.record, IPC_RECORD_NONE);
  CHECK_EQUAL(object.size, 12345);
  CHECK(find(IPC_KIND_SHM, damaged, 0, &object));
  CHECK_EQUAL(object.record, IPC_RECORD_DAMAGED);
  CHECK(!find(IPC_KIND_SHM, decoy, 0, &object));
  CHECK(find(IPC_KIND_POSIX_SEM, posix_name, 0, &object));
  CHECK(find(IPC_KIND_SYSV_SHM, NULL, shm_id, &object));
  CHECK_EQUAL(object.size, 777);
  CHECK_EQUAL(object.mode, 0604);
  CHECK_EQUAL(object.key, 0);
  CHECK_EQUAL(object.owner, geteuid());
  CHECK_EQUAL(object.name[0], 0);
  CHECK(find(IPC_KIND_SYSV_MSG, NULL, msg_id, &object));
  CHECK_EQUAL(object.size, 3);
  CHECK_EQUAL(object.mode, 0622);
  CHECK(find(IPC_KIND_SYSV_SEM, NULL, sem_id, &object));
  CHECK_EQUAL(object.size, 5);
  CHECK_EQUAL(object.key, key);

  ipc_list_t *list;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_KERNEL_MQ), 0);
  int queues_listed = ipc_list_unlisted(list) == 0;
  CHECK_EQUAL(ipc_list_close(list), 0);
  if (queues_listed && mq != (mqd_t)-1) {
    CHECK(find(IPC_KIND_KERNEL_MQ, queue_name, 0, &object));
    CHECK_EQUAL(object.size, 5);
    CHECK_EQUAL(object.mode, 0620);
    CHECK_EQUAL(ipc_remove(IPC_KIND_KERNEL_MQ, queue_name, -1), 0);
    CHECK(!find(IPC_KIND_KERNEL_MQ, queue_name, 0, &object));
  }

  show_shared_queue();

  /* An object of another kind under the name stays. */
  CHECK_FAILS(ipc_remove(IPC_KIND_SEM, region, -1), -EMEDIUMTYPE, "expected a named semaphore");
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, semaphore, -1), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, decoy, -1), -EMEDIUMTYPE);
  CHECK(unlink(path) == 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, decoy, -1), -ENOENT);
  CHECK_EQUAL(ipc_remove(IPC_KIND_POSIX_SEM, region, -1), -ENOENT);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, "/a/b", -1), -EINVAL);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, NULL, -1), -EINVAL);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM | IPC_KIND_SEM, region, -1), -EINVAL);
  CHECK_EQUAL(ipc_remove(0, region, -1), -EINVAL);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SYSV_SHM, region, -1), -ENOENT);

  struct {
    int kind;
    const char *name;
    int id;
  } all[] = {{IPC_KIND_SHM, region, -1},        {IPC_KIND_SEM, semaphore, -1},
             {IPC_KIND_SHM, foreign, -1},       {IPC_KIND_SHM, damaged, -1},
             {IPC_KIND_POSIX_SEM, posix_name, -1}, {IPC_KIND_SYSV_SHM, NULL, shm_id},
             {IPC_KIND_SYSV_MSG, NULL, msg_id}, {IPC_KIND_SYSV_SEM, NULL, sem_id}};
  for (int i = 0; i < 8; i++) {
    CHECK_EQUAL(ipc_remove(all[i].kind, all[i].name, all[i].id), 0);
    for (int k = 0; k < 8; k++)
      CHECK_EQUAL(find(all[k].kind, all[k].name, all[k].id, &object), k > i);
    CHECK_EQUAL(ipc_remove(all[i].kind, all[i].name, all[i].id), -ENOENT);
  }

  CHECK_EQUAL(ipc_list(&list, 0), -EINVAL);
  CHECK_EQUAL(ipc_list(&list, 0x1000), -EINVAL);
  CHECK_EQUAL(ipc_list(NULL, IPC_KIND_ALL), -EINVAL);
  CHECK_EQUAL(ipc_list_next(NULL, &object), -EINVAL);
  CHECK_EQUAL(ipc_list_next(list, &object), -EBADF);
  CHECK_EQUAL(ipc_list_close(NULL), 0);
  return 0;
}
