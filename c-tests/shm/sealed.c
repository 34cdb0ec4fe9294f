/* Sealed memory goes to a peer that is not trusted, as a descriptor over a socket. The peer can spoil the data, but
 * cannot truncate or extend the memory. Sealed against writing, the memory is read-only for the peer. */
#include "test.h"
#include <fcntl.h>
#include <sys/socket.h>

typedef struct {
  int number;
  char text[9000];
} Data;

static const ipc_type_t type = IPC_TYPE_FIELDS(Data, 1, number, text);
static const ipc_type_t other_type = IPC_TYPE_FIELDS(Data, 2, number, text);

static int ends[2];

static void pass_on(int fd) {
  char byte = 0, control[CMSG_SPACE(sizeof fd)] = { 0 };
  struct iovec data = { &byte, 1 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  CHECK_EQUAL(sendmsg(ends[0], &message, 0), 1);
}

static int receive(void) {
  int fd;
  char byte, control[CMSG_SPACE(sizeof fd)];
  struct iovec data = { &byte, 1 };
  struct msghdr message = {
    .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  CHECK_EQUAL(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC), 1);
  CHECK(CMSG_FIRSTHDR(&message) != NULL);
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

static void peer(void *argument) {
  (void)argument;
  ipc_shm_t *shm = NULL;
  int fd = receive();
  CHECK_FAILS(ipc_shm_from_fd(&shm, fd, &other_type, 0), -EPROTO, "found Data version 1");
  CHECK(shm == NULL);
  CHECK_EQUAL(ipc_shm_from_fd(&shm, fd, &type, 0), 0);
  CHECK_EQUAL(ipc_shm_size(shm), sizeof(Data));
  CHECK_EQUAL(((Data *)ipc_shm_data(shm))->number, 1);
  ((Data *)ipc_shm_data(shm))->number = 2;

  /* The hostile peer. */
  CHECK_EQUAL(ftruncate(fd, 0) == -1 ? errno : 0, EPERM);
  CHECK_EQUAL(ftruncate(fd, 1 << 20) == -1 ? errno : 0, EPERM);
  CHECK_EQUAL(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20), 0);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
  /* The peer has wiped the record too. The next open notices the damage, and it harms nobody. */
  shm = NULL;
  CHECK_FAILS(ipc_shm_from_fd(&shm, fd, &type, 0), -EPROTO, "without a robustipc record");
  CHECK(shm == NULL);
  close(fd);
}

static void reader(void *argument) {
  (void)argument;
  ipc_shm_t *shm = NULL;
  int fd = receive();
  CHECK_FAILS(ipc_shm_from_fd(&shm, fd, &type, 0), -EPERM, "IPC_READ_ONLY");
  CHECK(shm == NULL);
  CHECK_EQUAL(ipc_shm_from_fd(&shm, fd, &type, IPC_READ_ONLY), 0);
  CHECK_EQUAL(((Data *)ipc_shm_data(shm))->number, 3);
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  CHECK(mprotect(ipc_shm_data(shm), 4096, PROT_READ | PROT_WRITE) != 0);
  CHECK_EQUAL(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
  CHECK_EQUAL(pwrite(fd, "x", 1, 0), -1);
  CHECK_EQUAL(ipc_shm_close(shm), 0);
}

int main(void) {
  ipc_shm_t *shm, *none = NULL;
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(ipc_shm_sealed(&shm, &type), 0);
  CHECK_EQUAL(fcntl(ipc_shm_fd(shm), F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(ipc_shm_stale(shm), 0); /* it never had a name */
  Data *data = ipc_shm_data(shm);
  CHECK_EQUAL(data->number, 0);
  data->number = 1;
  pid_t child = start(peer, NULL);
  pass_on(ipc_shm_fd(shm));
  FINISH(child);
  /* Whatever the peer did, this process can use the memory. */
  memset(data, 0, sizeof *data);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  CHECK_EQUAL(ipc_shm_sealed(&shm, &type), 0);
  data = ipc_shm_data(shm);
  CHECK_EQUAL(ipc_shm_seal_writing(shm), 0);
  CHECK_FAILS(ipc_shm_seal_writing(shm), -EPERM, "sealed");
  data->number = 3;
  child = start(reader, NULL);
  pass_on(ipc_shm_fd(shm));
  FINISH(child);
  CHECK_EQUAL(ipc_shm_close(shm), 0);

  /* Memory that is not sealed is refused, unless IPC_UNSEALED says that its creator is trusted. */
  ipc_shm_t *named, *trusted;
  const char *name = unique_name("unsealed");
  CHECK_EQUAL(ipc_shm_open_typed(&named, name, &type, IPC_CREATE, 0600), IPC_CREATED);
  CHECK_FAILS(ipc_shm_from_fd(&none, ipc_shm_fd(named), &type, 0), -EPERM, "IPC_UNSEALED");
  CHECK_EQUAL(ipc_shm_from_fd(&trusted, ipc_shm_fd(named), &type, IPC_UNSEALED), 0);
  CHECK_EQUAL(ipc_shm_close(trusted), 0);
  CHECK(ipc_shm_seal_writing(named) < 0);
  CHECK_EQUAL(ipc_shm_close(named), 0);

  int half = memfd_create("half", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  CHECK_EQUAL(ftruncate(half, 16384), 0);
  CHECK_EQUAL(fcntl(half, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  CHECK_FAILS(ipc_shm_from_fd(&none, half, &type, 0), -EPERM, "not sealed");
  CHECK_EQUAL(fcntl(half, F_ADD_SEALS, F_SEAL_GROW), 0);
  CHECK_FAILS(ipc_shm_from_fd(&none, half, &type, 0), -EPROTO, "without a robustipc record");
  close(half);

  int read_only = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ends_of_pipe[2];
  CHECK_FAILS(ipc_shm_from_fd(&none, read_only, &type, IPC_UNSEALED), -EACCES, "IPC_READ_ONLY");
  CHECK_EQUAL(
    ipc_shm_from_fd(&none, read_only, &type, IPC_UNSEALED | IPC_READ_ONLY), -EPROTO);
  CHECK_EQUAL(pipe(ends_of_pipe), 0);
  CHECK_FAILS(ipc_shm_from_fd(&none, ends_of_pipe[0], &type, 0), -EMEDIUMTYPE, "not a regular");
  CHECK_FAILS(ipc_shm_from_fd(&none, ends[0], &type, 0), -EMEDIUMTYPE, "not a regular");
  static const int closed[] = { -1, INT32_MIN, INT32_MAX, 1000000 };
  for (int i = 0; i < 4; i++) CHECK_EQUAL(ipc_shm_from_fd(&none, closed[i], &type, 0), -EBADF);
  CHECK(none == NULL);
  return 0;
}
