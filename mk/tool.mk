# ripc, the program: a crate of its own, which links librobustipc.so.

.PHONY: tool install-tool uninstall-tool

RIPC := $(TARGET)/bin/ripc

tool: $(RIPC) ## ripc, the program that shows and handles objects, in target/bin

$(RIPC): $(wildcard tool/src/*.rs tool/src/*.roff tool/src/*/*.rs) tool/Cargo.toml tool/Cargo.lock tool/build.rs $(SHARED)
	@mk/tools.sh rust cc
	@mkdir -p $(@D)
	@ln -sf librobustipc.so $(LIBS)/librobustipc.so.$(SOVERSION)
	$(call step,CARGO,ripc)ROBUSTIPC_LIBRARY_DIRECTORY=$(LIBS) $(CARGO) build --release --locked --manifest-path tool/Cargo.toml \
	  --target-dir $(TARGET)/tool && cp $(TARGET)/tool/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release/ripc $@

# The program writes its own manual page and completions, so it has to run on this machine.
install-tool: $(RIPC) ## installs ripc, its manual page and its completions under PREFIX
	@$(DIRECTORIES) mk/install_tool.sh install $(RIPC)

uninstall-tool: ## removes what install-tool installs
	@$(DIRECTORIES) mk/install_tool.sh uninstall $(RIPC)
