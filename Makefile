# robustipc: build, demonstrate, test, measure, install. `make help` lists the targets; V=1 shows whole commands.
#
# This file has the targets that a user calls. The rules behind them are in mk/: library.mk (the libraries and the
# staged installation), c_tests.mk, posix_tests.mk, kill_tests.mk, platforms.mk, fuzz.mk, all_tests.mk, benches.mk, generated.mk, tool.mk and dist.mk.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

.PHONY: all demo check check-all bench install uninstall size clean help
all: ## the shared and the static library and the drop-in for <mqueue.h>, in target/lib

demo: ## builds everything and runs the main job
	@c-tests/demo/demo.sh $(TARGET)/demo

check: tools-check ## builds and passes every test that needs only Rust, C and C++ compilers, make and pkg-config
	@for part in check-rust check-kill-here check-posix check-posix-shared check-c check-oldkernel; do \
	  $(MAKE) --no-print-directory $$part || exit 1; \
	done

check-all: ## runs the tests that need more tools: valgrind, sanitizers, clippy, abidiff, mandoc

bench: ## measures the library beside what it replaces; run it on an idle machine

install: all ## installs under PREFIX=/usr/local; LIBDIR, INCLUDEDIR, MANDIR and DESTDIR are honoured
	@$(DIRECTORIES) mk/install.sh install

uninstall: ## removes what install installs
	@$(DIRECTORIES) mk/install.sh uninstall

size: all ## prints the size of the stripped shared library and what takes it
	@mk/size.sh $(SHARED)

clean: ## removes everything that was built
	$(CARGO) clean

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	  while IFS="$$(printf '\t')" read -r name text; do printf '  make %-20s %s\n' "$$name" "$$text"; done

include mk/library.mk mk/c_tests.mk mk/posix_tests.mk mk/kill_tests.mk mk/platforms.mk mk/fuzz.mk mk/all_tests.mk mk/benches.mk mk/generated.mk mk/tool.mk mk/bridge.mk mk/dist.mk
