# robustipc: build, demonstrate, test, install.
#
#   make            the libraries, in target/release
#   make demo       builds everything and runs the main job
#   make check      builds and passes all the tests that need nothing but Rust, a C and a C++ compiler, make, pkg-config
#   make check-all  the tests that need installed tools: valgrind, sanitizers, clippy, abidiff, ...
#   make check-posix  the conformance set for <mqueue.h>, on the kernel or with POSIX_PRELOAD=LIBRARY
#   make check-posix-shared  the same with the drop-in library
#   make bench      measures
#   make install    PREFIX=/usr/local DESTDIR=
#   make header     generates include/robustipc.h anew; make exports and make abi the lists that tests compare with

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

CARGO ?= cargo
CC ?= cc
CXX ?= c++
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
# What tests/kill_every_instruction.rs can step.
MACHINE := $(shell uname -m)
WARNINGS := -Wall -Wextra -Wpedantic -Werror

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Before 1.0 a minor version may break the ABI, so the soname carries it (build.rs agrees).
SOVERSION := $(word 1,$(subst ., ,$(VERSION))).$(word 2,$(subst ., ,$(VERSION)))
# What a static link needs besides: rustc --print native-static-libs; a test keeps it true.
LIBS_PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc

# rustc is a directory of its own user's choice: with an absolute path the tests find their files from anywhere.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
RELEASE := $(TARGET)/release
SHARED := $(RELEASE)/librobustipc.so
STATIC := $(RELEASE)/librobustipc.a
# The drop-in for <mqueue.h>: a crate of its own, so that it has no copy of the library in it.
POSIX := $(RELEASE)/librobustipc-posix.so
STAGE := $(TARGET)/stage
C_TESTS := $(TARGET)/c-tests
RUST_SOURCES := $(shell find src -type f) Cargo.toml build.rs cbindgen.toml
MAN_PAGES := $(wildcard man/*.3 man/*.7)

# For the test scripts, and for the makes that they call.
export CARGO CC CXX PKG_CONFIG MAKE TARGET STAGE

.PHONY: all demo check check-rust check-c check-models check-queue check-kill check-kill-full check-kill-here check-kill-full-here check-posix check-posix-shared check-all bench bench-posix bench-queue bench-queue-built install install-strip uninstall header exports abi clean tools tools-check tools-all
.DELETE_ON_ERROR:

all: $(SHARED) $(STATIC) $(POSIX)

# One line for what is missing, instead of the failure of whatever comes first.
tools:
	@command -v $(CARGO) >/dev/null || { echo "robustipc: cargo is missing: install Rust 1.85 or newer" >&2; exit 1; }
	@command -v $(firstword $(CC)) >/dev/null || { echo "robustipc: $(firstword $(CC)) is missing: install a C compiler" >&2; exit 1; }
	@command -v $(PKG_CONFIG) >/dev/null || { echo "robustipc: $(PKG_CONFIG) is missing: install pkg-config" >&2; exit 1; }

# Asked for one kind of library alone, cargo optimises over all crates; for three at once it silently does not. The static
# library gets the thin kind, because a fat one cannot be linked beside another static library from Rust.
# cargo leaves a library that did not change as old as it was, so its time is set for make.
CARGO_LIBRARY = $(CARGO) rustc --release --lib --locked --crate-type

# What LLVM trades size for even when it optimises for size, which has its place in #[inline(always)]: to copy functions marked
# #[inline], as most of std's small ones are, up to six times the size of others into their callers, and to make a table of
# addresses for each match from four arms on; to put blocks of code where they run fastest, and to keep a copy of a short end
# for each way to it; to make a table of the values that a match gives; and to keep constants and addresses in registers all
# through a loop, which then have to be saved.
SMALLER := $(addprefix -C llvm-args=-,inlinehint-threshold=50 inline-threshold=25 min-jump-table-entries=16 \
  disable-block-placement disable-machine-licm tail-merge-size=2 tail-dup-size=0 split-spill-mode=size switch-to-lookup=false)

$(SHARED): $(RUST_SOURCES) Makefile | tools
	$(CARGO_LIBRARY) cdylib -- $(SMALLER)
	@touch $@

$(STATIC): $(RUST_SOURCES) | tools
	$(CARGO_LIBRARY) staticlib --config 'profile.release.lto="thin"'
	@touch $@

# With tables for unwinding, although nothing in it panics: threads are cancelled in it.
$(POSIX): $(wildcard posix/src/*.rs) posix/Cargo.toml posix/Cargo.lock posix/build.rs $(SHARED)
	ROBUSTIPC_LIBRARY_DIRECTORY=$(RELEASE) $(CARGO) rustc --release --locked --manifest-path posix/Cargo.toml \
	  --target-dir $(TARGET)/posix-library -- -C force-unwind-tables=yes
	cp $(TARGET)/posix-library/release/librobustipc_posix.so $@

header: $(SHARED)
	cp "$$(ls -t $(RELEASE)/build/robustipc-*/out/robustipc.h | head -n 1)" include/robustipc.h
	cp "$$(ls -t $(RELEASE)/build/robustipc-*/out/private.h | head -n 1)" src/ffi/private.h

exports: all
	c-tests/support/exports.sh $(SHARED) > exports.txt

abi:
	c-tests/support/abi.sh include/robustipc.h $(TARGET)/abi.so librobustipc.so.$(SOVERSION)
	abidw --no-corpus-path --no-comp-dir-path --no-show-locs $(TARGET)/abi.so | sed "s| path='[^']*'| path='robustipc.c'|" > abi.xml

# A call's page is found under the call's name too, through a page that refers to its group's.
install: all
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	$(INSTALL) -m 755 $(SHARED) "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)"
	ln -sf librobustipc.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(SOVERSION)"
	ln -sf librobustipc.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librobustipc.so"
	$(INSTALL) -m 755 $(POSIX) "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so.$(VERSION)"
	ln -sf librobustipc-posix.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so.$(SOVERSION)"
	ln -sf librobustipc-posix.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so"
	$(INSTALL) -m 644 $(STATIC) "$(DESTDIR)$(LIBDIR)/librobustipc.a"
	$(INSTALL) -m 644 include/robustipc.h "$(DESTDIR)$(INCLUDEDIR)/robustipc.h"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS_PRIVATE@|$(LIBS_PRIVATE)|' robustipc.pc.in \
	    > "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	for page in $(MAN_PAGES); do \
	  $(INSTALL) -D -m 644 $$page "$(DESTDIR)$(MANDIR)/man$${page##*.}/$$(basename $$page)" || exit 1; \
	  for name in $$(man/names.sh $$page); do \
	    echo ".so man$${page##*.}/$$(basename $$page)" \
	      > "$(DESTDIR)$(MANDIR)/man$${page##*.}/$$name.$${page##*.}" || exit 1; \
	  done; \
	done

install-strip: install
	strip --strip-unneeded "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)" \
	  "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so.$(VERSION)"

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(SOVERSION)" \
	  "$(DESTDIR)$(LIBDIR)/librobustipc.so" "$(DESTDIR)$(LIBDIR)/librobustipc.a" \
	  "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so.$(SOVERSION)" \
	  "$(DESTDIR)$(LIBDIR)/librobustipc-posix.so" \
	  "$(DESTDIR)$(INCLUDEDIR)/robustipc.h" "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	for page in $(MAN_PAGES); do \
	  for name in $$(basename $${page%.*}) $$(man/names.sh $$page); do \
	    rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$$name.$${page##*.}"; \
	  done; \
	done

# Everything in C is built against the library as a user has it: installed, and found with pkg-config.
$(STAGE)/installed: $(SHARED) $(STATIC) $(POSIX) include/robustipc.h robustipc.pc.in Makefile $(MAN_PAGES)
	rm -rf $(STAGE)
	$(MAKE) --no-print-directory install PREFIX=$(STAGE) DESTDIR= >/dev/null
	touch $@

STAGED = PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(PKG_CONFIG) robustipc
# The programs find the staged library without LD_LIBRARY_PATH, so that they can be run by hand.
RPATH := -Wl,-rpath,$(STAGE)/lib

# Programs in c-tests' groups are tests by themselves. Those in ported/, the documents' programs, are tests by what
# stands beside them (NAME.expected or NAME.sh): NAME.test runs NAME and judges. Nothing is listed by hand.
C_TEST_GROUPS := shm mutex rwlock cond sem permits barrier event once mq pipe spawn fifo sock pty sysv list general
C_TEST_SOURCES := $(wildcard $(C_TEST_GROUPS:%=c-tests/%/*.c))
PORTED_SOURCES := $(wildcard c-tests/ported/*.c c-tests/ported/*.cpp)
PORTED_JUDGED := $(wildcard c-tests/ported/*.expected c-tests/ported/*.sh)
TEST_HEADERS := $(wildcard c-tests/support/*.h c-tests/ported/*.h)
# The scripts test what a program cannot.
CHECK_SCRIPTS := $(wildcard c-tests/check/*.sh)
CHECK_ALL_SCRIPTS := $(wildcard c-tests/check-all/*.sh)

# What holds for the kernel's message queues and for those in shared memory is tested with both.
SHARED_QUEUE_TESTS := $(addprefix shared/mq/,create_race destructive_read directions fork_and_poll handles interrupted \
  killed_waiters message_boundaries notify_callback notify_eventfd notify_life notify_rests notify_signal \
  priority_order signal_storm timeouts unlink_open waiters_share)
TEST_PROGRAMS := $(SHARED_QUEUE_TESTS) $(basename $(C_TEST_SOURCES:c-tests/%=%) $(PORTED_SOURCES:c-tests/%=%))
TESTS := $(SHARED_QUEUE_TESTS) $(basename $(C_TEST_SOURCES:c-tests/%=%)) $(sort $(patsubst c-tests/%,%.test,$(basename $(PORTED_JUDGED))))

TEST_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ic-tests/support $$($(STAGED) --cflags)
TEST_CXXFLAGS = -std=c++17 -D_GNU_SOURCE $(CXXFLAGS) $(WARNINGS) -Ic-tests/support $$($(STAGED) --cflags)
TEST_LIBS = $$($(STAGED) --libs) $(RPATH) -pthread
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$(CURDIR)/c-tests/support/valgrind.supp
# Tests that write where they may not expect the signal that a program without sanitizers gets, and those that look at
# a child's signals its defaults. Leaks are valgrind's to find: the sanitizers' search takes what a forked child's
# missing threads had for lost.
SANITIZER_OPTIONS := ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:detect_leaks=0

$(C_TESTS)/%: c-tests/%.c $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $< -o $@ $(TEST_LIBS)

$(C_TESTS)/shared/%: c-tests/%.c $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -DMQ_FLAGS=0 $< -o $@ $(TEST_LIBS)

$(C_TESTS)/%: c-tests/%.cpp $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CXX) $(TEST_CXXFLAGS) $< -o $@ $(TEST_LIBS)

$(C_TESTS)/sanitized/%: c-tests/%.c $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) $(SANITIZE) $< -o $@ $(TEST_LIBS)

$(C_TESTS)/sanitized/shared/%: c-tests/%.c $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -DMQ_FLAGS=0 $(SANITIZE) $< -o $@ $(TEST_LIBS)

$(C_TESTS)/sanitized/%: c-tests/%.cpp $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CXX) $(TEST_CXXFLAGS) $(SANITIZE) $< -o $@ $(TEST_LIBS)

# A script that is the program under valgrind.
$(C_TESTS)/valgrind/%: $(C_TESTS)/% Makefile
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nTEST_TOOL=valgrind exec %s "%s" "$$@"\n' '$(VALGRIND)' '$<' > $@
	@chmod +x $@

# A script that runs and judges a ported program. All of them must be there: some tests run two. (One rule for each
# directory: the shortest stem wins, and a script must not be run under valgrind in its program's place.)
define judged
$(C_TESTS)/$(1)ported/%.test: $(C_TESTS)/$(1)ported/% Makefile c-tests/ported.sh
	@printf '#!/bin/sh\nexec "%s" "%s" "%s"\n' '$(CURDIR)/c-tests/ported.sh' '$(CURDIR)/c-tests/ported/$$*' '$$<' > $$@
	@chmod +x $$@
endef
$(eval $(call judged,))
$(eval $(call judged,valgrind/))
$(eval $(call judged,sanitized/))

$(TARGET)/demo/%: c-tests/demo/%.c c-tests/demo/sample.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH)

demo: $(addprefix $(TARGET)/demo/,producer consumer worker)
	c-tests/demo/demo.sh $(TARGET)/demo

BENCH_PROGRAMS := $(patsubst benches/%.c,$(TARGET)/benches/%,$(wildcard benches/*.c))

$(TARGET)/benches/%: benches/%.c benches/support/bench.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ibenches/support $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH) -pthread

# One after the other: they would disturb each other.
bench: $(BENCH_PROGRAMS) bench-queue-built
	@for program in $(BENCH_PROGRAMS); do $$program || exit 1; echo; done
	@$(MAKE) --no-print-directory bench-posix
	@$(MAKE) --no-print-directory bench-queue

# The same binaries on the kernel's queue and with the drop-in: one that cannot poll, and one that can.
POSIX_BENCHES := $(TARGET)/benches/posix $(TARGET)/benches/posix-polling

$(TARGET)/benches/posix: benches/posix/posix.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) $< -o $@ -lrt -pthread

$(TARGET)/benches/posix-polling: benches/posix/posix.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -DPOLLS $(CFLAGS) $(WARNINGS) $< -o $@ -lrt -pthread

bench-posix: $(POSIX_BENCHES) $(STAGE)/installed
	@mkdir -p $(TARGET)/bench
	@benches/posix/compare.sh $(STAGE)/lib/librobustipc-posix.so $(TARGET)/bench/posix.json $(POSIX_BENCHES)

# The message queue against its peers (benches/queue). What a peer needs may be missing: then it is left out, and the
# driver says so. QUEUE_FLAGS=quick takes less time.
QUEUE_FLAGS ?=
QUEUE_PEERS := $(TARGET)/benches/peers
QUEUE_HEADERS := $(wildcard benches/queue/*.h) benches/support/bench.h
# With -O3 the loops over payloads take wide steps in C too, as those of the peer in Rust do.
BENCH_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) -O3 $(WARNINGS) -Ibenches/support -Ibenches/queue
# $(call if_header,HEADER,COMMAND) runs the command where the compiler finds the header.
if_header = @rm -f $@; mkdir -p $(@D); \
	if echo '\#include <$(1)>' | $(CXX) -E -x c++ - >/dev/null 2>&1; then set -x; $(2); fi
# $(call if_crate,DIRECTORY,FILE) builds a crate of the benchmarks', where the registry and what it needs can be had.
if_crate = @rm -f $@; mkdir -p $(@D); \
	if $(CARGO) build --release --locked --manifest-path $(1)/Cargo.toml --target-dir $(TARGET)/benches/cargo \
	  >$@.log 2>&1; then cp $(TARGET)/benches/cargo/release/$(2) $@; \
	else echo "robustipc: $(1) cannot be built here: $$(grep -m 1 '^error' $@.log)" >&2; fi

$(TARGET)/benches/queue: $(wildcard benches/queue/*.c) $(QUEUE_HEADERS) $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) $$($(STAGED) --cflags) $(wildcard benches/queue/*.c) -o $@ $$($(STAGED) --libs) $(RPATH) -pthread -ldl

$(QUEUE_PEERS)/boost.so: benches/peers/boost.cpp $(QUEUE_HEADERS)
	$(call if_header,boost/interprocess/ipc/message_queue.hpp,$(CXX) -std=c++17 $(CXXFLAGS) -O3 -Wall -Wextra -Ibenches/queue -fPIC -shared $< -o $@ -pthread)

$(QUEUE_PEERS)/libqb.so: benches/peers/libqb.c $(QUEUE_HEADERS)
	$(call if_header,qb/qbrb.h,$(CC) $(BENCH_CFLAGS) -fPIC -shared $< -o $@ -lqb)

$(QUEUE_PEERS)/zeromq.so: benches/peers/zeromq.c $(QUEUE_HEADERS)
	$(call if_header,zmq.h,$(CC) $(BENCH_CFLAGS) -fPIC -shared $< -o $@ -lzmq)

$(QUEUE_PEERS)/iceoryx2.so: $(wildcard benches/peers/iceoryx2/src/*.rs benches/peers/iceoryx2/Cargo.*) | tools
	$(call if_crate,benches/peers/iceoryx2,libpeer_iceoryx2.so)

$(TARGET)/benches/chart: $(wildcard benches/chart/src/*.rs benches/chart/Cargo.*) | tools
	$(call if_crate,benches/chart,bench-chart)

bench-queue-built: $(TARGET)/benches/queue $(addprefix $(QUEUE_PEERS)/,boost.so libqb.so zeromq.so iceoryx2.so) $(TARGET)/benches/chart

bench-queue: bench-queue-built
	@mkdir -p $(TARGET)/bench
	$(TARGET)/benches/queue $(QUEUE_FLAGS) $(TARGET)/bench
	@if test -x $(TARGET)/benches/chart; then $(TARGET)/benches/chart $(TARGET)/bench/queue.json $(TARGET)/bench/queue.svg; \
	else echo "No picture: benches/chart was not built."; fi

# The C tests come last: their summary is the last line.
check: check-rust check-kill-here check-posix check-posix-shared check-c

check-rust: | tools
	$(CARGO) test --locked

# The algorithms in src/sync, in every order of steps.
check-models: | tools
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked --release --target-dir $(TARGET)/loom --test models --test models_queue

# The queue in shared memory against references and with its memory overwritten, as in check-rust and longer.
check-queue: | tools
	ROBUSTIPC_TEST_ROUNDS=20 $(CARGO) test --locked --lib ipc::mq::shared::tests

# Plain POSIX programs, which know nothing of this library: neither its header nor its flags. They run on the kernel's
# queues and, unchanged, on the drop-in's. Fortified, some calls are others.
POSIX_TESTS := $(TARGET)/posix
POSIX_HEADERS := c-tests/posix/posix.h c-tests/support/children.h
POSIX_CFLAGS := -std=c11 -D_GNU_SOURCE -O2 -g $(WARNINGS)
POSIX_NAMES := $(basename $(notdir $(wildcard c-tests/posix/*.c)))
POSIX_PROGRAMS := $(foreach kind,plain fortified,$(addprefix $(POSIX_TESTS)/$(kind)/,$(POSIX_NAMES))) \
  $(addprefix $(POSIX_TESTS)/documents/,$(basename $(notdir $(wildcard c-tests/posix/documents/*.c c-tests/posix/documents/*.cpp))))

$(POSIX_TESTS)/plain/%: c-tests/posix/%.c $(POSIX_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(POSIX_CFLAGS) -U_FORTIFY_SOURCE $< -o $@ -pthread -lrt

$(POSIX_TESTS)/fortified/%: c-tests/posix/%.c $(POSIX_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(POSIX_CFLAGS) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $< -o $@ -pthread -lrt

$(POSIX_TESTS)/documents/%: c-tests/posix/documents/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(POSIX_CFLAGS) $< -o $@ -pthread -lrt

$(POSIX_TESTS)/documents/%: c-tests/posix/documents/%.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $< -o $@ -pthread -lrt

check-posix: $(POSIX_PROGRAMS)
	c-tests/posix/run.sh $(if $(POSIX_PRELOAD),--preload $(POSIX_PRELOAD)) $(POSIX_TESTS)

# The drop-in finds librobustipc.so as any program does.
check-posix-shared: $(POSIX_PROGRAMS) $(STAGE)/installed
	LD_LIBRARY_PATH=$(STAGE)/lib c-tests/posix/run.sh --preload $(STAGE)/lib/librobustipc-posix.so \
	  --differences c-tests/posix/differences.txt $(POSIX_TESTS)

tools-check: tools
	@command -v $(firstword $(CXX)) >/dev/null || { echo "robustipc: $(firstword $(CXX)) is missing: install a C++ compiler" >&2; exit 1; }

check-c: tools-check $(addprefix $(C_TESTS)/,$(TEST_PROGRAMS) $(TESTS))
	@echo "librobustipc.so, stripped: $$(c-tests/support/stripped_size.sh $(SHARED)) bytes (at most 524287)"
	c-tests/run.sh $(addprefix $(C_TESTS)/,$(TESTS)) $(CHECK_SCRIPTS)

# One line for each tool that is missing.
tools-all: tools-check
	@missing=0; \
	need() { "$$@" >/dev/null 2>&1 || { echo "robustipc: make check-all needs $$what" >&2; missing=1; }; }; \
	what="rustfmt (rustup component add rustfmt)"; need $(CARGO) fmt --version; \
	what="clippy (rustup component add clippy)"; need $(CARGO) clippy --version; \
	what="valgrind that runs (on Debian with libc6-dbg)"; need valgrind -q true; \
	what="abidiff (abigail-tools)"; need abidiff --version; \
	what="mandoc"; need sh -c 'command -v mandoc'; \
	what="the compiler's sanitizers (libasan, libubsan)"; \
	need sh -c 'echo "int main(void) { return 0; }" | $(CC) $(SANITIZE) -x c - -o /dev/null'; \
	exit $$missing

# Under valgrind a test takes many times as long, and some of the scripts build the library again.
check-all: tools-all $(foreach way,valgrind sanitized,$(addprefix $(C_TESTS)/$(way)/,$(TEST_PROGRAMS) $(TESTS)))
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path posix/Cargo.toml --check
	$(CARGO) clippy --locked --manifest-path posix/Cargo.toml --target-dir $(TARGET)/posix-library -- -D warnings
	$(MAKE) --no-print-directory check-models check-queue
	$(MAKE) --no-print-directory check-kill-full-here
	$(SANITIZER_OPTIONS) TEST_TIMEOUT=600 c-tests/run.sh $(foreach way,valgrind sanitized,$(addprefix $(C_TESTS)/$(way)/,$(TESTS))) \
	  $(CHECK_ALL_SCRIPTS)

# A process killed at every instruction: tests/kill_every_instruction.rs steps the victims. The second and the third
# use the drop-in for <mqueue.h>, with and without poll(), which it has to notice.
VICTIM := $(C_TESTS)/victim/victim
VICTIMS := $(VICTIM) $(C_TESTS)/victim/posix $(C_TESTS)/victim/posix-polled
VICTIM_HEADERS := $(wildcard c-tests/victim/*.h)
POSIX_VICTIM_SOURCES := $(addprefix c-tests/victim/,victim.c queue.c posix.c)
VICTIM_SOURCES := $(filter-out c-tests/victim/posix.c,$(wildcard c-tests/victim/*.c))
KILL_FLAGS ?=
empty :=
KILL = ROBUSTIPC_VICTIMS=$(subst $(empty) ,:,$(VICTIMS)) $(CARGO) test --locked --quiet --test kill_every_instruction --

# Bound at once: what is stepped is the library, and not the dynamic linker.
VICTIM_CC = @mkdir -p $(@D); set -x; \
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) $(filter %.c,$^) -o $@ \
	  $(1) $$($(STAGED) --libs) $(RPATH) -Wl,-z,now -pthread

$(VICTIM): $(VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC)

$(C_TESTS)/victim/posix: $(POSIX_VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC,-DVICTIM_POSIX -L$(STAGE)/lib -lrobustipc-posix)

$(C_TESTS)/victim/posix-polled: $(POSIX_VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC,-DVICTIM_POSIX -DVICTIM_POLLS -L$(STAGE)/lib -lrobustipc-posix)

check-kill: $(VICTIMS)
	$(KILL) --quick $(KILL_FLAGS)

check-kill-full: $(VICTIMS)
	$(KILL) --full $(KILL_FLAGS)

# As a part of the other tests: where the machine is another, they go on without. Asked for by name, it fails there.
# In full for the drop-in's calls, too, it takes half as long again.
ifeq ($(MACHINE),x86_64)
check-kill-here: check-kill
check-kill-full-here:
	@$(MAKE) --no-print-directory check-kill-full VICTIMS=$(VICTIM)
else
check-kill-here check-kill-full-here:
	@echo "robustipc: left out on $(MACHINE): check-kill, which knows the instructions of x86_64 only"
endif

clean:
	$(CARGO) clean
