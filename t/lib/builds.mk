# builds.mk -- the builds that look for more than wrong answers:
#
#   BUILD=tsan       ThreadSanitizer in programs of ours
#   BUILD=valgrind   memcheck around programs and nginx
#   BUILD=cov        counters for gcov; "make cov" makes the report
#   make tidy        clang-tidy
#
# Included near the end of the Makefile; what differs from one build to the
# other (flags, wrappers, groups that "make test" runs) stands here.

DEP_GROUPS    += $(if $(filter valgrind,$(BUILD)),valgrind) \
                 $(if $(filter cov,$(MAKECMDGOALS)),run test) \
                 $(if $(filter tidy,$(MAKECMDGOALS)),tidy)

TEST_GROUPS    = $(or $(GROUPS_$(BUILD)),unit gate engine e2e fleet)
UNIT_TESTS     = $(or $(UNIT_$(BUILD)),$(UNIT_BIN))
GATE_TESTS     = $(or $(GATE_TESTS_$(BUILD)),-r t/gate)
ENGINE_TESTS   = $(or $(ENGINE_TESTS_$(BUILD)),t/engine)
FLEET_TESTS    = $(or $(FLEET_TESTS_$(BUILD)),$(FLEET_FIRST))
NOT_TESTED     = $(or $(NOT_TESTED_$(BUILD)),:)


# ---- BUILD=tsan: unit, engine -----------------------------------------------
#
# The module goes uninstrumented into a stock nginx: its workers have one
# thread, and what their thread pools do stands in store/hx_*.c, which the unit
# tests run in threads of an instrumented program.
#
# tsan knows no fences: what ours (hx_metrics.c) keep apart is atomic anyway.
# Its calls hide from gcc what has been set; release and asan build with that
# warning.

OPT_tsan      := -O1 -g -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan
PROG_OPT_tsan := -Wno-error=maybe-uninitialized
LD_tsan       := -fsanitize=thread
NGX_OPT_tsan  := -fno-sanitize=thread

GROUPS_tsan   := unit engine
NOT_TESTED_tsan = echo 'not run with tsan: gate e2e fleet (nginx is not' \
                  'instrumented), unit tests without threads; see t/README.md'

# of the unit tests those that have threads: they start some, or the room does
UNIT_tsan      = $(filter $(B)/unit/store/% $(B)/unit/server/% \
                   $(B)/unit/index/% $(B)/unit/api/% \
                   $(patsubst t/%.c,$(B)/%,$(shell grep -l pthread_create \
                     $(UNIT_SRC))),$(UNIT_BIN))

TSAN           = suppressions=$(CURDIR)/t/lib/tsan.supp:second_deadlock_stack=1

ifeq ($(BUILD),tsan)
  TEST_ENV    += TSAN_OPTIONS=$(TSAN)
  SAN_ENV      = TSAN_OPTIONS=$(TSAN):log_path=$(SAN_DIR)/engine
endif


# ---- BUILD=valgrind: unit, gate, engine, as far as hours allow --------------
#
# Programs of ours and nginx are found behind wrappers of the same name.

OPT_valgrind  := -O1 -g
UNDER          = $(B)/under

GROUPS_valgrind := unit gate engine
NOT_TESTED_valgrind = echo 'not run with valgrind: e2e fleet, and what' \
                  't/lib/valgrind-{gate,engine,unit}.skip name with the reason'

# the suites without the files that a list names
without        = $(filter-out $(shell sed 's/\#.*//' $(2)),$(1))

UNIT_valgrind         = $(addprefix $(B)/,$(call without, \
                          $(UNIT_BIN:$(B)/%=%),t/lib/valgrind-unit.skip))
GATE_TESTS_valgrind   = $(call without,$(sort $(wildcard t/gate/*.t)), \
                          t/lib/valgrind-gate.skip)
ENGINE_TESTS_valgrind = $(call without,$(sort $(wildcard t/engine/test_*.py)), \
                          t/lib/valgrind-engine.skip) \
                        $(addprefix --deselect=,$(shell sed -n \
                          's/ *\#.*//; /::/p' t/lib/valgrind-engine.skip))

ifeq ($(BUILD),valgrind)
  UNIT_EXEC    = $(UNDER)/run
  UNIT_BEGIN   = $(SAN_BEGIN)
  UNIT_END     = $(SAN_END)
  TEST_ENV    += TEST_NGINX_TIMEOUT=60 HX_PATIENCE=120 \
                 HX_VALGRIND_SUPP=$(CURDIR)/t/lib/valgrind.supp \
                 HX_ENGINE=$(UNDER)/hx-engine HX_AUDIT=$(UNDER)/hx-audit \
                 HX_GATE_CHECK=$(UNDER)/hx-gate-check \
                 HX_GATE_REGISTRY=$(UNDER)/hx-gate-registry \
                 HX_NGINX_BIN=$(NGINX_BIN) HX_NGINX=$(UNDER)/nginx

unit gate engine: under-valgrind
endif

under-valgrind:
	$(Q)t/lib/make-wrappers.sh $(UNDER) $(CURDIR)/t/lib/valgrind-run.sh \
	  run= nginx=$(NGINX_BIN) hx-engine=$(ENGINE) hx-audit=$(AUDIT) \
	  hx-gate-check=$(CHECK) hx-gate-registry=$(REGISTRY)


# ---- BUILD=cov, make cov ----------------------------------------------------
#
# Counters go to a directory that workers can enter; every file is made before
# the tests, so that any user may write it (nginx keeps GCOV_PREFIX from its
# workers).  COV_TESTS="unit" is a quicker, partial report; COV has options of
# cov_report.py, for example COV="--floor 0".

COV_DATA       = $(shell packaging/dev/scratch-dir.sh $(ROOT))/cov-data
OPT_cov        = -O0 -g --coverage -fprofile-update=atomic \
                 -fprofile-dir=$(COV_DATA)
LD_cov        := --coverage
NGX_LD_cov    := --coverage

# limits and quotas of a fleet, too, which "make fleet" leaves to fleet-test
FLEET_TESTS_cov = $(FLEET_FIRST) $(wildcard t/fleet/test_redis_limit*.py \
                   t/fleet/test_redis_quota.py t/fleet/test_redis_give_back.py)

COV_TESTS     ?= unit gate engine e2e fleet
GROUPS_cov     = $(COV_TESTS)

cov:
ifneq ($(BUILD),cov)
	@$(MAKE) cov BUILD=cov
else
	@$(MAKE) all redis-test-module cov-programs
	$(Q)$(PYTHON) t/lib/cov_report.py begin $(B) $(COV_DATA)
	@rc=0; $(MAKE) test || rc=1; \
	$(PYTHON) t/lib/cov_report.py report $(B) $(COV_DATA) $(COV) || rc=1; \
	exit $$rc
endif

cov-programs: $(UNIT_BIN) $(FUZZ_BIN) $(FLEET_NODE)


# ---- make tidy --------------------------------------------------------------

tidy: $(NGX_OBJ)/Makefile
	$(Q)NGX_SRC=$(NGX_SRC) NGX_OBJ=$(NGX_OBJ) JOBS=$(JOBS) t/lint/tidy $(TIDY)

.PHONY: under-valgrind cov cov-programs tidy
