# What people and programs read about HX Gate; included by the Makefile.

DEP_GROUPS    += $(if $(filter e2e test,$(MAKECMDGOALS)),docs)

docs-deps:
	@$(DEPS) docs

deps: docs-deps

install-docs:
	install -d $(DESTDIR)$(DOCDIR)/openapi
	install -m 644 packaging/openapi/*.yaml $(DESTDIR)$(DOCDIR)/openapi/

install: install-docs

.PHONY: docs-deps install-docs
