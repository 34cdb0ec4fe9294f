# The tests that need installed tools.

.PHONY: tools-all

# The sanitizers handle no signals: a test that writes to forbidden memory expects the signal of a program without
# sanitizers, and a test that checks a child's signals expects their defaults. Valgrind finds the leaks. The sanitizers'
# own search would report the allocations of threads that a forked child does not have.
SANITIZER_OPTIONS := ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:detect_leaks=0

# A test may start threads in a child of a process with threads.
THREAD_SANITIZER_OPTIONS := TSAN_OPTIONS=die_after_fork=0

# Prints one line for each missing tool.
tools-all: tools-check
	@missing=0; \
	need() { "$$@" >/dev/null 2>&1 || { echo "robustipc: make check-all needs $$what" >&2; missing=1; }; }; \
	what="rustfmt (rustup component add rustfmt)"; need $(CARGO) fmt --version; \
	what="clippy (rustup component add clippy)"; need $(CARGO) clippy --version; \
	what="valgrind that runs (on Debian with libc6-dbg)"; need valgrind -q true; \
	what="abidiff (abigail-tools)"; need abidiff --version; \
	what="mandoc"; need sh -c 'command -v mandoc'; \
	what="the compiler's sanitizers (libasan, libubsan, libtsan)"; \
	for way in "$(SANITIZE)" -fsanitize=thread; do \
	  need sh -c "echo 'int main(void) { return 0; }' | $(CC) $$way -x c - -o /dev/null"; \
	done; \
	exit $$missing

# Under valgrind a test takes many times as long, and some of the scripts build the library again.
check-all: tools-all $(foreach way,valgrind sanitized,$(addprefix $(C_TESTS)/$(way)/,$(TEST_PROGRAMS) $(TESTS))) \
  $(THREAD_TESTS:%=$(C_TESTS)/threads/%)
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path posix/Cargo.toml --check
	$(CARGO) clippy --locked --manifest-path posix/Cargo.toml --target-dir $(TARGET)/posix-library -- -D warnings
	$(CARGO) fmt --manifest-path tool/Cargo.toml --check
	$(CARGO) clippy --locked --manifest-path tool/Cargo.toml --target-dir $(TARGET)/tool --all-targets -- -D warnings
	@$(MAKE) --no-print-directory check-models check-queue $(if $(filter x86_64,$(MACHINE)),check-kill)
	@$(SANITIZER_OPTIONS) $(THREAD_SANITIZER_OPTIONS) TEST_TIMEOUT=600 c-tests/run.sh $(foreach way,valgrind sanitized,$(addprefix $(C_TESTS)/$(way)/,$(TESTS))) \
	  $(THREAD_TESTS:%=$(C_TESTS)/threads/%) $(CHECK_ALL_SCRIPTS)
