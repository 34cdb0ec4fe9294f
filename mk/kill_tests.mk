# A process killed at every instruction: tests/kill_every_instruction.rs steps the victims. The second and the third
# victim use the drop-in for <mqueue.h>: in the third, a process is about to sleep in poll().

.PHONY: check-kill check-kill-brief check-kill-medium check-kill-full check-kill-here

# The harness can step only this machine's instructions.
MACHINE := $(shell uname -m)
VICTIM := $(C_TESTS)/victim/victim
VICTIMS := $(VICTIM) $(C_TESTS)/victim/posix $(C_TESTS)/victim/posix-polled
VICTIM_HEADERS := $(wildcard c-tests/victim/*.h)
POSIX_VICTIM_SOURCES := $(addprefix c-tests/victim/,victim.c queue.c posix.c)
VICTIM_SOURCES := $(filter-out c-tests/victim/posix.c,$(wildcard c-tests/victim/*.c))
KILL_FLAGS ?=
empty :=
KILL = ROBUSTIPC_VICTIMS=$(subst $(empty) ,:,$(VICTIMS)) $(CARGO) test --locked --quiet --test kill_every_instruction --

# Bound at once (-z now), so that the harness steps the library and not the dynamic linker.
VICTIM_CC = $(call step,CC,$(@:$(C_TESTS)/%=c-tests/%))mkdir -p $(@D) && \
	$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $$($(STAGED) --cflags) $(filter %.c,$^) -o $@ \
	  $(1) $$($(STAGED) --libs) $(RPATH) -Wl,-z,now -pthread

$(VICTIM): $(VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC)

$(C_TESTS)/victim/posix: $(POSIX_VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC,-DVICTIM_POSIX -L$(STAGE)/lib -lrobustipc-posix)

$(C_TESTS)/victim/posix-polled: $(POSIX_VICTIM_SOURCES) $(VICTIM_HEADERS) $(STAGE)/installed
	$(call VICTIM_CC,-DVICTIM_POSIX -DVICTIM_POLLS -L$(STAGE)/lib -lrobustipc-posix)

check-kill-brief: $(VICTIMS) ## a process killed at a few instructions of every operation (x86-64)
	$(Q)$(KILL) --brief $(KILL_FLAGS)

check-kill: $(VICTIMS) ## a process killed at many instructions of every operation (x86-64)
	$(Q)$(KILL) --quick $(KILL_FLAGS)

check-kill-medium: $(VICTIMS) ## a process killed at more instructions of every operation (x86-64)
	$(Q)$(KILL) --medium $(KILL_FLAGS)

check-kill-full: $(VICTIMS) ## a process killed at nearly every instruction of every operation (x86-64)
	$(Q)$(KILL) --full $(KILL_FLAGS)

# When the brief set runs as a part of make check, another machine skips it. Called by name on another machine,
# it fails. make check-all runs check-kill. Neither check-kill-medium nor check-kill-full is a part of other tests: both take longer than CI has.
ifeq ($(MACHINE),x86_64)
check-kill-here: check-kill-brief
else
check-kill-here:
	@echo "robustipc: left out on $(MACHINE): check-kill-brief, which knows the instructions of x86_64 only"
endif
