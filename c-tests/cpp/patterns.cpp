// Topics, cells and services as typed, owning objects.
#include "test.h"

#include <robustipc.hpp>

namespace robot {
struct Frame {
  int number;
  unsigned char pixels[64];
};
struct Pose {
  double x;
  double y;
};
struct Question {
  int value;
};
struct Answer {
  int value;
};
}  // namespace robot
IPC_DESCRIBE_AS("Frame", robot::Frame, 1, number, pixels)
IPC_DESCRIBE_AS("Pose", robot::Pose, 1, x, y)
IPC_DESCRIBE_AS("Question", robot::Question, 1, value)
IPC_DESCRIBE_AS("Answer", robot::Answer, 1, value)

static void topics(const char *name) {
  auto publisher = ipc::topic<robot::Frame>::open(name, 4, 2, ipc::create | ipc::write_only);
  CHECK(publisher.has_value());
  auto subscriber = ipc::topic<robot::Frame>::open(name, ipc::read_only);
  CHECK(subscriber.has_value());
  {
    auto loan = publisher->reserve();
    CHECK(loan.has_value());
    (*loan)->number = 1;
    CHECK(loan->commit().has_value());
  }
  CHECK(publisher->reserve().has_value()); // abandoned at once
  CHECK(publisher->send(robot::Frame{2, {}}).has_value());
  {
    auto sample = subscriber->borrow();
    CHECK(sample && (*sample)->number == 1 && sample->info().missed == 0);
  }
  auto copy = subscriber->receive();
  CHECK(copy && copy->number == 2);
  auto none = subscriber->receive(ipc::no_wait);
  CHECK(!none && none.error().code() == EAGAIN);
  // Another type is refused.
  auto wrong = ipc::topic<robot::Pose>::open(name, 4, 2, ipc::read_only);
  CHECK(!wrong && wrong.error().code() == EPROTO);
  CHECK(ipc::topic<robot::Frame>::unlink(name).has_value());
}

static void cells(const char *name) {
  auto cell = ipc::cell<robot::Pose>::open(name, ipc::create);
  CHECK(cell.has_value());
  CHECK(cell->read().error().code() == ENODATA);
  CHECK(cell->write({1, 2}).has_value());
  CHECK(cell->update([](robot::Pose &pose) {
    pose.x += 10;
    return 0;
  }).has_value());
  CHECK(cell->update([](robot::Pose &) { return -ERANGE; }).error().code() == ERANGE);
  ipc_sample_t info;
  auto pose = cell->read(&info);
  CHECK(pose && pose->x == 11 && pose->y == 2 && info.number == 2);
  CHECK(cell->wait(1).has_value());
  CHECK(cell->wait(2, std::chrono::milliseconds(1)).error().code() == ETIMEDOUT);
}

static void services(const char *name) {
  auto service = ipc::service<robot::Question, robot::Answer>::open(name);
  CHECK(service.has_value());
  auto client = ipc::client<robot::Question, robot::Answer>::open(name);
  CHECK(client.has_value());
  auto id = client->send({20});
  CHECK(id.has_value());
  auto request = service->receive();
  CHECK(request && request->value.value == 20 && request->info.pid == getpid());
  CHECK(service->reply(request->info, {22}).has_value());
  std::uint64_t answered = 0;
  auto answer = client->receive(answered, std::chrono::seconds(100));
  CHECK(answer && answer->value == 22 && answered == *id);
  auto late = client->call({1}, std::chrono::milliseconds(1));
  CHECK(!late && late.error().code() == ETIMEDOUT);
  CHECK((ipc::service<robot::Question, robot::Answer>::unlink(name).has_value()));
}

int main() {
  topics(unique_name("frames"));
  cells(unique_name("pose"));
  services(unique_name("ask"));
}
