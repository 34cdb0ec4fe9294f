/* A program that uses <mqueue.h> has the same queue under the same name. Messages go both ways, either side may create
 * the queue, and each side wakes the other. */
#include "mq.h"

#define ROUNDS 50

static const char *name, *answers;

/* Answers each message with plain mqueue.h calls. */
static void plain_program(void *unused) {
  (void)unused;
  mqd_t in = mq_open(name, O_RDONLY), out = mq_open(answers, O_WRONLY);
  CHECK(in != (mqd_t)-1 && out != (mqd_t)-1);
  for (int round = 0; round < ROUNDS; round++) {
    char buffer[SIZE];
    unsigned priority;
    ssize_t length = mq_receive(in, buffer, sizeof buffer, &priority);
    CHECK_EQUAL(length, sizeof round);
    wait_until_inside(getppid(), WAIT_CALL);
    CHECK_EQUAL(mq_send(out, buffer, (size_t)length, priority + 1), 0);
  }
}

int main(void) {
  name = mq_name("interop");
  answers = mq_name("answers");
  ipc_mq_t *mq = make_mq(name, 2, 0);
  char buffer[SIZE];
  unsigned priority;

  /* Each side receives the messages of the other. */
  mqd_t plain = mq_open(name, O_RDWR);
  CHECK(plain != (mqd_t)-1);
  CHECK_EQUAL(ipc_mq_send(mq, "to plain", 8, 3, 0), 0);
  CHECK_EQUAL(mq_receive(plain, buffer, sizeof buffer, &priority), 8);
  CHECK(memcmp(buffer, "to plain", 8) == 0 && priority == 3);
  CHECK_EQUAL(mq_send(plain, "from plain", 10, 4), 0);
  CHECK_EQUAL(ipc_mq_receive(mq, buffer, sizeof buffer, &priority, 0), 10);
  CHECK(memcmp(buffer, "from plain", 10) == 0 && priority == 4);
  struct mq_attr attr;
  CHECK_EQUAL(mq_getattr(plain, &attr), 0);
  CHECK_EQUAL(attr.mq_maxmsg, 2);
  CHECK_EQUAL(attr.mq_msgsize, SIZE);
  mq_close(plain);

  /* A queue that a plain program created. */
  struct mq_attr wanted = { .mq_maxmsg = 3, .mq_msgsize = SIZE };
  plain = mq_open(answers, O_CREAT | O_EXCL | O_WRONLY, 0600, &wanted);
  if (plain == (mqd_t)-1 && errno == EMFILE) SKIP("other programs use up RLIMIT_MSGQUEUE");
  CHECK(plain != (mqd_t)-1);
  CHECK_EQUAL(mq_send(plain, "x", 1, 0), 0);
  mq_close(plain);
  ipc_mq_t *in = join_mq(answers, IPC_READ_ONLY);
  ipc_mq_attr_t found;
  CHECK_EQUAL(ipc_mq_getattr(in, &found), 0);
  CHECK_EQUAL(found.max_messages, 3);
  CHECK_EQUAL(ipc_mq_receive(in, buffer, sizeof buffer, NULL, 0), 1);

  /* The library's send wakes a plain receiver, and a plain send wakes a receiver that uses the library. */
  pid_t child = start(plain_program, NULL);
  for (int round = 0; round < ROUNDS; round++) {
    wait_until_inside(child, SYS_mq_timedreceive);
    CHECK_EQUAL(ipc_mq_send(mq, &round, sizeof round, 1, 0), 0);
    CHECK_EQUAL(ipc_mq_receive(in, buffer, sizeof buffer, &priority, PATIENCE), sizeof round);
    CHECK(memcmp(buffer, &round, sizeof round) == 0 && priority == 2);
  }
  FINISH(child);
  CHECK_EQUAL(ipc_mq_close(in), 0);
  CHECK_EQUAL(ipc_mq_close(mq), 0);
  return 0;
}
