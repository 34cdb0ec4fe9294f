// Children, pipes and sockets as owning objects.
#include "test.h"

#include <robustipc.hpp>

int main() {
  const char *const argv[] = {"cat", nullptr};
  auto child = ipc::child::spawn(argv, IPC_STDIN_PIPE | IPC_STDOUT_PIPE);
  CHECK(child.has_value());
  CHECK(ipc_write_full(*child->input(), "hello", 5, PATIENCE) == 5);
  CHECK(child->close_input().has_value());
  char text[16];
  CHECK(ipc_read_full(*child->output(), text, sizeof text, PATIENCE) == 5);
  auto end = child->wait(std::chrono::seconds(100));
  CHECK(end && end->code == 0 && end->signal == 0);

  auto sockets = ipc::socket::pair();
  CHECK(sockets.has_value());
  auto ends = ipc::pipe();
  CHECK(ends.has_value());
  const int passed[] = {ends->write.fd()};
  CHECK(sockets->first.send_fds("x", 1, ipc::span<const int>(passed)).has_value());
  int received[1] = {-1};
  std::size_t count = 0;
  char byte;
  CHECK(sockets->second.receive_fds(&byte, 1, ipc::span<int>(received), count).has_value());
  CHECK(count == 1);
  ipc::descriptor write_end(received[0]);
  CHECK(write_end.write_full("abc", 3).has_value());
  CHECK(*ends->read.read_full(text, 3) == 3 && memcmp(text, "abc", 3) == 0);
  CHECK(sockets->first.peer()->pid == getpid());
  auto missing = ipc::socket::connect("/nonexistent/socket");
  CHECK(!missing && missing.error().code() == ENOENT);
}
