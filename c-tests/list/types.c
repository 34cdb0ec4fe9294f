/* ipc_list_type describes the declared type of an object as its creator declared it, and ipc_list_next says how full an
 * object is, without a change to the object. */
#include "sysv.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  double values[10];
  int32_t count;
} Sensor;

static const ipc_type_t sensor_type = IPC_TYPE_FIELDS(Sensor, 7, values, count);

/* The object of that name in a new list, which the caller closes. */
static ipc_list_t *listed(const char *name, ipc_object_t *object) {
  ipc_list_t *list;
  CHECK_EQUAL(ipc_list(&list, IPC_KIND_ALL), 0);
  do CHECK_EQUAL(ipc_list_next(list, object), 1);
  while (strcmp(object->name, name) != 0);
  return list;
}

static void types_are_described(void) {
  const char *name = unique_name("typed"), *untyped_name = unique_name("untyped");
  ipc_shm_t *typed, *untyped;
  CHECK_EQUAL(ipc_shm_open_typed(&typed, name, &sensor_type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_shm_open(&untyped, untyped_name, 100, IPC_CREATE, 0600), IPC_CREATED);
  struct stat before, after;
  CHECK(fstat(ipc_shm_fd(typed), &before) == 0);

  ipc_object_t object, foreign;
  ipc_type_t type;
  ipc_list_t *list = listed(name, &object);
  CHECK_EQUAL(ipc_list_type(list, &object, &type), 0);
  CHECK(strcmp(type.name, "Sensor") == 0 && type.version == 7 && type.size == sizeof(Sensor) && type.alignment == _Alignof(Sensor));
  CHECK_EQUAL(type.field_count, 2);
  CHECK(strcmp(type.fields[0].name, "values") == 0 && type.fields[0].offset == 0 && type.fields[0].size == 80);
  CHECK(strcmp(type.fields[1].name, "count") == 0 && type.fields[1].offset == 80 && type.fields[1].size == 4);
  CHECK_EQUAL(object.count, 0);
  CHECK_EQUAL(object.capacity, 0);
  /* The type that the list describes opens the object. */
  ipc_shm_t *again;
  CHECK_EQUAL(ipc_shm_open_typed(&again, name, &type, 0, 0), IPC_OPENED);
  CHECK_EQUAL(ipc_shm_close(again), 0);

  foreign = object;
  foreign.index = 1000000;
  CHECK_EQUAL(ipc_list_type(list, &foreign, &type), -EINVAL);
  CHECK_EQUAL(ipc_list_type(list, NULL, &type), -EINVAL);
  CHECK_EQUAL(ipc_list_type(list, &object, NULL), -EINVAL);
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(ipc_list_type(list, &object, &type), -EBADF);

  list = listed(untyped_name, &object);
  CHECK_EQUAL(ipc_list_type(list, &object, &type), -ENODATA);
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK(fstat(ipc_shm_fd(typed), &after) == 0);
  CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
  CHECK_EQUAL(ipc_shm_close(typed), 0);
  CHECK_EQUAL(ipc_shm_close(untyped), 0);
}

static void queues_and_semaphores_show_their_fill(void) {
  const char *queue_name = unique_name("queue"), *sem_name = unique_name("sem");
  ipc_mq_attr_t attr = { .max_messages = 10, .message_size = 8 };
  ipc_mq_t *queue;
  ipc_sem_t *sem;
  CHECK_EQUAL(ipc_mq_open(&queue, queue_name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_sem_open(&sem, sem_name, 5, IPC_CREATE, 0600), IPC_CREATED);
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_mq_send(queue, "x", 1, 0, 0), 0);
  char message[8];
  CHECK_EQUAL(ipc_mq_receive(queue, message, sizeof message, NULL, 0), 1);
  CHECK_EQUAL(ipc_sem_wait(sem, 0), 0);

  ipc_object_t object;
  CHECK_EQUAL(ipc_list_close(listed(queue_name, &object)), 0);
  CHECK_EQUAL(object.count, 3);
  CHECK_EQUAL(object.capacity, 10);
  CHECK_EQUAL(ipc_list_close(listed(sem_name, &object)), 0);
  CHECK_EQUAL(object.count, 4);
  CHECK_EQUAL(ipc_mq_close(queue), 0);
  CHECK_EQUAL(ipc_sem_close(sem), 0);
  CHECK_EQUAL(ipc_sem_unlink(sem_name), 0);
}

/* A queue and a cell keep their types beside their data. */
static void other_kinds_have_types(void) {
  const char *queue_name = unique_name("typed-queue"), *plain_name = unique_name("plain"), *cell_name = unique_name("cell");
  ipc_mq_attr_t attr = { .max_messages = 3, .message_size = sizeof(Sensor), .type = &sensor_type };
  ipc_mq_attr_t plain_attr = { .max_messages = 3, .message_size = 4000 };
  ipc_mq_t *queue, *plain;
  ipc_cell_t *cell;
  CHECK_EQUAL(ipc_mq_open(&queue, queue_name, &attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_mq_open(&plain, plain_name, &plain_attr, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_open(&cell, cell_name, &sensor_type, IPC_CREATE, 0600), IPC_CREATED);
  const char *const typed_names[] = { queue_name, cell_name };
  ipc_object_t object;
  ipc_type_t type;
  for (size_t i = 0; i < 2; i++) {
    ipc_list_t *list = listed(typed_names[i], &object);
    CHECK_EQUAL(ipc_list_type(list, &object, &type), 0);
    CHECK(strcmp(type.name, "Sensor") == 0 && strcmp(object.type_name, "Sensor") == 0 && type.field_count == 2);
    CHECK_EQUAL(ipc_list_close(list), 0);
  }
  ipc_list_t *list = listed(plain_name, &object);
  CHECK_EQUAL(ipc_list_type(list, &object, &type), -ENODATA);
  CHECK_EQUAL(ipc_list_close(list), 0);
  CHECK_EQUAL(ipc_mq_close(queue), 0);
  CHECK_EQUAL(ipc_mq_close(plain), 0);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
}

int main(void) {
  other_kinds_have_types();
  types_are_described();
  queues_and_semaphores_show_their_fill();
}
