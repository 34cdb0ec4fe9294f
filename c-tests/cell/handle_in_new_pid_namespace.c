/* A child that is forked into a new PID namespace has its parent's handle of a cell, but its thread id means another thread
 * there. Writing is refused, as the calls on locks are, and changes nothing. Reading uses no ids. */
#include "namespace.h"

static const ipc_type_t type = IPC_TYPE(long, 1);
static ipc_cell_t *cell;

static int add(void *value, void *context) {
  (void)context;
  ++*(long *)value;
  return 0;
}

static void in_new_namespace(void *name) {
  long value = 2;
  ipc_sample_t info;
  ipc_cell_t *another;
  CHECK_FAILS(ipc_cell_write(cell, &value), -EPROTO, "PID namespace");
  CHECK_FAILS(ipc_cell_update(cell, add, NULL), -EPROTO, "PID namespace");
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(value, 1);
  CHECK_FAILS(ipc_cell_open(&another, name, &type, 0, 0), -EPROTO, "PID namespace");
  CHECK_EQUAL(ipc_cell_close(cell), 0);
}

/* In a process whose children get a PID namespace of their own. */
static void parent(void *name) {
  long value = 1;
  if (enter_namespaces(CLONE_NEWPID) != 0) _exit(77);
  CHECK_EQUAL(ipc_cell_open(&cell, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
  FINISH(start(in_new_namespace, name));
  CHECK_EQUAL(ipc_cell_update(cell, add, NULL), 0);
  CHECK_EQUAL(ipc_cell_read(cell, &value, NULL), 0);
  CHECK_EQUAL(value, 2);
  CHECK_EQUAL(ipc_cell_close(cell), 0);
}

int main(void) {
  const char *name = unique_name("cell");
  int status = wait_for(start(parent, (void *)(uintptr_t)name));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("PID namespaces are not permitted");
  CHECK_EQUAL(status, 0);
  CHECK_EQUAL(ipc_cell_unlink(name), 0);
  return 0;
}
