# Everything goes wrong at once; see t/README.md.  Included by the Makefile.
#
#   make chaos           CHAOS: options of t/chaos/run.py, for example
#                        CHAOS='--seed 7 --only reload,upgrade --seconds 300'
#
# The judges are tested with the group e2e.

chaos: build-deps all $(FLEET_TOOLS)
	$(Q)$(TEST_ENV) $(PYTHON) t/chaos/run.py $(CHAOS)

chaos-judges: build-deps
	$(Q)$(TEST_ENV) $(PYTEST) -n 0 t/chaos

e2e: chaos-judges

.PHONY: chaos chaos-judges
