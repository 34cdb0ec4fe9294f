// Owners move, are empty after a move, and close what they own exactly once.
#include "test.h"

#include <robustipc.hpp>

#include <fcntl.h>

namespace shapes {
struct Point {
  int x;
  int y;
};
}  // namespace shapes
IPC_DESCRIBE_AS("Point", shapes::Point, 1, x, y)

using region = ipc::shm<shapes::Point>;
static_assert(std::is_nothrow_move_constructible_v<region> && std::is_nothrow_move_assignable_v<region>, "");
static_assert(!std::is_copy_constructible_v<region> && !std::is_copy_assignable_v<region>, "");
static_assert(std::is_nothrow_move_constructible_v<ipc::queue<int>> && !std::is_copy_constructible_v<ipc::queue<int>>, "");
static_assert(std::is_nothrow_move_constructible_v<ipc::child> && std::is_nothrow_move_constructible_v<ipc::socket>, "");

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static void regions(const char *name) {
  auto made = region::open(name, ipc::create);
  CHECK(made && made->created());
  region first = std::move(*made);
  CHECK(!*made && made->get() == nullptr);
  first->x = 3;
  region second = std::move(first);
  CHECK(!first && second && second->x == 3);
  CHECK(first.close().has_value()); // closing an empty owner does nothing
  CHECK(first.fd().error().code() == EINVAL || first.fd().error().code() == EBADF);

  auto again = region::open(name);
  CHECK(again && !again->created() && (*again)->x == 3);
  // The assignment closes the region that `second` had.
  ipc_shm_t *const closed = second.handle();
  second = std::move(*again);
  CHECK(ipc_shm_fd(closed) == -EBADF);
  ipc_shm_t *given = second.release();
  CHECK(!second && ipc_shm_close(given) == 0);
  CHECK(region::unlink(name).has_value());
  CHECK(region::open(name).error().code() == ENOENT);
  CHECK(strstr(region::open(name).error().text(), name) != nullptr);
}

static void c_shares_with_namespaces(const char *name) {
  struct Point {
    int x;
    int y;
  };
  static const ipc_type_t c_type = IPC_TYPE_FIELDS(Point, 1, x, y);
  ipc_shm_t *c_region = nullptr;
  CHECK_EQUAL(ipc_shm_open_typed(&c_region, name, &c_type, IPC_CREATE, 0600), IPC_CREATED);
  auto cpp_region = region::open(name);
  CHECK(cpp_region.has_value());
  static_cast<Point *>(ipc_shm_data(c_region))->y = 9;
  CHECK((*cpp_region)->y == 9);
  CHECK_EQUAL(ipc_shm_close(c_region), 0);
}

static void a_failed_init_creates_nothing(const char *name) {
  auto failed = region::open_init(name, ipc::description<shapes::Point>::type, [](shapes::Point &) { return -ERANGE; });
  CHECK(!failed && failed.error().code() == ERANGE);
  CHECK(region::open(name).error().code() == ENOENT);
  auto made = region::open_init(name, ipc::description<shapes::Point>::type, [](shapes::Point &point) {
    point.x = 5;
    return 0;
  });
  CHECK(made && (*made)->x == 5);
}

static void descriptors_close_once() {
  auto ends = ipc::pipe();
  CHECK(ends.has_value());
  const int read_fd = ends->read.fd();
  {
    ipc::descriptor moved = std::move(ends->read);
    CHECK(moved.fd() == read_fd && ends->read.fd() == -1);
    CHECK(is_open(read_fd));
  }
  CHECK(!is_open(read_fd));
  const int write_fd = ends->write.release();
  ends->write.reset();
  CHECK(is_open(write_fd));
  close(write_fd);
}

int main() {
  regions(unique_name("owners"));
  c_shares_with_namespaces(unique_name("shared"));
  a_failed_init_creates_nothing(unique_name("init"));
  descriptors_close_once();
}
