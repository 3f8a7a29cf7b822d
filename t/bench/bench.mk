# What the gate and the engine cost: see t/bench/README.md.  Included by the
# Makefile.
#
#   BENCH         options of t/bench/run, or with bench-engine of
#                 t/bench/engine/run
#   BENCH_PEERS   folder of a bench of other gates

DEP_GROUPS    += $(if $(filter bench bench-gate bench-check,$(MAKECMDGOALS)),\
                   run bench) \
                 $(if $(filter bench bench-engine,$(MAKECMDGOALS)),\
                   run bench-engine) \
                 $(if $(and $(BENCH_PEERS),$(filter bench bench-gate,\
                   $(MAKECMDGOALS))),bench-peers)

BENCH_SRC     := t/bench/load_tenants.c t/bench/scan_speed.c \
                 t/bench/state_size.c
BENCH_BIN     := $(BENCH_SRC:t/%.c=$(B)/%)

$(BENCH_BIN): $(B)/%: $(OBJ)/t/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(filter-out -lcmocka,$(TEST_LINK))

# what "make bench-engine" measures with; a few peers are libraries
ENGINE_BENCH_SRC := $(wildcard t/bench/engine_*.c)
ENGINE_BENCH_BIN := $(ENGINE_BENCH_SRC:t/%.c=$(B)/%)

$(B)/bench/engine_dot: PEER := -lblas
$(B)/bench/engine_zfp: PEER := -lzfp
$(B)/bench/engine_lossless: PEER := -lblosc

$(ENGINE_BENCH_BIN): $(B)/%: $(OBJ)/t/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(PEER) \
	  $(filter-out -lcmocka,$(TEST_LINK))

BENCH_OUT     := $(ROOT)/bench/report
BENCH_ENV      = $(TEST_ENV) HX_BENCH_BIN=$(B)/bench \
                 HX_BENCH_PEERS=$(BENCH_PEERS)
BENCH_REPORT   = $(PYTHON) t/bench/report.py $(BENCH_OUT)
BENCH_GATE     = $(BENCH_ENV) t/bench/run --out $(BENCH_OUT) $(BENCH) || rc=$$?
BENCH_BEGIN    = mkdir -p $(BENCH_OUT); rc=0
BENCH_END      = $(BENCH_REPORT) || rc=$$?; exit $$rc

# $(1): its options
bench_engine   = $(BENCH_ENV) t/bench/engine/run $(1) \
                   | tee $(BENCH_OUT)/engine.md || rc=$$?

# Both, and one report; each runs whatever the other said.
bench: build-deps all $(BENCH_BIN) $(ENGINE_BENCH_BIN) $(B)/hx_fleet_load
	$(Q)$(BENCH_BEGIN); $(BENCH_GATE); $(call bench_engine,$(BENCH_ENGINE)); \
	  $(BENCH_END)

bench-gate: build-deps all $(BENCH_BIN) $(B)/hx_fleet_load
	$(Q)$(BENCH_BEGIN); $(BENCH_GATE); $(BENCH_END)

bench-engine: build-deps engine-bin $(ENGINE_BENCH_BIN)
	$(Q)$(BENCH_BEGIN); $(call bench_engine,$(BENCH)); $(BENCH_END)

# The last results into t/bench: figures of a quiet machine are worth keeping.
bench-update:
	$(Q)$(BENCH_REPORT) --update t/bench

# Instructions repeat to 0.1 % on any machine: for CI.
bench-check: build-deps all $(BENCH_BIN)
	$(Q)$(BENCH_ENV) t/bench/check $(BENCH)

.PHONY: bench bench-gate bench-engine bench-update bench-check
