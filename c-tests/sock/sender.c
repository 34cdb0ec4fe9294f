/* A datagram's receiver learns who sent it, process, user and name, and answers. A sender without a name has none. Both calls
 * keep their deadline, and refuse what is no datagram socket. */
#include "sock.h"

static const char *path;
static char text[32];

static void client(void *unused) {
  (void)unused;
  int fd = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, IPC_SOCK_NAMED, 0);
  CHECK(fd >= 0);
  CHECK_EQUAL(ipc_sock_send(fd, "question", 8, 0), 8);
  CHECK_EQUAL(ipc_sock_recv(fd, text, sizeof text, PATIENCE), 6);
  CHECK(memcmp(text, "answer", 6) == 0);
  close(fd);
}

static void on_signal(int number) { (void)number; }

static void is_interrupted(void *fd) {
  struct sigaction action = {.sa_handler = on_signal};
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  ipc_sender_t sender;
  CHECK_EQUAL(ipc_sock_recv_from(*(int *)fd, text, sizeof text, &sender, PATIENCE), -EINTR);
}

static void wrong_values(int server) {
  ipc_sender_t sender = {.pid = -7};
  int pair[2];
  CHECK_EQUAL(ipc_sock_recv_from(server, NULL, 1, &sender, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 0, &sender, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 1, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 1, (ipc_sender_t *)((char *)&sender + 1), 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 1, &sender, -2), -EINVAL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 1, &sender, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 1, &sender, MILLISECOND), -ETIMEDOUT);
  CHECK_EQUAL(ipc_sock_recv_from(-1, text, 1, &sender, 0), -EBADF);
  CHECK_EQUAL(ipc_sock_send_to(server, NULL, 1, path, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_to(server, "x", 1, NULL, 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_to(server, "x", 1, "", 0), -EINVAL);
  CHECK_EQUAL(ipc_sock_send_to(server, "x", 1, path, -2), -EINVAL);
  CHECK_FAILS(ipc_sock_send_to(server, "x", 1, "/nowhere/socket", 0), -ENOENT, "/nowhere/socket");
  CHECK_EQUAL(ipc_sock_send_to(-1, "x", 1, path, 0), -EBADF);
  CHECK_EQUAL(ipc_sock_pair(&pair[0], &pair[1], IPC_SOCK_STREAM, 0), 0);
  CHECK_FAILS(ipc_sock_recv_from(pair[0], text, 1, &sender, 0), -EPROTOTYPE, "datagram");
  CHECK_EQUAL(ipc_sock_send_to(pair[0], "x", 1, path, 0), -EPROTOTYPE);
  close(pair[0]);
  close(pair[1]);
  CHECK_EQUAL(pipe(pair), 0);
  CHECK_EQUAL(ipc_sock_recv_from(pair[0], text, 1, &sender, 0), -ENOTSOCK);
  close(pair[0]);
  close(pair[1]);
  CHECK_EQUAL(ipc_sock_connect(path, IPC_SOCK_STREAM, IPC_SOCK_NAMED, 0), -EINVAL);
  CHECK_EQUAL(sender.pid, -7);
}

int main(void) {
  path = unique_path("sender");
  int before = open_descriptors();
  int server = ipc_sock_listen(path, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK(server >= 0);
  wrong_values(server);

  /* Question and answer. */
  ipc_sender_t sender;
  pid_t child = start(client, NULL);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, sizeof text, &sender, PATIENCE), 8);
  CHECK(memcmp(text, "question", 8) == 0);
  CHECK_EQUAL(sender.pid, child);
  CHECK(sender.uid == geteuid() && sender.gid == getegid());
  CHECK(sender.name[0] == '@' && strlen(sender.name) > 1);
  CHECK_EQUAL(ipc_sock_send_to(server, "answer", 6, sender.name, PATIENCE), 6);
  FINISH(child);
  CHECK_EQUAL(ipc_sock_send_to(server, "answer", 6, sender.name, 0), -ECONNREFUSED);

  /* A sender without a name, whose message carries a descriptor; an empty message; one that is too large. */
  int fd = ipc_sock_connect(path, IPC_SOCK_DATAGRAM, 0, 0);
  CHECK_EQUAL(ipc_sock_send_fds(fd, "a", 1, &fd, 1, 0), 1);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, sizeof text, &sender, 0), 1);
  CHECK(sender.pid == getpid() && sender.name[0] == 0);
  CHECK_EQUAL(open_descriptors(), before + 2);
  CHECK_EQUAL(ipc_sock_send(fd, "", 0, 0), 0);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, sizeof text, &sender, 0), 0);
  CHECK_EQUAL(ipc_sock_send(fd, "too large", 9, 0), 9);
  CHECK_FAILS(ipc_sock_recv_from(server, text, 8, &sender, 0), -EMSGSIZE, "9 bytes");
  CHECK_EQUAL(ipc_sock_recv_from(server, text, 9, &sender, 0), 9);

  /* A sender with a path, a full receiver, and a handler. */
  const char *other = unique_path("other");
  int second = ipc_sock_listen(other, IPC_SOCK_DATAGRAM, 0, 0600);
  CHECK_EQUAL(ipc_sock_send_to(second, "b", 1, path, 0), 1);
  CHECK_EQUAL(ipc_sock_recv_from(server, text, sizeof text, &sender, 0), 1);
  CHECK(strcmp(sender.name, other) == 0);
  child = start(is_interrupted, &second);
  wait_until_asleep(child);
  int status;
  while (waitpid(child, &status, WNOHANG) == 0) kill(child, SIGUSR1), sched_yield();
  CHECK_EQUAL(status, 0);
  while (ipc_sock_send_to(server, "full", 4, other, 0) == 4) continue;
  CHECK_EQUAL(ipc_sock_send_to(server, "full", 4, other, 0), -EAGAIN);
  CHECK_EQUAL(ipc_sock_send_to(server, "full", 4, other, 20 * MILLISECOND), -ETIMEDOUT);
  close(second);
  close(fd);
  close(server);
  CHECK_EQUAL(open_descriptors(), before);
  return 0;
}
