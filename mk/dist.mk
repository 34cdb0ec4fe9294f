# Things that are handed on: the source archive and the manual as web pages.

.PHONY: dist html

dist: ## makes the source archive with all crates, in target/dist; the same source gives the same bytes
	@CARGO='$(CARGO)' mk/dist.sh $(TARGET)/dist

html: ## renders the manual as web pages, in target/html; ripc(1) too after `make tool`
	@mk/html.sh $(TARGET)/html $(RIPC)
