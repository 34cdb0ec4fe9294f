# The tests on the other platforms that the library supports: docs/platforms.md has the table.

.PHONY: check-oldkernel check-platforms

PLATFORM_TOOLS := $(addprefix $(C_TESTS)/platforms/,oldkernel old_kernel_refuses)

$(PLATFORM_TOOLS): $(C_TESTS)/platforms/%: c-tests/platforms/%.c
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) $< -o $@

# The C tests with everything refused that is newer than Linux 5.4, so that each fallback is tested on each kernel.
check-oldkernel: tools-check $(addprefix $(C_TESTS)/,$(TEST_PROGRAMS) $(TESTS)) $(PLATFORM_TOOLS) ## the C tests as on Linux 5.4, the oldest supported kernel
	@c-tests/run.sh --wrap $(C_TESTS)/platforms/oldkernel $(C_TESTS)/platforms/old_kernel_refuses $(addprefix $(C_TESTS)/,$(TESTS))

# The platforms of check-platforms, in the order of docs/platforms.md. PLATFORM=i686 tests one.
PLATFORMS ?= $(or $(PLATFORM),i686 x86_64-musl linux-5.10 preempt-rt aarch64 armv7 riscv64 aarch64-musl debian11 debian13)
# The platforms on which the tests of this machine run. The others have builds of their own.
OWN_PLATFORMS := $(filter oldkernel linux-5.10 preempt-rt debian11 debian13,$(PLATFORMS))

# A missing tool is a failure. Everything that is downloaded stays in target/platforms.
check-platforms: tools-check $(if $(OWN_PLATFORMS),$(addprefix $(C_TESTS)/,$(TEST_PROGRAMS) $(TESTS)) $(PLATFORM_TOOLS) $(addprefix $(TARGET)/demo/,$(DEMO))) ## the tests on other kernels and C libraries, in virtual machines; needs Debian
	@mkdir -p $(TARGET)/platforms
	@printf '%s\n' $(addprefix $(C_TESTS)/,$(TESTS)) >$(TARGET)/platforms/tests
	@c-tests/platforms/check.sh $(PLATFORMS)
