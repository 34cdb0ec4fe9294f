/* Measures the message queue against other mechanisms for the same job.
 *
 *     make bench                                   all benchmarks; this one writes target/bench/queue.json and queue.svg
 *     make bench-queue                             this one alone
 *     make bench-queue QUEUE_FLAGS=quick           in less time, with noisier figures
 *     target/benches/queue [quick] [peers=TEXT] [measures=TEXT] [DIRECTORY]
 *                                                  the driver by itself, also for those peers or measures alone that
 *                                                  have TEXT in their names; the JSON goes to DIRECTORY (.), the peers
 *                                                  are the shared objects in target/benches/peers
 *
 * Every figure is the median of the rounds of one run (ROUNDS of them, or FEW_ROUNDS). In each round all peers take
 * turns, and the order changes from round to round. The machines are shared, so only ratios between rows of one run mean
 * something; a ratio is computed round by round. Two processes run on two processors, one each. The sender writes and
 * the receiver reads every byte of every message, in place where the peer's interface permits it. A torn or lost
 * message ends the run. A receiver blocks, unless its row says that it polls.
 *
 *   throughput      one sender, one receiver, as fast as they go, from the first send to the last receive
 *   rally           half a round trip through two queues, both sides waiting the shortest way they know: in their
 *                   spin window, if they have one
 *   one_processor   rally with both processes bound to one processor, where spinning only keeps the peer from running
 *   wake            from the send to the receive of a message whose receiver sleeps (/proc/PID/stat says so)
 *   alone           send, then receive, in one thread
 *   crowd           four senders and four receivers that share two processors
 *   growth          a pair of send and receive while many others are queued; filling, the first receive, draining
 *   creation        time and memory for a queue of so many slots
 *   calls           system calls and allocations in a pair of send and receive, when nobody sleeps
 *
 * All queues hold as many messages as `depths` says, where the peer lets the user choose. Each peer's settings and their
 * reasons stand in its file: limits.c, kernel.c, ours.c, and benches/peers.
 */
#include "driver.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

const size_t sizes[SIZES] = { 64, 1024, 8192, 1 << 20 };
const char *const size_names[SIZES] = { "64 B", "1 KiB", "8 KiB", "1 MiB" };
/* Powers of two: at most 16 MiB of payload. */
const size_t depths[SIZES] = { 1024, 1024, 256, 16 };

bool is_quick;
const char *chosen_peers = "", *chosen_measures = "";
const bench_peer_t *peers[PEERS_MAX];
int peer_count;
double load_before;

Optional optional[OPTIONAL] = {
  { "boost.so", "Boost.Interprocess", "libboost-dev", false },
  { "libqb.so", "libqb ring buffer", "libqb-dev", false },
  { "zeromq.so", "ZeroMQ", "libzmq3-dev", false },
  { "iceoryx2.so", "iceoryx2", "its crate from the registry, libclang and a recent Rust", false },
};

/* How many processes wanted a processor in the last minute, on average. */
static double load(void) {
  double averages[1];
  return getloadavg(averages, 1) == 1 ? averages[0] : 0;
}

static void add_peer(const bench_peer_t *candidate) {
  REQUIRE(peer_count < PEERS_MAX);
  if (!strstr(candidate->name, chosen_peers)) return;
  peers[peer_count++] = candidate;
}

static void load_peers(void) {
  char program[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  REQUIRE(length > 0);
  program[length] = '\0';
  *strrchr(program, '/') = '\0';
  for (int i = 0; i < OPTIONAL; i++) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/peers/%s", program, optional[i].file);
    void *object = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!object) {
      if (access(path, R_OK) == 0) fprintf(stderr, "%s\n", dlerror());
      printf("Left out: %s, which was not built; it needs %s.\n", optional[i].name, optional[i].needs);
      continue;
    }
    optional[i].is_built = true;
    const bench_peer_t *(*find)(size_t index);
    *(void **)&find = dlsym(object, "bench_peer");
    REQUIRE(find != NULL);
    for (size_t index = 0; find(index); index++) add_peer(find(index));
  }
}

/* Makes the kernel's queue as long as the others: by default it has 10 messages. That needs an IPC namespace of its
 * own, and so a privilege. Without the privilege, the kernel's row has the default depth. */
static void raise_kernel_limits(void) {
  struct rlimit limit;
  if (unshare(CLONE_NEWIPC) == 0) {
    int file = open("/proc/sys/fs/mqueue/msg_max", O_WRONLY);
    if (file >= 0) {
      if (write(file, "1024", 4) != 4) perror("fs.mqueue.msg_max");
      close(file);
    }
  }
  if (getrlimit(RLIMIT_MSGQUEUE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_MSGQUEUE, &limit);
  }
}

int main(int argc, char **argv) {
  const char *directory = ".";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "quick") == 0) is_quick = true;
    else if (strncmp(argv[i], "peers=", 6) == 0) chosen_peers = argv[i] + 6;
    else if (strncmp(argv[i], "measures=", 9) == 0) chosen_measures = argv[i] + 9;
    else directory = argv[i];
  }
  double begin = bench_now_ns();
  shared = bench_shared(sizeof *shared);
  raise_kernel_limits();
  printf(
    "The message queue against its peers: medians of %d alternating rounds%s\n", ROUNDS,
    is_quick ? ", quick: for a look only" : "");
  load_before = load();
  if (load_before > 0.5) {
    printf("The machine is busy with something else (load %.1f): the figures are not to be trusted.\n", load_before);
  }
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) puts("This machine has one processor: the two processes share it.");
  add_peer(&cache_line);
  add_peer(&plain_ring);
  add_peer(&our_queue);
  add_peer(&our_queue_in_place);
  add_peer(&our_queue_in_batches);
  add_peer(&kernel_queue);
  add_peer(&kernel_pipe);
  add_peer(&stream_socket);
  add_peer(&packet_socket);
  load_peers();
  for (int i = 0; i < peer_count; i++) printf("%-22s %s\n", peers[i]->name, peers[i]->how);

  measure_all(&throughput_measure);
  measure_all(&rally_measure);
  measure_all(&one_processor_measure);
  measure_all(&wake_measure);
  measure_all(&alone_measure);
  measure_all(&crowd_measure);
  if (is_chosen("growth")) measure_growth();
  if (is_chosen("creation")) measure_creation();
  if (is_chosen("calls")) measure_calls();
  judge_everything();
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/queue.json", directory);
  write_json(path);
  printf("It took %.0f seconds.\n", (bench_now_ns() - begin) / 1e9);
  return 0;
}
