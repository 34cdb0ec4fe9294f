// Ports "Passing File Descriptors" of document 002: send_fd() and recv_fd(), shown with a file
// that one process opens and another reads.
//
// Run by hand: ./002_pass_fd
//
// The originals build and take apart a control message and check nothing; recv_fd() reads a
// descriptor even if none came. Here each function is one call, the descriptor arrives close-on-exec, and
// a failure leaks no descriptor.
#include <cstdio>
#include <cstdlib>
#include <robustipc.h>
#include <sys/wait.h>
#include <unistd.h>

// Ends the program when a call has failed.
static void check(ssize_t result) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s\n", ipc_last_error());
  std::exit(1);
}

static void send_fd(int sock, int fd) {
  char byte = 0;
  check(ipc_sock_send_fds(sock, &byte, 1, &fd, 1, IPC_FOREVER));
}

static int recv_fd(int sock) {
  char byte;
  int fd;
  size_t count;
  check(ipc_sock_recv_fds(sock, &byte, 1, &fd, 1, &count, IPC_FOREVER));
  if (count == 1) return fd;
  std::fprintf(stderr, "no descriptor came\n");
  std::exit(1);
}

int main() {
  int first, second;
  check(ipc_sock_pair(&first, &second, IPC_SOCK_STREAM, 0));

  pid_t child = fork();
  if (child < 0) {
    std::perror("fork");
    return 1;
  }
  if (child == 0) {
    // The worker: has not opened the file, and could not.
    close(first);
    std::FILE *file = fdopen(recv_fd(second), "r");
    char line[100];
    if (file == nullptr || std::fgets(line, sizeof(line), file) == nullptr) return 1;
    std::printf("Worker read from the passed descriptor: %s", line);
    std::fclose(file);
    return 0;
  }
  close(second);
  std::FILE *file = std::tmpfile();
  if (file == nullptr || std::fputs("Hello from the opened file!\n", file) < 0) return 1;
  std::rewind(file);
  send_fd(first, fileno(file));
  std::fclose(file); // the worker's descriptor is its own
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
