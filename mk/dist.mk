# What is handed on: the source archive and the manual as web pages.

.PHONY: dist

dist: ## makes the source archive with all crates, in target/dist; the same source gives the same bytes
	@CARGO='$(CARGO)' mk/dist.sh $(TARGET)/dist
