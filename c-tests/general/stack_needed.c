/* How much stack each call takes below its caller: as much as the table in robustipc(7) says, which this program writes.
 *
 *   stack_needed            compares with man/robustipc.7
 *   stack_needed --table    prints the table ("make stack-table" puts it into the page)
 *   stack_needed --calls    prints the bytes of each call
 *
 * The stack below the caller is painted with a pattern, the call is made, and what is no longer painted was used. Each call
 * is made once before, so that the dynamic linker's work is not counted.
 */
#include "every_call.h"

#include <pthread.h>

/* Failing takes more, because texts are written. */
CALL_IN_STATE(ipc_last_error, after_failure, (void)ipc_shm_open(&with.shm, "no slash", 1, 0, 0), ipc_last_error() != NULL, )
CALL_IN_STATE(ipc_mutex_lock, failing, , ipc_mutex_lock(&placed.mutex, 0), )
CALL_IN_STATE(ipc_sem_post, failing, , ipc_sem_post(&placed.sem), )
CALL_IN_STATE(ipc_mq_send, failing, MQ, ipc_mq_send(with.mq, with.buffer, sizeof with.buffer, 0, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_mq_send_many, failing, MQ, ipc_mq_send_many(with.mq, NULL, 1, 0), CLOSE_MQ)
CALL_IN_STATE(ipc_shm_open, failing, , ipc_shm_open(&with.shm, with.name, 1, 0, 0), )
CALL_IN_STATE(ipc_mq_open, failing, CREATE_SHM, ipc_mq_open(&with.mq, with.name, NULL, 0, 0), CLOSE_SHM; UNLINK_SHM)
CALL_IN_STATE(ipc_sock_recv, failing, , ipc_sock_recv(-1, with.buffer, 1, 0), )
CALL_IN_STATE(ipc_read_full, failing, , ipc_read_full(-1, with.buffer, 1, 0), )
CALL_IN_STATE(ipc_spawn, failing, , ipc_spawn(&with.child, (const char *const[]){ "/nowhere", NULL }, 0), )
CALL_IN_STATE(ipc_sysv_msg_open_id, failing, , ipc_sysv_msg_open_id(&with.sysv_msg, -1, 0), )
CALL_IN_STATE(ipc_list, with_objects, CREATE_SHM; SYSV_SHM, ipc_list(&with.list, IPC_KIND_ALL),
     if (result >= 0) CLOSE_LIST; END_SYSV_SHM; CLOSE_SHM; UNLINK_SHM)

enum { STACK = 512 * 1024, PAINTED = 256 * 1024, PATTERN = 0xA7, SLACK = 2048 };

/* The rows of the table. The first prefix that a call has decides. */
static struct Family {
  const char *text;
  const char *prefixes[12];
  size_t needed;
} families[] = {
  { "locks and other placed types", { "ipc_mutex_", "ipc_rwlock_", "ipc_cond_", "ipc_permits_", "ipc_barrier_", "ipc_event_",
                                      "ipc_once" }, 0 },
  { "semaphores in use", { "ipc_sem_init", "ipc_sem_wait", "ipc_sem_post", "ipc_sem_value", "ipc_sem_destroy" }, 0 },
  { "opening, closing and removing message queues", { "ipc_mq_open", "ipc_mq_close", "ipc_mq_unlink", "ipc_mq_fd",
                                                      "ipc_mq_notify" }, 0 },
  { "several messages at once", { "ipc_mq_send_many", "ipc_mq_receive_many" }, 0 },
  { "other calls on message queues", { "ipc_mq_" }, 0 },
  { "shared memory and named semaphores: opening, closing, removing", { "ipc_shm_", "ipc_sem_" }, 0 },
  { "topics, cells and services: opening, closing, removing", { "ipc_topic_open", "ipc_topic_close", "ipc_topic_unlink",
                                                              "ipc_cell_open", "ipc_cell_close", "ipc_cell_unlink",
                                                              "ipc_service_open", "ipc_service_close", "ipc_service_unlink",
                                                              "ipc_client_open", "ipc_client_close" }, 0 },
  { "other calls on topics, cells and services", { "ipc_topic_", "ipc_cell_", "ipc_service_", "ipc_client_" }, 0 },
  { "waitsets", { "ipc_waitset_" }, 0 },
  { "pipes and FIFOs", { "ipc_pipe", "ipc_read_full", "ipc_write_full", "ipc_last_transferred", "ipc_fifo_", "ipc_read_line",
                          "ipc_line_" }, 0 },
  { "passing descriptors", { "ipc_sock_send_fds", "ipc_sock_recv_fds" }, 0 },
  { "other calls on sockets", { "ipc_sock_" }, 0 },
  { "children and pseudoterminals", { "ipc_spawn", "ipc_child_", "ipc_pty_" }, 0 },
  { "System V messages", { "ipc_sysv_msg_" }, 0 },
  { "other System V objects", { "ipc_sysv_" }, 0 },
  { "listing and removing objects of any kind", { "ipc_list", "ipc_remove" }, 0 },
  { "texts, deadlines and the owner of new objects", { "ipc_strerror", "ipc_last_error", "ipc_version", "ipc_deadline",
                                                       "ipc_new_owner" }, 0 },
};
enum { FAMILIES = sizeof families / sizeof families[0] };

static size_t *needed; /* shared with the child that measures */

__attribute__((noinline)) static void paint(unsigned char *bottom, unsigned char *top) {
  for (volatile unsigned char *byte = bottom; byte < top; byte++) *byte = PATTERN;
}

static void *measure_in_thread(void *argument) {
  const Call *call = argument;
  call_warm_up(call);
  call->before();
  unsigned char *here = __builtin_frame_address(0);
  unsigned char *bottom = here - PAINTED;
  paint(bottom, here - 512);
  long result = call->run();
  unsigned char *used = bottom;
  while (used < here && *used == PATTERN) used++;
  *needed = (size_t)(here - used);
  call->after(result);
  return NULL;
}

static void measure_in_child(void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK_EQUAL(pthread_attr_init(&attributes), 0);
  CHECK_EQUAL(pthread_attr_setstacksize(&attributes, STACK), 0);
  CHECK_EQUAL(pthread_create(&thread, &attributes, measure_in_thread, argument), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

static struct Family *family_of(const char *name) {
  for (size_t i = 0; i < FAMILIES; i++)
    for (const char **prefix = families[i].prefixes; *prefix != NULL; prefix++)
      if (strncmp(name, *prefix, strlen(*prefix)) == 0) return &families[i];
  test_failed(__FILE__, __LINE__, "%s belongs to no row of the table", name);
  return NULL;
}

/* In whole KiB, as the page has it, with room for what differs between two builds. */
static size_t kilobytes(size_t bytes) { return (bytes + bytes / 8 + 1023) / 1024; }

static int by_need(const void *a, const void *b) {
  const struct Family *first = a, *second = b;
  return (int)kilobytes(first->needed) - (int)kilobytes(second->needed);
}

static void print_table(void) {
  qsort(families, FAMILIES, sizeof families[0], by_need);
  printf(".Bl -tag -width \"18 KiB\" -compact\n");
  for (size_t i = 0; i < FAMILIES; i++) printf(".It %zu KiB\n%s\n", kilobytes(families[i].needed), families[i].text);
  printf(".El\n");
}

/* Each row of the page is enough, and not by far too much. */
static void compare(const char *path) {
  FILE *page = fopen(path, "r");
  if (page == NULL) SKIP("man/robustipc.7 is not here");
  char row[128], text[128];
  size_t rows = 0;
  while (fgets(row, sizeof row, page) != NULL) {
    unsigned long given;
    if (sscanf(row, ".It %lu KiB", &given) != 1 || fgets(text, sizeof text, page) == NULL) continue;
    text[strcspn(text, "\n")] = 0;
    for (size_t i = 0; i < FAMILIES; i++) {
      if (strcmp(families[i].text, text) != 0) continue;
      rows++;
      if (families[i].needed > given * 1024 || given * 1024 > 2 * families[i].needed + SLACK)
        test_failed(__FILE__, __LINE__, "%s: %zu bytes are needed, the page says %lu KiB: make stack-table", text,
                    families[i].needed, given);
    }
  }
  fclose(page);
  CHECK_EQUAL(rows, FAMILIES);
}

int main(int argc, char **argv) {
#ifndef __x86_64__
  SKIP("the table was measured on x86-64");
#endif
  SKIP_UNDER_VALGRIND("it moves the stack");
  SKIP_UNDER_SANITIZERS("they need more stack");
  int prints_calls = argc > 1 && strcmp(argv[1], "--calls") == 0;
  needed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(needed != MAP_FAILED);
  for (int i = 0; i < call_count; i++) {
    const Call *call = &every_call[i];
    *needed = 0;
    call_prepare(call);
    FINISH(start(measure_in_child, (void *)call));
    call_clean();
    CHECK(*needed != 0);
    if (prints_calls) printf("%6zu %s\n", *needed, call->name);
    struct Family *family = family_of(call->name);
    if (family->needed < *needed) family->needed = *needed;
  }
  if (prints_calls) return 0;
  if (argc > 1 && strcmp(argv[1], "--table") == 0) print_table();
  else compare("man/robustipc.7");
  return 0;
}
