# robustipc-bridge, the bridge between machines: a crate of its own, which links librobustipc.so. It is the only part that needs Zenoh,
# so no other target builds it.

.PHONY: bridge install-bridge uninstall-bridge check-bridge bench-bridge

BRIDGE := $(TARGET)/bin/robustipc-bridge
BRIDGE_CARGO := ROBUSTIPC_LIBRARY_DIRECTORY=$(LIBS) LD_LIBRARY_PATH=$(LIBS) $(CARGO)

bridge: $(BRIDGE) ## robustipc-bridge, which connects objects of several machines, in target/bin; takes minutes

$(BRIDGE): $(wildcard bridge/src/*.rs bridge/src/*.roff bridge/src/*/*.rs bridge/src/*/*/*.rs) bridge/Cargo.toml bridge/Cargo.lock bridge/build.rs $(SHARED)
	@mk/tools.sh rust cc
	@mkdir -p $(@D)
	@ln -sf librobustipc.so $(LIBS)/librobustipc.so.$(SOVERSION)
	$(call step,CARGO,robustipc-bridge)$(BRIDGE_CARGO) build --release --locked --manifest-path bridge/Cargo.toml \
	  --target-dir $(TARGET)/bridge && cp $(TARGET)/bridge/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release/robustipc-bridge $@

install-bridge: $(BRIDGE) ## installs robustipc-bridge, its manual pages, an example and its systemd unit under PREFIX
	@$(DIRECTORIES) mk/install_bridge.sh install $(BRIDGE)

uninstall-bridge: ## removes what install-bridge installs
	@$(DIRECTORIES) mk/install_bridge.sh uninstall $(BRIDGE)

bench-bridge: $(SHARED) ## measures robustipc-bridge against plain Zenoh; compiles Zenoh with optimisation first
	@ln -sf librobustipc.so $(LIBS)/librobustipc.so.$(SOVERSION)
	$(BRIDGE_CARGO) test --release --locked --manifest-path bridge/Cargo.toml --target-dir $(TARGET)/bridge --test bench -- --ignored --nocapture

check-bridge: $(SHARED) ## the tests of robustipc-bridge; takes minutes the first time
	@ln -sf librobustipc.so $(LIBS)/librobustipc.so.$(SOVERSION)
	$(BRIDGE_CARGO) test --locked --manifest-path bridge/Cargo.toml --target-dir $(TARGET)/bridge
