# The benchmarks. Nothing in `make check` measures time.

.PHONY: bench-posix bench-queue bench-queue-built

BENCH_PROGRAMS := $(patsubst benches/%.c,$(TARGET)/benches/%,$(wildcard benches/*.c))

$(TARGET)/benches/%: benches/%.c benches/support/bench.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ibenches/support $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH) -pthread

# The benchmarks run one after the other, because they would disturb each other.
bench: $(BENCH_PROGRAMS) bench-queue-built
	@for program in $(BENCH_PROGRAMS); do $$program || exit 1; echo; done
	@$(MAKE) --no-print-directory bench-posix
	@$(MAKE) --no-print-directory bench-queue

# Two programs, one that cannot poll and one that can. Each runs on the kernel's queue and with the drop-in.
POSIX_BENCHES := $(TARGET)/benches/posix $(TARGET)/benches/posix-polling

$(TARGET)/benches/posix: benches/posix/posix.c
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $< -o $@ -lrt -pthread

$(TARGET)/benches/posix-polling: benches/posix/posix.c
	@mkdir -p $(@D)
	$(call step,CC,[polling] $<)$(CC) -std=c11 -DPOLLS $(CFLAGS) $(WARNINGS) $< -o $@ -lrt -pthread

bench-posix: $(POSIX_BENCHES) $(STAGE)/installed ## measures plain <mqueue.h> programs bare and with the drop-in
	@mkdir -p $(TARGET)/bench
	@benches/posix/compare.sh $(STAGE)/lib/librobustipc-posix.so $(TARGET)/bench/posix.json $(POSIX_BENCHES)
	@benches/posix/programs.sh $(STAGE)/lib/librobustipc-posix.so

# The message queue against its peers (benches/queue). If something that a peer needs is missing, the peer is left out
# and the driver says so. QUEUE_FLAGS=quick takes less time.
QUEUE_FLAGS ?=
QUEUE_PEERS := $(TARGET)/benches/peers
QUEUE_HEADERS := $(wildcard benches/queue/*.h) benches/support/bench.h
# With -O3 the loops over payloads use wide steps in C too, like those of the peer in Rust.
BENCH_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) -O3 $(WARNINGS) -Ibenches/support -Ibenches/queue
# $(call if_header,HEADER,COMMAND) runs the command where the compiler finds the header.
if_header = $(call step,CC,$<)rm -f $@; mkdir -p $(@D); \
	if echo '\#include <$(1)>' | $(CXX) -E -x c++ - >/dev/null 2>&1; then $(2); fi
# $(call if_crate,DIRECTORY,FILE) builds a crate of the benchmarks, if the registry has it and its dependencies.
if_crate = $(call step,CARGO,$(1))rm -f $@; \
	mk/build.sh $(@D) $(2)=$(@F) -- $(CARGO) build --release --locked --manifest-path $(1)/Cargo.toml \
	  --target-dir $(TARGET)/benches/cargo 2>$(TARGET)/benches/cargo.log || \
	echo "robustipc: $(1) cannot be built here: $$(grep -m 1 '^error' $(TARGET)/benches/cargo.log)" >&2

$(TARGET)/benches/queue: $(wildcard benches/queue/*.c) $(QUEUE_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(call step,CC,benches/queue)$(CC) $(BENCH_CFLAGS) $$($(STAGED) --cflags) $(wildcard benches/queue/*.c) -o $@ $$($(STAGED) --libs) $(RPATH) -pthread -ldl

$(QUEUE_PEERS)/boost.so: benches/peers/boost.cpp $(QUEUE_HEADERS)
	$(call if_header,boost/interprocess/ipc/message_queue.hpp,$(CXX) -std=c++17 $(CXXFLAGS) -O3 -Wall -Wextra -Ibenches/queue -fPIC -shared $< -o $@ -pthread)

$(QUEUE_PEERS)/libqb.so: benches/peers/libqb.c $(QUEUE_HEADERS)
	$(call if_header,qb/qbrb.h,$(CC) $(BENCH_CFLAGS) -fPIC -shared $< -o $@ -lqb)

$(QUEUE_PEERS)/zeromq.so: benches/peers/zeromq.c $(QUEUE_HEADERS)
	$(call if_header,zmq.h,$(CC) $(BENCH_CFLAGS) -fPIC -shared $< -o $@ -lzmq)

$(QUEUE_PEERS)/iceoryx2.so: $(wildcard benches/peers/iceoryx2/src/*.rs benches/peers/iceoryx2/Cargo.*)
	@mkdir -p $(TARGET)/benches
	$(call if_crate,benches/peers/iceoryx2,libpeer_iceoryx2.so)

$(TARGET)/benches/chart: $(wildcard benches/chart/src/*.rs benches/chart/Cargo.*)
	@mkdir -p $(TARGET)/benches
	$(call if_crate,benches/chart,bench-chart)

bench-queue-built: $(TARGET)/benches/queue $(addprefix $(QUEUE_PEERS)/,boost.so libqb.so zeromq.so iceoryx2.so) $(TARGET)/benches/chart

bench-queue: bench-queue-built ## measures the message queue beside its peers; QUEUE_FLAGS=quick takes less time
	@mkdir -p $(TARGET)/bench
	$(Q)$(TARGET)/benches/queue $(QUEUE_FLAGS) $(TARGET)/bench
	@if test -x $(TARGET)/benches/chart; then $(TARGET)/benches/chart $(TARGET)/bench/queue.json $(TARGET)/bench/queue.svg; \
	else echo "No picture: benches/chart was not built."; fi
