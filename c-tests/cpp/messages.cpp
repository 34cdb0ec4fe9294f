// Typed queues send, receive, reserve and borrow, and an object that ends gives back what it holds.
#include "test.h"

#include <robustipc.hpp>

struct Command {
  int what;
  double value;
};

using commands = ipc::queue<Command>;

static void copies(const commands &queue) {
  CHECK(queue.send({1, 0.5}, 2).has_value());
  CHECK(queue.send({2, 1.5}, 7).has_value());
  auto first = queue.receive(ipc::no_wait);
  CHECK(first && first->value.what == 2 && first->priority == 7);
  auto second = queue.receive();
  CHECK(second && second->value.what == 1 && second->priority == 2);
  auto none = queue.receive(ipc::no_wait);
  CHECK(!none && none.error().code() == EAGAIN);
  none = queue.receive(std::chrono::microseconds(10));
  CHECK(!none && none.error().code() == ETIMEDOUT && strstr(none.error().text(), "timeout") != nullptr);
}

static void in_place(const commands &queue) {
  {
    auto slot = queue.reserve();
    CHECK(slot.has_value());
    (*slot)->what = 3;
    CHECK(slot->commit(4).has_value());
    CHECK(!*slot);
  }
  {
    auto message = queue.borrow();
    CHECK(message && (*message)->what == 3 && message->priority() == 4 && message->redeliveries() == 0);
  }
  CHECK(queue.attributes()->current_messages == 0);
  // Slots that end uncommitted do not use the queue up.
  for (int i = 0; i < 10; i++) CHECK(queue.reserve(ipc::no_wait).has_value());
}

static void handed_over(const commands &queue) {
  CHECK(queue.send({5, 0}, 6).has_value());
  auto message = queue.borrow();
  CHECK(message.has_value());
  auto refused = message->hand_over(-1);
  CHECK(!refused && refused.error().code() == EINVAL && *message);
  CHECK(message->hand_over(getpid()).has_value());
  CHECK(!*message);
  {
    auto taken = queue.take_over(ipc::no_wait);
    CHECK(taken && (*taken)->what == 5 && taken->priority() == 6);
  }
  auto none = queue.take_over(ipc::no_wait);
  CHECK(!none && none.error().code() == EAGAIN);
}

static void other_sizes(const char *name) {
  auto bytes = ipc::queue<std::byte>::open(name, 4, ipc::create, 0600, 100);
  CHECK(bytes.has_value());
  const std::byte text[] = {std::byte{1}, std::byte{2}, std::byte{3}};
  CHECK(bytes->send(ipc::span<const std::byte>(text), 0).has_value());
  std::byte buffer[100];
  auto count = bytes->receive(ipc::span<std::byte>(buffer), nullptr);
  CHECK(count && *count == 3 && buffer[2] == std::byte{3});
  // A message that is no Command is not taken for one.
  auto wrong = commands::open(name);
  CHECK(wrong.has_value());
  CHECK(bytes->send(ipc::span<const std::byte>(text), 0).has_value());
  auto message = wrong->borrow(ipc::no_wait);
  CHECK(!message && message.error().code() == EBADMSG);
}

static void timeouts() {
  using namespace std::chrono_literals;
  CHECK_EQUAL(ipc::timeout(1s).ns(), SECOND);
  CHECK_EQUAL(ipc::timeout(-5ms).ns(), 0);
  CHECK_EQUAL(ipc::timeout(std::chrono::hours::max()).ns(), IPC_FOREVER);
  CHECK_EQUAL(ipc::timeout(std::chrono::duration<double>(0.25)).ns(), SECOND / 4);
  CHECK(ipc::timeout(std::chrono::duration<double, std::pico>(1)).ns() == 1);
  CHECK_EQUAL(ipc::forever.ns(), IPC_FOREVER);
}

int main() {
  const char *name = unique_name("commands");
  auto queue = commands::open(name, 8, ipc::create);
  CHECK(queue.has_value());
  copies(*queue);
  in_place(*queue);
  handed_over(*queue);
  other_sizes(unique_name("bytes"));
  timeouts();
}
