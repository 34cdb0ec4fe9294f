# Coverage-guided fuzzing of the code that reads bytes of shared memory (fuzz/src). Its findings are in
# fuzz/artifacts, and `cargo +nightly fuzz run TARGET FILE` repeats it.

.PHONY: fuzz

FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/src/*.rs)))
# For how long each target runs.
FUZZ_SECONDS ?= 60
FUZZ_TOOLCHAIN ?= nightly

fuzz: ## fuzzes each target for FUZZ_SECONDS=60; needs cargo-fuzz and a nightly compiler
	@$(CARGO) +$(FUZZ_TOOLCHAIN) --version >/dev/null 2>&1 || \
	  { echo "robustipc: a nightly compiler is missing: rustup toolchain install $(FUZZ_TOOLCHAIN)" >&2; exit 1; }
	@$(CARGO) +$(FUZZ_TOOLCHAIN) fuzz --version >/dev/null 2>&1 || \
	  { echo "robustipc: cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
	  $(CARGO) +$(FUZZ_TOOLCHAIN) fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 \
	    -print_final_stats=1 || exit 1; \
	done
