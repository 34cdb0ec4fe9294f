/* ipc_list(3), sentence by sentence. */
#include "page.h"

#include <sys/stat.h>

/* Finds an object of this test's by its name in a new list. */
static int find(int kinds, const char *name, ipc_list_t **list, ipc_object_t *object) {
  CHECK_EQUAL(ipc_list(list, kinds), 0);
  int result;
  while ((result = ipc_list_next(*list, object)) == 1)
    if (strcmp(object->name, name) == 0) return 1;
  CHECK_EQUAL(result, 0);
  return 0;
}

static const ipc_type_t type = IPC_TYPE(int, 3);

int main(void) {
  const char *name = unique_name("page"), *queue = unique_name("queue"), *sem_name = unique_name("sem");
  ipc_list_t *list;
  ipc_object_t object;
  ipc_shm_t *shm;
  CHECK_EQUAL(ipc_shm_open_typed(&shm, name, &type, IPC_CREATE, 0640), IPC_CREATED);
  CLAIM("The list has the objects of the caller's IPC namespace, and the regular files in /dev/shm.");
  CHECK(find(IPC_KIND_ALL, name, &list, &object));
  CHECK_EQUAL(object.kind, IPC_KIND_SHM);
  CLAIM("The id and the key of a System V object; otherwise -1 and 0.");
  CHECK_EQUAL(object.id, -1);
  CHECK_EQUAL(object.key, 0);
  CLAIM("The user id, the group id and the permissions.");
  CHECK_EQUAL(object.owner, geteuid());
  CHECK_EQUAL(object.mode, 0640);
  CLAIM("the bytes of their data if the record is good");
  CHECK_EQUAL(object.size, sizeof(int));
  CHECK_EQUAL(object.record, IPC_RECORD_GOOD);
  CLAIM("The name and version of the declared type, if the record is good.");
  CHECK(strcmp(object.type_name, "int") == 0);
  CHECK_EQUAL(object.type_version, 3);
  CLAIM("returns the number of processes that had the object mapped or open when the list was made");
  pid_t ids[4] = { 0 };
  CHECK_EQUAL(ipc_list_users(list, &object, ids, 4), 1);
  CHECK_EQUAL(ids[0], getpid());
  CLAIM("The number may be above capacity.");
  CHECK_EQUAL(ipc_list_users(list, &object, NULL, 0), 1);
  CHECK_EQUAL(ipc_list_close(list), 0);
  CLAIM("The handle is closed or is not of a list.");
  CHECK_EQUAL(ipc_list_close(list), -EBADF);
  CHECK_EQUAL(ipc_list_next((ipc_list_t *)shm, &object), -EBADF);

  CLAIM("The object was made without this library, or its kind has no record.");
  char path[128];
  const char *foreign = unique_name("foreign");
  snprintf(path, sizeof path, "/dev/shm%s", foreign);
  FILE *file = fopen(path, "w");
  CHECK(file != NULL && fputs("foreign", file) >= 0);
  fclose(file);
  CHECK(find(IPC_KIND_ALL, foreign, &list, &object));
  CHECK_EQUAL(object.record, IPC_RECORD_NONE);
  CLAIM("otherwise the bytes of their file");
  CHECK_EQUAL(object.size, 7);
  CHECK_EQUAL(ipc_list_close(list), 0);

  CLAIM("The messages in a queue of this library or of System V, or the value of a semaphore of this library; otherwise 0.");
  ipc_mq_t *mq;
  CHECK_EQUAL(ipc_mq_open(&mq, queue, &(ipc_mq_attr_t){ .max_messages = 4, .message_size = 8 }, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_send(mq, "a", 1, 0, 0), 0);
  CHECK(find(IPC_KIND_MQ, queue, &list, &object));
  CHECK_EQUAL(object.count, 1);
  CLAIM("How many messages a queue of this library can hold; otherwise 0.");
  CHECK_EQUAL(object.capacity, 4);
  CHECK_EQUAL(ipc_list_close(list), 0);
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_sem_open(&sem, sem_name, 5, IPC_CREATE, 0600), IPC_CREATED);
  CHECK(find(IPC_KIND_SEM, sem_name, &list, &object));
  CHECK_EQUAL(object.count, 5);
  CHECK_EQUAL(object.capacity, 0);
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(ipc_sem_close(sem), 0);

  CLAIM("An object of another kind with that name is left unchanged.");
  CHECK_EQUAL(ipc_remove(IPC_KIND_SEM, queue, -1), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, name, -1), -EMEDIUMTYPE);
  CHECK_EQUAL(ipc_mq_stale(mq), 0);
  CLAIM("Processes that have a named object open keep it.");
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, queue, -1), 0);
  CHECK_EQUAL(ipc_mq_stale(mq), 1);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  CLAIM("ipc_remove(): there is no such object, or no longer.");
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, queue, -1), -ENOENT);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, name, -1), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SEM, sem_name, -1), 0);
  CHECK_EQUAL(ipc_remove(IPC_KIND_SHM, foreign, -1), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  CLAIM("kinds is 0 or has an unknown bit, kind is not exactly one kind, the name is malformed");
  CHECK_EQUAL(ipc_list(&list, 0), -EINVAL);
  CHECK_EQUAL(ipc_list(&list, 1 << 30), -EINVAL);
  CHECK_EQUAL(ipc_list(NULL, IPC_KIND_ALL), -EINVAL);
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ | IPC_KIND_SEM, name, -1), -EINVAL);
  CHECK_EQUAL(ipc_remove(IPC_KIND_MQ, "no slash", -1), -EINVAL);
  return 0;
}
