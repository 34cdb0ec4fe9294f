# The libraries, and an installation of them in target/stage that the C programs are built against.

# make splits every list of files at spaces.
ifneq ($(words $(CURDIR)),1)
$(error robustipc: make cannot build in a folder whose path has spaces: "$(CURDIR)". Move the source, or use cargo)
endif
ifneq ($(words $(or $(CARGO_TARGET_DIR),target)),1)
$(error robustipc: make cannot build into a folder whose path has spaces: "$(CARGO_TARGET_DIR)")
endif

CARGO ?= cargo
# CROSS_COMPILE=aarch64-linux-gnu- builds for the machine of aarch64-linux-gnu-gcc: docs/cross-building.md.
ifdef CROSS_COMPILE
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin CXX),default)
CXX := $(CROSS_COMPILE)g++
endif
STRIP ?= $(CROSS_COMPILE)strip
ifndef CARGO_BUILD_TARGET
CARGO_BUILD_TARGET := $(shell mk/target.sh $(CC))
endif
ifeq ($(CARGO_BUILD_TARGET),)
$(error robustipc: CROSS_COMPILE=$(CROSS_COMPILE) names no compiler for a supported machine)
endif
export CARGO_BUILD_TARGET
endif
CC ?= cc
CXX ?= c++
PKG_CONFIG ?= pkg-config
INSTALL ?= install
# Set STRIP to nothing to install the libraries with their debug information.
STRIP ?= strip
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
# Options for cargo build: --no-default-features builds without cbindgen, --offline without network.
CARGO_FLAGS ?=
WARNINGS := -Wall -Wextra -Wpedantic -Werror

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# Before 1.0 a minor version may break the ABI, so the soname carries it (build.rs agrees).
SOVERSION := $(word 1,$(subst ., ,$(VERSION))).$(word 2,$(subst ., ,$(VERSION)))

# The paths are absolute, so that the tests find their files from every working directory.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# cargo's own output folder depends on its target (CARGO_BUILD_TARGET, build.target), so the libraries are copied here.
LIBS := $(TARGET)/lib
SHARED := $(LIBS)/librobustipc.so
STATIC := $(LIBS)/librobustipc.a
# The drop-in for <mqueue.h> is a crate of its own, so that it contains no second copy of the library.
# DROP_IN=no leaves it out.
DROP_IN ?= yes
POSIX := $(if $(filter no,$(DROP_IN)),,$(LIBS)/librobustipc-posix.so)
STAGE := $(TARGET)/stage
RUST_SOURCES := $(shell find src -type f) Cargo.toml Cargo.lock build.rs cbindgen.toml
MAN_PAGES := $(wildcard man/*.3 man/*.7)

# cargo links for the target with the C compiler of the target. A shared library for musl links libc dynamically, which is
# not cargo's default there.
ifdef CARGO_BUILD_TARGET
CARGO_TARGET_NAME := $(shell echo '$(CARGO_BUILD_TARGET)' | tr 'a-z-' 'A-Z_')
ifdef CROSS_COMPILE
export CARGO_TARGET_$(CARGO_TARGET_NAME)_LINKER ?= $(firstword $(CC))
endif
ifneq ($(findstring musl,$(CARGO_BUILD_TARGET)),)
export CARGO_TARGET_$(CARGO_TARGET_NAME)_RUSTFLAGS ?= -C target-feature=-crt-static
endif
endif

# For the scripts in mk/ and c-tests/, and for the makes that they call.
export CARGO CC CXX PKG_CONFIG INSTALL STRIP MAKE TARGET LIBS STAGE DROP_IN
# Where mk/install.sh installs.
DIRECTORIES = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' MANDIR='$(MANDIR)'

# Starts a recipe line that prints "CC c-tests/mq/overwrite.c"; with V=1 make prints the whole line instead.
step = $(if $(filter 1,$(V)),,@echo '$(1) $(2)' &&)
# Hides a line that says nothing to a user; V=1 shows it.
Q := $(if $(filter 1,$(V)),,@)

.PHONY: tools tools-check FORCE
.DELETE_ON_ERROR:

all: $(SHARED) $(STATIC) $(POSIX)

# The settings that the libraries were built with: a change of these rebuilds them. `make install` does not compare
# them, because sudo drops the environment.
$(LIBS)/settings: $(if $(filter-out install uninstall,$(or $(MAKECMDGOALS),all)),FORCE)
	@mkdir -p $(@D)
	@echo 'target=$(CARGO_BUILD_TARGET) rustflags=$(RUSTFLAGS) flags=$(CARGO_FLAGS)' >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
FORCE:

# cargo is not a prerequisite, because an installation of built libraries needs no cargo. The recipes ask for it.
CARGO_BUILD := $(CARGO) build --release --locked --lib
$(SHARED): $(RUST_SOURCES) mk/library.mk mk/build.sh $(LIBS)/settings
	@mk/tools.sh rust cc
	$(call step,CARGO,librobustipc.so librobustipc.a)mk/build.sh $(LIBS) librobustipc.so=librobustipc.so librobustipc.a=librobustipc.a \
	  -- $(CARGO_BUILD) $(CARGO_FLAGS)

# One run of cargo makes both libraries, and this one is copied last.
$(STATIC): $(SHARED)
	@test -e $@ || { rm -f $(SHARED); $(MAKE) --no-print-directory $(SHARED); }

# Nothing in the drop-in panics. It has unwind tables all the same, because a thread may be cancelled in it.
$(LIBS)/librobustipc-posix.so: $(wildcard posix/src/*.rs) posix/Cargo.toml posix/Cargo.lock posix/build.rs $(SHARED)
	@mk/tools.sh rust cc
	$(call step,CARGO,librobustipc-posix.so)ROBUSTIPC_LIBRARY_DIRECTORY=$(LIBS) mk/build.sh $(LIBS) librobustipc_posix.so=librobustipc-posix.so \
	  -- $(CARGO) rustc --release --locked --manifest-path posix/Cargo.toml --target-dir $(TARGET)/posix-library $(filter -Z% --offline --frozen,$(CARGO_FLAGS)) \
	  -- -C force-unwind-tables=yes

# All C programs are built against the library as a user has it: installed, and found with pkg-config. The only
# difference is that it keeps its debug information, for valgrind and for debuggers.
$(STAGE)/installed: $(SHARED) $(STATIC) $(POSIX) include/robustipc.h include/robustipc.hpp robustipc.pc.in robustipc.supp $(wildcard packaging/cmake/*) mk/install.sh mk/library.mk $(MAN_PAGES)
	@mk/tools.sh cc pkg-config
	$(call step,INSTALL,$(STAGE))rm -rf $(STAGE) && \
	  STRIP= DESTDIR= PREFIX=$(STAGE) LIBDIR=$(STAGE)/lib INCLUDEDIR=$(STAGE)/include MANDIR=$(STAGE)/share/man \
	  mk/install.sh install >$(TARGET)/stage.log && mv -f $(TARGET)/stage.log $@

STAGED = PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(PKG_CONFIG) robustipc
# The programs find the staged library without LD_LIBRARY_PATH, so that they can be run by hand.
RPATH := -Wl,-rpath,$(STAGE)/lib

tools: ## says which of the tools that make needs are missing or too old
	@mk/tools.sh rust cc pkg-config

tools-check:
	@mk/tools.sh rust cc c++ pkg-config

DEMO := producer consumer worker camera answers

demo: $(addprefix $(TARGET)/demo/,$(DEMO))

$(TARGET)/demo/%: c-tests/demo/%.c c-tests/demo/sample.h $(STAGE)/installed
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) \
	  $< -o $@ $$($(STAGED) --libs) $(RPATH)
