/* Memory for a process that is not trusted. The size is sealed, so the other process cannot cause a SIGBUS here, and after
 * ipc_shm_seal_writing() it can only read. The descriptor travels over a socket. */
#include <robustipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
  char text[64];
} Picture;
static const ipc_type_t picture_type = IPC_TYPE_FIELDS(Picture, 1, text);

static void check(long result) {
  if (result >= 0) return;
  fprintf(stderr, "%s\n", ipc_last_error());
  exit(1);
}

static void show(int socket) {
  char byte;
  int fd;
  size_t count;
  check(ipc_sock_recv_fds(socket, &byte, 1, &fd, 1, &count, IPC_FOREVER));
  ipc_shm_t *shm;
  check(ipc_shm_from_fd(&shm, fd, &picture_type, IPC_READ_ONLY));
  close(fd);
  printf("the other process reads: %s\n", ((const Picture *)ipc_shm_data(shm))->text);
  check(ipc_shm_close(shm));
}

int main(void) {
  int here, there;
  check(ipc_sock_pair(&here, &there, IPC_SOCK_SEQPACKET, 0));
  ipc_shm_t *shm;
  check(ipc_shm_sealed(&shm, &picture_type));
  strcpy(((Picture *)ipc_shm_data(shm))->text, "a picture");
  check(ipc_shm_seal_writing(shm));

  pid_t child = fork();
  if (child == 0) {
    close(here);
    show(there);
    fflush(stdout);
    _exit(0);
  }
  close(there);
  int fd = ipc_shm_fd(shm);
  check(ipc_sock_send_fds(here, "x", 1, &fd, 1, IPC_FOREVER));
  int status;
  waitpid(child, &status, 0);
  close(here);
  check(ipc_shm_close(shm));
  return status != 0;
}
