// Boost.Interprocess's message_queue, used as its documentation shows: create_only in one process, open_only in the
// others, blocking send and receive. Header only.
#include "peer.h"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <new>
#include <string>

namespace {

using boost::interprocess::message_queue;

struct Boost {
  std::string name;
  std::size_t size;
  message_queue *made, *queue;
  void *buffer;
};

void *create(const bench_job_t *job, const char **why) {
  try {
    Boost *boost = new Boost { job->name, job->size, nullptr, nullptr, std::aligned_alloc(64, job->size) };
    boost->made = new message_queue(
      boost::interprocess::create_only, job->name, job->depth, job->size,
      boost::interprocess::permissions(0600));
    return boost;
  } catch (const std::exception &) {
    *why = "refused by message_queue";
    return nullptr;
  }
}

void attach(void *queue, int) {
  Boost *boost = static_cast<Boost *>(queue);
  boost->queue = new message_queue(boost::interprocess::open_only, boost->name.c_str());
}

void send(void *queue, std::uint64_t value, unsigned priority) {
  Boost *boost = static_cast<Boost *>(queue);
  bench_write_payload(boost->buffer, boost->size, value);
  boost->queue->send(boost->buffer, boost->size, priority);
}

std::uint64_t receive(void *queue) {
  Boost *boost = static_cast<Boost *>(queue);
  message_queue::size_type length;
  unsigned priority;
  boost->queue->receive(boost->buffer, boost->size, length, priority);
  PEER_REQUIRE(length == boost->size);
  return bench_read_payload(boost->buffer, boost->size);
}

void detach(void *queue) { delete static_cast<Boost *>(queue)->queue; }

void destroy(void *queue) {
  Boost *boost = static_cast<Boost *>(queue);
  delete boost->made;
  message_queue::remove(boost->name.c_str());
  std::free(boost->buffer);
  delete boost;
}

const bench_peer_t boost_queue = {
  "Boost.Interprocess",
  "message_queue, send, receive",
  BENCH_MANY | BENCH_PRIORITIES | BENCH_FILE,
  create,
  attach,
  send,
  receive,
  nullptr,
  detach,
  destroy,
};

} // namespace

extern "C" const bench_peer_t *bench_peer(std::size_t index) { return index == 0 ? &boost_queue : nullptr; }
