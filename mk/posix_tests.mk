# The conformance set for <mqueue.h>: plain POSIX programs, built without this library's header or flags. They run on
# the kernel's queues and, unchanged, on the drop-in's.

.PHONY: check-posix check-posix-shared

POSIX_TESTS := $(TARGET)/posix
POSIX_HEADERS := c-tests/posix/posix.h c-tests/support/children.h
# POSIX_DEFINES=-D_TIME_BITS=64: for times of 64 bits on a machine with 32.
POSIX_CFLAGS = -std=c11 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(POSIX_DEFINES)
POSIX_NAMES := $(basename $(notdir $(wildcard c-tests/posix/*.c)))
# With _FORTIFY_SOURCE a program calls other functions, so each is built with and without it.
POSIX_PROGRAMS := $(foreach kind,plain fortified,$(addprefix $(POSIX_TESTS)/$(kind)/,$(POSIX_NAMES))) \
  $(addprefix $(POSIX_TESTS)/documents/,$(basename $(notdir $(wildcard c-tests/posix/documents/*.c c-tests/posix/documents/*.cpp))))

$(POSIX_TESTS)/plain/%: c-tests/posix/%.c $(POSIX_HEADERS) mk/posix_tests.mk
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) $(POSIX_CFLAGS) -U_FORTIFY_SOURCE $< -o $@ -pthread -lrt

$(POSIX_TESTS)/fortified/%: c-tests/posix/%.c $(POSIX_HEADERS) mk/posix_tests.mk
	@mkdir -p $(@D)
	$(call step,CC,[fortified] $<)$(CC) $(POSIX_CFLAGS) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $< -o $@ -pthread -lrt

$(POSIX_TESTS)/documents/%: c-tests/posix/documents/%.c mk/posix_tests.mk
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) $(POSIX_CFLAGS) $< -o $@ -pthread -lrt

$(POSIX_TESTS)/documents/%: c-tests/posix/documents/%.cpp mk/posix_tests.mk
	@mkdir -p $(@D)
	$(call step,CXX,$<)$(CXX) -std=c++17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $< -o $@ -pthread -lrt

check-posix: $(POSIX_PROGRAMS) ## the conformance set for <mqueue.h> on the kernel, or with POSIX_PRELOAD=LIBRARY
	@c-tests/posix/run.sh $(if $(POSIX_PRELOAD),--preload $(POSIX_PRELOAD)) $(POSIX_TESTS)

# The drop-in finds librobustipc.so in the same way as any program.
check-posix-shared: $(POSIX_PROGRAMS) $(STAGE)/installed ## the conformance set on the drop-in library
	@LD_LIBRARY_PATH=$(STAGE)/lib c-tests/posix/run.sh --preload $(STAGE)/lib/librobustipc-posix.so \
	  --differences c-tests/posix/differences.txt $(POSIX_TESTS)
