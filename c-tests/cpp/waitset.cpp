// A waitset of the C++ header reports each kind of object, moves without closing twice, and keeps the error of each failed
// call. So do the descriptors of the objects.
#include "test.h"

#include <robustipc.hpp>

#include <fcntl.h>
#include <poll.h>

using namespace std::chrono_literals;

struct Value {
  int number;
};
IPC_DESCRIBE_AS("Value", Value, 1, number)

struct Placed {
  ipc::event event;
  ipc::sem sem;
};
IPC_DESCRIBE_AS("Placed", Placed, 1, event, sem)

static_assert(std::is_nothrow_move_constructible_v<ipc::waitset> && std::is_nothrow_move_assignable_v<ipc::waitset>, "");
static_assert(!std::is_copy_constructible_v<ipc::waitset> && !std::is_copy_assignable_v<ipc::waitset>, "");

static bool is_readable(const ipc::result<int> &fd) {
  CHECK(fd.has_value() && *fd >= 3);
  struct pollfd entry = {};
  entry.fd = *fd;
  entry.events = POLLIN;
  CHECK(poll(&entry, 1, 0) >= 0);
  return (entry.revents & POLLIN) != 0;
}

// Waits for the one entry that is ready.
static void expect(const ipc::waitset &set, const void *tag, int what) {
  ipc_ready_t room[4];
  auto ready = set.wait(room, 100s);
  CHECK(ready.has_value());
  CHECK_EQUAL(ready->size(), 1);
  for (const ipc_ready_t &entry : *ready) {
    CHECK(entry.tag == tag);
    CHECK_EQUAL(entry.what, what);
  }
}

static void expect_nothing(const ipc::waitset &set) {
  ipc_ready_t room[4];
  CHECK_EQUAL(set.wait(room, ipc::no_wait).error().code(), EAGAIN);
}

static void queues(const ipc::waitset &set) {
  auto queue = ipc::queue<Value>::open(unique_name("queue"), 1, ipc::create);
  CHECK(queue.has_value());
  char room = 0;
  CHECK(set.add_message(*queue, &queue).has_value());
  CHECK(set.add_room(*queue, &room).has_value());
  expect(set, &room, IPC_WAIT_ROOM);
  CHECK(queue->send({1}).has_value());
  expect(set, &queue, IPC_WAIT_MESSAGE);
  CHECK(queue->receive(ipc::no_wait).has_value());
  CHECK(set.remove(&room).has_value());
  expect_nothing(set);
  ipc::queue<Value> moved = std::move(*queue);
  CHECK(moved.send({2}).has_value());
  expect(set, &queue, IPC_WAIT_MESSAGE);
  CHECK(moved.close().has_value());
  expect(set, &queue, IPC_WAIT_MESSAGE); // it is closed
  CHECK(set.remove(&queue).has_value());
  CHECK_EQUAL(set.remove(&queue).error().code(), ENOENT);
}

static void topics_and_cells(const ipc::waitset &set) {
  const char *name = unique_name("topic");
  auto publisher = ipc::topic<Value>::open(name, 4, 0, ipc::create | ipc::write_only);
  auto subscriber = ipc::topic<Value>::open(name, ipc::read_only);
  CHECK(publisher.has_value() && subscriber.has_value());
  CHECK_EQUAL(set.add_sample(*publisher, nullptr).error().code(), EBADF);
  CHECK(set.add_sample(*subscriber, &subscriber).has_value());
  CHECK(publisher->send({1}).has_value());
  expect(set, &subscriber, IPC_WAIT_SAMPLE);
  CHECK(is_readable(subscriber->fd()));
  CHECK(subscriber->receive(ipc::no_wait)->number == 1);
  CHECK(set.remove(&subscriber).has_value());
  CHECK(publisher->attributes()->capacity == 4 && publisher->stat()->published == 1);

  auto cell = ipc::cell<Value>::open(unique_name("cell"), ipc::create);
  CHECK(cell.has_value() && !*cell->stale());
  CHECK(set.add_change(*cell, &cell).has_value());
  expect_nothing(set);
  CHECK(cell->write({3}).has_value());
  expect(set, &cell, IPC_WAIT_CHANGE);
  CHECK(is_readable(cell->fd()));
  CHECK(cell->read()->number == 3);
  expect_nothing(set);
  CHECK(set.remove(&cell).has_value());
}

static void services(const ipc::waitset &set) {
  const char *name = unique_name("service");
  auto service = ipc::service<Value, Value>::open(name);
  auto client = ipc::client<Value, Value>::open(name);
  CHECK(service.has_value() && client.has_value() && !*client->stale() && !*service->stale());
  CHECK(set.add_request(*service, &service).has_value());
  CHECK(set.add_reply(*client, &client).has_value());
  expect_nothing(set);
  CHECK(client->send({4}).has_value());
  expect(set, &service, IPC_WAIT_REQUEST);
  CHECK(is_readable(service->fd()) && service->stat()->pending == 1);
  auto request = service->receive(ipc::no_wait);
  CHECK(request && service->reply(request->info, {5}).has_value());
  expect(set, &client, IPC_WAIT_REPLY);
  CHECK(is_readable(client->fd()));
  std::uint64_t id = 0;
  CHECK(client->receive(id, ipc::no_wait)->number == 5);
  expect_nothing(set);
  CHECK(set.remove(&client).has_value() && set.remove(&service).has_value());
}

static void placed(const ipc::waitset &set) {
  auto region = ipc::shm<Placed>::open(unique_name("placed"), ipc::create);
  CHECK(region.has_value());
  Placed &shared = **region;
  CHECK(shared.event.init().has_value() && shared.sem.init(0).has_value());
  CHECK(set.add_event(shared.event, &shared.event).has_value() && set.add_sem(shared.sem, &shared.sem).has_value());
  expect_nothing(set);
  CHECK(shared.event.set().has_value());
  expect(set, &shared.event, IPC_WAIT_EVENT);
  CHECK(is_readable(shared.event.fd()));
  CHECK(shared.event.reset().has_value() && shared.sem.post().has_value());
  expect(set, &shared.sem, IPC_WAIT_SEM);
  CHECK(is_readable(shared.sem.fd()));
  CHECK(set.remove(&shared.sem).has_value() && set.remove(&shared.event).has_value());
}

static void the_rest(const ipc::waitset &set) {
  const char *const cat[] = {"/bin/cat", nullptr};
  auto child = ipc::child::spawn(cat, IPC_STDIN_PIPE);
  CHECK(child && set.add_child(*child, &child).has_value());
  expect_nothing(set);
  CHECK(child->close_input().has_value());
  expect(set, &child, IPC_WAIT_CHILD);
  CHECK(child->wait(ipc::no_wait).has_value() && set.remove(&child).has_value());

  auto pipe = ipc::pipe();
  CHECK(pipe && set.add_fd(pipe->read, POLLIN, &pipe).has_value());
  CHECK_EQUAL(set.add_fd(pipe->read.fd(), POLLIN, &pipe).error().code(), EEXIST);
  expect_nothing(set);
  CHECK(pipe->write.write_full("x", 1).has_value());
  expect(set, &pipe, IPC_WAIT_FD);
  CHECK(set.remove(&pipe).has_value());

  char timer = 0;
  CHECK(set.add_timer(1ms, 1ms, &timer).has_value());
  expect(set, &timer, IPC_WAIT_TIMER);
  expect(set, &timer, IPC_WAIT_TIMER);
  CHECK(set.remove(&timer).has_value());
  CHECK_EQUAL(set.add_timer(ipc::forever, 0ns, &timer).error().code(), EINVAL);
}

static void owning() {
  auto first = ipc::waitset::open();
  CHECK(first.has_value());
  const auto fd = first->fd();
  CHECK(fd && fcntl(*fd, F_GETFD) >= 0);
  ipc::waitset second = std::move(*first);
  CHECK(!*first && second);
  CHECK_EQUAL(first->fd().error().code(), EINVAL);
  CHECK_EQUAL(first->add_timer(1ms, 0ns, nullptr).error().code(), EINVAL);
  ipc_ready_t room[1];
  CHECK_EQUAL(second.wait(room, 1us).error().code(), ETIMEDOUT);
  CHECK_EQUAL(second.wait(ipc::span<ipc_ready_t>(), 1us).error().code(), EINVAL);
  second = ipc::waitset();
  CHECK(fcntl(*fd, F_GETFD) < 0);
}

int main() {
  SKIP_UNDER_VALGRIND("it knows neither rings nor futex_waitv()");
  owning();
  auto set = ipc::waitset::open();
  CHECK(set.has_value());
  queues(*set);
  topics_and_cells(*set);
  services(*set);
  placed(*set);
  the_rest(*set);
  CHECK(set->close().has_value() && !*set);
  return 0;
}
