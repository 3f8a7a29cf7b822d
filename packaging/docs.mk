# What people and programs read about HX Gate: OpenAPI, man pages, completions;
# included by the Makefile.

DEP_GROUPS    += $(if $(filter e2e test test-deps,$(MAKECMDGOALS)),docs)

MANDIR        ?= $(PREFIX)/share/man
BASHDIR       ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR        ?= $(PREFIX)/share/zsh/vendor-completions

docs-deps:
	@$(DEPS) docs

deps: docs-deps

# bash looks for a file of the program's name
install-docs:
	install -d $(DESTDIR)$(DOCDIR)/openapi $(DESTDIR)$(MANDIR)/man1 \
	  $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 \
	  $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR)
	install -m 644 packaging/openapi/*.yaml $(DESTDIR)$(DOCDIR)/openapi/
	for n in 1 5 8; do \
	  install -m 644 packaging/man/*.$$n $(DESTDIR)$(MANDIR)/man$$n/; \
	done
	install -m 644 packaging/completion/hx-tools.bash \
	  $(DESTDIR)$(BASHDIR)/hx-audit
	for name in hx-engine hx-gate-check hx-gate-registry; do \
	  ln -sf hx-audit $(DESTDIR)$(BASHDIR)/$$name; \
	done
	install -m 644 packaging/completion/_hx-tools $(DESTDIR)$(ZSHDIR)/

install: install-docs

.PHONY: docs-deps install-docs
