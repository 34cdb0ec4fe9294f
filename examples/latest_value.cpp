// The latest position. Readers never wait for a writer, and a reader can ask for a newer value than it has.
#include <robustipc.hpp>

#include <cstdio>
#include <sys/wait.h>

namespace robot {
struct Pose {
  double x, y, heading;
};
}  // namespace robot
// A C program shares the cell with: IPC_TYPE_FIELDS(Pose, 1, x, y, heading)
IPC_DESCRIBE_AS("Pose", robot::Pose, 1, x, y, heading)

using Poses = ipc::cell<robot::Pose>;

static int drive() {
  auto pose = Poses::open("/example-pose");
  if (!pose) return 1;
  for (int step = 1; step <= 10; step++)
    if (!pose->write({step * 0.1, 0, 0})) return 1;
  return 0;
}

int main() {
  auto pose = Poses::open("/example-pose", ipc::create);
  if (!pose) {
    std::fprintf(stderr, "%s\n", pose.error().text());
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) _exit(drive());

  // Each newer value, until the robot has arrived. Values in between may be overwritten: only the latest counts.
  ipc_sample_t info{};
  double x = 0;
  while (x < 0.95) {
    auto newer = pose->wait(info.number, ipc::forever, &info);
    if (!newer) return 1;
    x = newer->x;
  }
  std::printf("arrived at %.1f\n", x);
  int status;
  waitpid(child, &status, 0);
  return !Poses::unlink("/example-pose") || status != 0;
}
