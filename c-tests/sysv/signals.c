/* A signal handler ends every wait with -EINTR, even if it was installed with SA_RESTART. A storm of signals loses no
 * message and no permit. */
#include "storm.h"
#include "sysv.h"

static ipc_sysv_msg_t *queue;
static ipc_sysv_sem_t *set;
static volatile sig_atomic_t handled;

static void handler(int number) {
  (void)number;
  handled++;
}

static void waiter(void *which) {
  char text[8];
  ipc_sysv_sem_op_t take = {0, -1, 0};
  switch (*(int *)which) {
    case 0:
      CHECK_EQUAL(
        ipc_sysv_msg_receive(queue, NULL, text, 8, IPC_MSG_ANY, 0, IPC_FOREVER), -EINTR);
      break;
    case 1:
      CHECK_EQUAL(ipc_sysv_msg_receive(queue, NULL, text, 8, IPC_MSG_ANY, 0, PATIENCE), -EINTR);
      break;
    case 2: CHECK_EQUAL(ipc_sysv_sem_op(set, &take, 1, IPC_FOREVER), -EINTR); break;
    default: CHECK_EQUAL(ipc_sysv_sem_op(set, &take, 1, PATIENCE), -EINTR);
  }
  CHECK(handled > 0);
}

static int count;

static void producer(void *storm) {
  enter_storm(storm, SA_RESTART);
  char text[1000] = {0};
  ipc_sysv_sem_op_t give = {0, 1, 0};
  for (int i = 0; i < count; i++) {
    memcpy(text, &i, sizeof i);
    int result;
    while ((result = ipc_sysv_msg_send(queue, 1 + i % 3, text, sizeof text, i % 2 ? IPC_FOREVER : PATIENCE)) == -EINTR) {
    }
    CHECK_EQUAL(result, 0);
    while ((result = ipc_sysv_sem_op(set, &give, 1, PATIENCE)) == -EINTR) {
    }
    CHECK_EQUAL(result, 0);
    storm_step();
  }
  leave_storm();
}

int main(void) {
  count = is_under_valgrind() ? 200 : 2000;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  CHECK_EQUAL(ipc_sysv_msg_open(&queue, IPC_SYSV_PRIVATE, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_MSG, ipc_sysv_msg_id(queue));
  CHECK_EQUAL(ipc_sysv_sem_open(&set, IPC_SYSV_PRIVATE, 1, NULL, IPC_CREATE, 0600), IPC_CREATED);
  remember(IPC_KIND_SYSV_SEM, ipc_sysv_sem_id(set));
  long calls[] = {SYS_msgrcv, SYS_ppoll, SYS_semtimedop, SYS_semtimedop};
  for (int i = 0; i < 4; i++) {
    pid_t child = start(waiter, &i);
    wait_until_inside(child, calls[i]);
    CHECK_EQUAL(interrupt_until_ended(child, SIGALRM), 0);
  }

  pid_t storms[2];
  pid_t child = start(producer, start_storm(&storms[0], 8));
  enter_storm(start_storm(&storms[1], 8), SA_RESTART);
  char text[1000];
  ipc_sysv_sem_op_t take = {0, -1, 0};
  for (int i = 0; i < count; i++) {
    ssize_t length;
    while ((length = ipc_sysv_msg_receive(queue, NULL, text, sizeof text, IPC_MSG_ANY, 0, i % 2 ? PATIENCE : IPC_FOREVER)) == -EINTR) {
    }
    CHECK_EQUAL(length, sizeof text);
    int number;
    memcpy(&number, text, sizeof number);
    CHECK_EQUAL(number, i);
    int result;
    while ((result = ipc_sysv_sem_op(set, &take, 1, IPC_FOREVER)) == -EINTR) {
    }
    CHECK_EQUAL(result, 0);
    storm_step();
  }
  leave_storm();
  FINISH(child);
  for (int i = 0; i < 2; i++) FINISH(storms[i]);
  CHECK_EQUAL(ipc_sysv_sem_value(set, 0), 0);
  return 0;
}
