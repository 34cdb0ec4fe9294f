/* Ports "System V IPC Commands" of document 002: ipcs, ipcs -m, -s, -q, ipcrm -m ID, ipcrm -s ID, and
 * with them what those commands do not see: shared memory and semaphores with names, and the kernel's
 * queues.
 *
 * By hand:
 *   ./002_ipcs list             lists everything, as ipcs does
 *   ./002_ipcs list -m          segments only (-s semaphores, -q queues, of every kind)
 *   ./002_ipcs remove -m ID     removes a System V segment, as ipcrm does (-s a set, -q a queue)
 *   ./002_ipcs remove NAME      removes shared memory with a name
 *   ./002_ipcs                  makes one object of each kind, finds it in the list, removes it
 */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check(int result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", ipc_last_error());
    exit(1);
  }
  return result;
}

static const char *kind_name(int kind) {
  switch (kind) {
    case IPC_KIND_SHM: return "shared memory";
    case IPC_KIND_SEM: return "semaphore";
    case IPC_KIND_MQ: return "mq";
    case IPC_KIND_OTHER: return "other";
    case IPC_KIND_POSIX_SEM: return "POSIX semaphore";
    case IPC_KIND_KERNEL_MQ: return "kernel queue";
    case IPC_KIND_SYSV_SHM: return "System V segment";
    case IPC_KIND_SYSV_MSG: return "System V queue";
    case IPC_KIND_SYSV_SEM: return "System V set";
    default: return "?";
  }
}

static int kinds_of(const char *option) {
  if (option == NULL) return IPC_KIND_ALL;
  if (strcmp(option, "-m") == 0) return IPC_KIND_SHM | IPC_KIND_SYSV_SHM;
  if (strcmp(option, "-s") == 0) return IPC_KIND_SEM | IPC_KIND_POSIX_SEM | IPC_KIND_SYSV_SEM;
  if (strcmp(option, "-q") == 0) return IPC_KIND_KERNEL_MQ | IPC_KIND_SYSV_MSG;
  fprintf(stderr, "usage: 002_ipcs [list [-m|-s|-q] | remove -m|-s|-q ID | remove NAME]\n");
  exit(2);
}

static void list(int kinds) {
  ipc_list_t *objects;
  check(ipc_list(&objects, kinds));
  ipc_object_t object;
  printf("%-18s %-24s %6s %5s %10s  used by\n", "kind", "id or name", "owner", "mode", "size");
  while (check(ipc_list_next(objects, &object)) == 1) {
    char id[16];
    snprintf(id, sizeof id, "%d", object.id);
    printf("%-18s %-24s %6u %05o %10llu ", kind_name(object.kind), object.name[0] ? object.name : id,
           (unsigned)object.owner, (unsigned)object.mode, (unsigned long long)object.size);
    pid_t users[8];
    int count = check(ipc_list_users(objects, &object, users, 8));
    for (int i = 0; i < count && i < 8; i++) printf(" %d", (int)users[i]);
    printf(count > 8 ? " ...\n" : "\n");
  }
  if (check(ipc_list_unlisted(objects)) != 0)
    printf("(the kernel's queues can't be seen: no file system of type mqueue is mounted)\n");
  check(ipc_list_close(objects));
}

static int is_listed(int kind, int id, const char *name) {
  ipc_list_t *objects;
  check(ipc_list(&objects, kind));
  ipc_object_t object;
  int found = 0;
  while (check(ipc_list_next(objects, &object)) == 1)
    found |= name != NULL ? strcmp(object.name, name) == 0 : object.id == id;
  check(ipc_list_close(objects));
  return found;
}

static void show(int kind, int id, const char *name) {
  printf("%s: listed %d, ", kind_name(kind), is_listed(kind, id, name));
  check(ipc_remove(kind, name, id));
  printf("removed, listed %d\n", is_listed(kind, id, name));
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "list") == 0) {
    list(kinds_of(argc > 2 ? argv[2] : NULL));
    return 0;
  }
  if (argc == 3 && strcmp(argv[1], "remove") == 0 && argv[2][0] == '/') {
    check(ipc_remove(IPC_KIND_SHM, argv[2], -1));
    return 0;
  }
  if (argc == 4 && strcmp(argv[1], "remove") == 0) {
    int system_v = IPC_KIND_SYSV_SHM | IPC_KIND_SYSV_MSG | IPC_KIND_SYSV_SEM;
    check(ipc_remove(kinds_of(argv[2]) & system_v, NULL, atoi(argv[3])));
    return 0;
  }
  if (argc > 1) kinds_of("");

  ipc_sysv_shm_t *shm;
  check(ipc_sysv_shm_open(&shm, IPC_SYSV_PRIVATE, 100, IPC_CREATE, 0600));
  int id = ipc_sysv_shm_id(shm);
  check(ipc_sysv_shm_close(shm)); /* detaching does not delete the segment, so it is still listed */
  show(IPC_KIND_SYSV_SHM, id, NULL);
  ipc_sysv_msg_t *queue;
  check(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600));
  show(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue), NULL);
  ipc_sysv_sem_t *set;
  check(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600));
  show(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set), NULL);
  char name[64];
  snprintf(name, sizeof name, "/ripc-test-%d-ipcs", (int)getpid());
  ipc_shm_t *named;
  check(ipc_shm_open(&named, name, 100, IPC_CREATE, 0600));
  show(IPC_KIND_SHM, -1, name);
  check(ipc_sysv_msg_close(queue));
  check(ipc_sysv_sem_close(set));
  check(ipc_shm_close(named));
  return 0;
}
