# robustipc: build, demonstrate, test, install.
#
#   make            the libraries, in target/release
#   make demo       builds everything and runs the main job
#   make check      builds and passes all the tests that need nothing but Rust, a C compiler, make, pkg-config
#   make check-all  the tests that need installed tools: valgrind, sanitizers, clippy, abidiff, ...
#   make bench      measures
#   make install    PREFIX=/usr/local DESTDIR=
#   make header     generates include/robustipc.h anew

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
STAGE := $(TARGET)/stage
C_TESTS := $(TARGET)/c-tests
RUST_SOURCES := $(shell find src -type f) Cargo.toml build.rs cbindgen.toml
MAN_PAGES := $(wildcard man/*.3 man/*.7)

.PHONY: all demo check check-rust check-c check-kill check-kill-full check-all bench install install-strip uninstall header clean tools
.DELETE_ON_ERROR:

all: $(SHARED)

# One line for what is missing, instead of the failure of whatever comes first.
tools:
	@command -v $(CARGO) >/dev/null || { echo "robustipc: cargo is missing: install Rust 1.85 or newer" >&2; exit 1; }
	@command -v $(firstword $(CC)) >/dev/null || { echo "robustipc: $(firstword $(CC)) is missing: install a C compiler" >&2; exit 1; }
	@command -v $(PKG_CONFIG) >/dev/null || { echo "robustipc: $(PKG_CONFIG) is missing: install pkg-config" >&2; exit 1; }

# One run of cargo makes both libraries. cargo leaves a library that did not change as old as it was, so
# its time is set for make.
$(SHARED): $(RUST_SOURCES) | tools
	$(CARGO) build --release --lib --locked
	@touch $(SHARED) $(STATIC)

$(STATIC): $(SHARED)

header: | tools
	$(CARGO) build --release --lib --locked
	cp "$$(ls -t $(RELEASE)/build/robustipc-*/out/robustipc.h | head -n 1)" include/robustipc.h

install: all
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)"
	$(INSTALL) -m 755 $(SHARED) "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)"
	ln -sf librobustipc.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(SOVERSION)"
	ln -sf librobustipc.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/librobustipc.so"
	$(INSTALL) -m 644 $(STATIC) "$(DESTDIR)$(LIBDIR)/librobustipc.a"
	$(INSTALL) -m 644 include/robustipc.h "$(DESTDIR)$(INCLUDEDIR)/robustipc.h"
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS_PRIVATE@|$(LIBS_PRIVATE)|' robustipc.pc.in \
	    > "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	for page in $(MAN_PAGES); do \
	  $(INSTALL) -D -m 644 $$page "$(DESTDIR)$(MANDIR)/man$${page##*.}/$$(basename $$page)" || exit 1; \
	done

install-strip: install
	strip --strip-unneeded "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)"

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/librobustipc.so.$(SOVERSION)" \
	  "$(DESTDIR)$(LIBDIR)/librobustipc.so" "$(DESTDIR)$(LIBDIR)/librobustipc.a" \
	  "$(DESTDIR)$(INCLUDEDIR)/robustipc.h" "$(DESTDIR)$(LIBDIR)/pkgconfig/robustipc.pc"
	for page in $(MAN_PAGES); do rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$$(basename $$page)"; done

# Everything in C is built against the library as a user has it: installed, and found with pkg-config.
$(STAGE)/installed: $(SHARED) include/robustipc.h robustipc.pc.in Makefile $(MAN_PAGES)
	rm -rf $(STAGE)
	$(MAKE) --no-print-directory install PREFIX=$(STAGE) DESTDIR= >/dev/null
	touch $@

STAGED = PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(PKG_CONFIG) robustipc
# The programs find the staged library without LD_LIBRARY_PATH, so that they can be run by hand.
RPATH := -Wl,-rpath,$(STAGE)/lib

C_TEST_SOURCES := $(wildcard c-tests/*.c)
C_TEST_PROGRAMS := $(C_TEST_SOURCES:c-tests/%.c=$(C_TESTS)/%)

$(C_TESTS)/%: c-tests/%.c c-tests/support/test.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ic-tests/support $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH) -pthread

$(TARGET)/demo/%: c-tests/demo/%.c c-tests/demo/sample.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH)

demo: $(TARGET)/demo/producer $(TARGET)/demo/consumer
	c-tests/demo/demo.sh $(TARGET)/demo

BENCH_PROGRAMS := $(patsubst benches/%.c,$(TARGET)/benches/%,$(wildcard benches/*.c))

$(TARGET)/benches/%: benches/%.c benches/support/bench.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ibenches/support $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH) -pthread

# One after the other: they would disturb each other.
bench: $(BENCH_PROGRAMS)
	@for program in $(BENCH_PROGRAMS); do $$program || exit 1; echo; done

check: check-rust check-c check-kill

check-rust: | tools
	$(CARGO) test --locked

check-c: $(C_TEST_PROGRAMS)
	c-tests/run.sh $(C_TEST_PROGRAMS)

# A process killed at every instruction: tests/kill_every_instruction.rs steps the victim.
VICTIM := $(C_TESTS)/victim/victim
VICTIM_SOURCES := $(wildcard c-tests/victim/*.c)
KILL_FLAGS ?=
KILL = ROBUSTIPC_VICTIM=$(VICTIM) $(CARGO) test --locked --quiet --test kill_every_instruction --

# Bound at once: what is stepped is the library, and not the dynamic linker.
$(VICTIM): $(VICTIM_SOURCES) c-tests/victim/victim.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) \
	  $(VICTIM_SOURCES) -o $@ $$($(STAGED) --libs) $(RPATH) -Wl,-z,now -pthread

check-kill: $(VICTIM)
	$(KILL) --quick $(KILL_FLAGS)

check-kill-full: $(VICTIM)
	$(KILL) --full $(KILL_FLAGS)

clean:
	$(CARGO) clean
