# The files that are generated and committed, each with a test that compares it (CONTRIBUTING.md has the table).

.PHONY: header exports abi size-record stack-table

header: ## generates include/robustipc.h and src/ffi/private.h from the doc comments
	@mk/tools.sh rust cc
	$(call step,CARGO,include/robustipc.h)mk/build.sh $(CURDIR)/include robustipc.h=robustipc.h \
	  -- $(CARGO_BUILD) $(CARGO_FLAGS)
	$(call step,CARGO,src/ffi/private.h)mk/build.sh $(CURDIR)/src/ffi private.h=private.h \
	  -- $(CARGO_BUILD) $(CARGO_FLAGS)

exports: $(SHARED) ## writes the lists of exported symbols, exports.txt and Debian's
	$(Q)c-tests/support/exports.sh $(SHARED) >exports.txt.new && mv -f exports.txt.new exports.txt
	$(Q)mk/symbols.sh

abi: ## writes the interface as compiled programs see it, abi.xml (needs abigail-tools)
	$(Q)mkdir -p $(TARGET)
	$(Q)c-tests/support/abi.sh include/robustipc.h $(TARGET)/abi.so librobustipc.so.$(SOVERSION)
	$(Q)abidw --no-corpus-path --no-comp-dir-path --no-show-locs $(TARGET)/abi.so | sed "s| path='[^']*'| path='robustipc.c'|" >abi.xml.new
	$(Q)mv -f abi.xml.new abi.xml

size-record: $(SHARED) ## writes the size of the stripped shared library, size.txt
	$(Q)mk/size.sh --record $(SHARED) >size.txt.new && mv -f size.txt.new size.txt

stack-table: $(C_TESTS)/general/stack_needed $(C_TESTS)/platforms/oldkernel ## measures the stack that calls need, and writes the table in man/robustipc.7
	$(Q)mk/stack_table.sh $(C_TESTS)/platforms/oldkernel $(C_TESTS)/general/stack_needed man/robustipc.7
