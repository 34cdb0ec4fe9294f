# The C tests, and the tests in Rust that need no tools besides. See CONTRIBUTING.md, "Testing".

.PHONY: check-rust check-models check-queue check-c check-faults check-storm

# Each program in one of the groups is a test. A program in ported/ (one from a document) is a test through the file
# beside it: NAME.expected or NAME.sh. NAME.test runs NAME and judges it. make finds new files by itself.
C_TEST_GROUPS := shm mutex rwlock cond sem permits barrier event once mq topic cell service waitset pipe spawn fifo sock pty sysv \
  list general cpp
C_TEST_SOURCES := $(wildcard $(C_TEST_GROUPS:%=c-tests/%/*.c) c-tests/cpp/*.cpp)
PORTED_SOURCES := $(wildcard c-tests/ported/*.c c-tests/ported/*.cpp)
PORTED_JUDGED := $(wildcard c-tests/ported/*.expected c-tests/ported/*.sh)
TEST_HEADERS := $(wildcard c-tests/support/*.h c-tests/ported/*.h)
# The scripts test what programs cannot test.
CHECK_SCRIPTS := $(wildcard c-tests/check/*.sh)
CHECK_ALL_SCRIPTS := $(wildcard c-tests/check-all/*.sh)

# The tests that run on the kernel's message queues and on those in shared memory.
SHARED_QUEUE_TESTS := $(addprefix shared/mq/,create_race destructive_read directions fork_and_poll handles interrupted \
  killed_waiters message_boundaries notify_callback notify_eventfd notify_life notify_rests notify_signal \
  priority_order signal_storm timeouts unlink_open waiters_share)
TEST_PROGRAMS := $(SHARED_QUEUE_TESTS) $(basename $(C_TEST_SOURCES:c-tests/%=%) $(PORTED_SOURCES:c-tests/%=%))
TESTS := $(SHARED_QUEUE_TESTS) $(basename $(C_TEST_SOURCES:c-tests/%=%)) $(sort $(patsubst c-tests/%,%.test,$(basename $(PORTED_JUDGED))))

C_TESTS := $(TARGET)/c-tests
TEST_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -Ic-tests/support $$($(STAGED) --cflags)
TEST_CXXFLAGS = -std=c++17 -D_GNU_SOURCE $(CXXFLAGS) $(WARNINGS) -Ic-tests/support $$($(STAGED) --cflags)
TEST_LIBS = $$($(STAGED) --libs) $(RPATH) -pthread
# The tests whose threads ThreadSanitizer watches. One of them replaces malloc, as ThreadSanitizer does.
THREAD_TESTS := $(filter-out general/no_allocation_after_open,$(basename $(patsubst c-tests/%,%,$(shell \
  grep -l pthread_create $(C_TEST_SOURCES)))))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
VALGRIND := valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --suppressions=$(CURDIR)/c-tests/support/valgrind.supp

check-rust:
	@mk/tools.sh rust cc
	$(CARGO) test --locked

check-c: tools-check $(addprefix $(C_TESTS)/,$(TEST_PROGRAMS) $(TESTS)) ## the C tests and the test scripts alone
	@c-tests/run.sh $(addprefix $(C_TESTS)/,$(TESTS)) $(CHECK_SCRIPTS)

# check-c runs a quick set of this: it takes two errors for each of the first 25 system calls of a call.
check-faults: tools-check $(C_TESTS)/general/system_call_fails ## each system call of each call fails with each error; takes minutes
	$(C_TESTS)/general/system_call_fails --full --header include/robustipc.h

# check-c kills some 200 processes in each of these.
STORM_KILLS ?= 10000
check-storm: tools-check $(addprefix $(C_TESTS)/,topic/storm service/storm) ## processes with topics and services are killed 10,000 times; takes minutes
	STORM_KILLS=$(STORM_KILLS) $(C_TESTS)/topic/storm
	STORM_KILLS=$(STORM_KILLS) $(C_TESTS)/service/storm

check-models: ## the algorithms of src/sync, the queue, topics and services in every order of steps, with loom
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked --release --target-dir $(TARGET)/loom --test models --test models_queue --test models_topic --test models_turn_bell --test models_service

# The queue in shared memory against references, and with its memory overwritten: the tests of check-rust, but longer.
check-queue:
	ROBUSTIPC_TEST_ROUNDS=20 $(CARGO) test --locked --lib ipc::mq::shared::tests

# The event loops of other libraries, where these are installed for the target. Elsewhere their tests are skipped.
LOOP_LIBRARY_loop_glib := glib-2.0
LOOP_LIBRARY_loop_uv := libuv
define loop_program
$(C_TESTS)/waitset/$(1) $(C_TESTS)/sanitized/waitset/$(1): TEST_CFLAGS += $$(shell $(PKG_CONFIG) --cflags $$(LOOP_LIBRARY_$(1)) 2>/dev/null || echo -DNO_LOOP_LIBRARY)
$(C_TESTS)/waitset/$(1) $(C_TESTS)/sanitized/waitset/$(1): TEST_LIBS += $$(shell $(PKG_CONFIG) --libs $$(LOOP_LIBRARY_$(1)) 2>/dev/null)
endef
$(foreach loop,loop_glib loop_uv,$(eval $(call loop_program,$(loop))))

# $(call c_program,DIRECTORY,OPTIONS) are the rules for the test programs of one kind, from C and from C++.
define c_program
$(C_TESTS)/$(1)%: c-tests/%.c $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $$(@D)
	$$(call step,CC,$(if $(1),[$(patsubst %/,%,$(1))] )$$<)$$(CC) $$(TEST_CFLAGS) $(2) $$< -o $$@ $$(TEST_LIBS)

$(C_TESTS)/$(1)%: c-tests/%.cpp $(TEST_HEADERS) $(STAGE)/installed
	@mkdir -p $$(@D)
	$$(call step,CXX,$(if $(1),[$(patsubst %/,%,$(1))] )$$<)$$(CXX) $$(TEST_CXXFLAGS) $(2) $$< -o $$@ $$(TEST_LIBS)
endef
$(eval $(call c_program,,))
$(eval $(call c_program,shared/,-DMQ_FLAGS=0))
$(eval $(call c_program,sanitized/,$(SANITIZE)))
$(eval $(call c_program,sanitized/shared/,-DMQ_FLAGS=0 $(SANITIZE)))

$(eval $(call c_program,threads/,-fsanitize=thread))

# A script that runs the program under valgrind.
$(C_TESTS)/valgrind/%: $(C_TESTS)/% mk/c_tests.mk
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nTEST_TOOL=valgrind exec %s "%s" "$$@"\n' '$(VALGRIND)' '$<' >$@
	@chmod +x $@

# A script that runs and judges a ported program. (One rule for each directory: make takes the rule with the shortest
# stem, and the script itself must not be run under valgrind.)
define judged
$(C_TESTS)/$(1)ported/%.test: $(C_TESTS)/$(1)ported/% mk/c_tests.mk c-tests/ported.sh
	@printf '#!/bin/sh\nexec "%s" "%s" "%s"\n' '$(CURDIR)/c-tests/ported.sh' '$(CURDIR)/c-tests/ported/$$*' '$$<' >$$@
	@chmod +x $$@
endef
$(eval $(call judged,))
$(eval $(call judged,valgrind/))
$(eval $(call judged,sanitized/))
