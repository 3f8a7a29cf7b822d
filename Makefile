# HX Gate: the nginx module, hx-engine, their tests.  "make help" lists targets.
#
#   BUILD     release (default), debug, asan, and what t/lib/builds.mk adds
#             (tsan, valgrind, cov); objects in build/<BUILD>/, the
#             results of the last one also as build/*.so, build/hx-engine,
#             build/hx-audit, build/hx-gate-check, build/hx-gate-registry
#   BUILDDIR  where to build instead of build/
#   NGX_SRC   nginx sources, or the distribution's headers (package nginx-dev)
#   NGINX_BIN the nginx the module is for: its own configure flags are taken
#   HX_DEPS   "skip": never look for missing packages

SHELL         := /bin/bash
.SHELLFLAGS   := -eu -o pipefail -c
MAKEFLAGS     += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

# V=1 shows the commands
Q             := $(if $(V),,@)

NGX_SRC       ?= /usr/share/nginx/src
NGINX_BIN     ?= /usr/sbin/nginx
BUILD         ?= release
BUILDDIR      ?= build
JOBS          ?= 2

CC             = gcc
PYTHON         = /usr/bin/python3

ifeq ($(filter release debug asan tsan valgrind cov,$(BUILD)),)
  $(error BUILD=$(BUILD): release, debug, asan, tsan, valgrind or cov)
endif

ROOT          := $(abspath $(BUILDDIR))
B             := $(ROOT)/$(BUILD)
OBJ           := $(B)/obj
NGX_OBJ       := $(B)/nginx

GATE          := ngx_hx_gate_module
MODULE        := $(B)/ngx_http_hx_gate_module.so
ENGINE        := $(B)/hx-engine
AUDIT         := $(B)/hx-audit
CHECK         := $(B)/hx-gate-check
REGISTRY      := $(B)/hx-gate-registry
DEPS          := packaging/deps/install.sh


# ---- flags ------------------------------------------------------------------

WARN          := -Wall -Wextra -Wno-unused-parameter -Wshadow -Wvla \
                 -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Werror
PREFIX_MAP    := -ffile-prefix-map=$(CURDIR)/=
HARDEN_LD     := -Wl,-z,relro -Wl,-z,now
SANITIZE      := -fsanitize=address,undefined -fno-omit-frame-pointer

OPT_release   := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
OPT_debug     := -O0 -g3
OPT_asan      := -O1 -g $(SANITIZE)

# A program of ours stops at the first report.  In the module undefined
# behaviour traps: nginx's stderr is a log that tests throw away, but ASan
# writes a report of the trap to a file (t/lib/sanitizer-check.sh reads them).
OPT            = $(OPT_$(BUILD)) $(PREFIX_MAP)
PROG_OPT_asan := -fno-sanitize-recover=all
NGX_OPT_asan  := -fsanitize-undefined-trap-on-error
LD_asan       := -fsanitize=address,undefined
NGX_LD_asan   := -fsanitize=address

PROG_CFLAGS    = -std=gnu11 -pipe -fPIE $(OPT) $(PROG_OPT_$(BUILD)) $(WARN) \
                 $(CPPFLAGS) $(CFLAGS)
PROG_LDFLAGS   = -pie $(HARDEN_LD) -Wl,--as-needed $(LD_$(BUILD)) $(LDFLAGS)

NGX_CC_OPT     = -fPIC $(OPT) $(NGX_OPT_$(BUILD))
NGX_LD_OPT     = -fPIC $(HARDEN_LD) $(NGX_LD_$(BUILD)) \
                 -Wl,--version-script=$(CURDIR)/$(GATE)/ngx_hx_gate.map

# only what changes nginx's structures or enables an interface: paths, other
# people's modules and the distribution's compiler flags stay out
NGX_FLAGS      = $(shell $(NGINX_BIN) -V 2>&1 | tr ' ' '\n' | grep -x -E -e \
  '--with-(compat|debug|threads|file-aio|pcre|pcre-jit|http_[a-z0-9_]*_module)')


# ---- build ------------------------------------------------------------------

all: module engine-bin audit-bin check-bin registry-bin

# everything the goals will need, so that a user is told once
TESTING       := $(filter unit gate engine e2e fleet fleet-test test \
                   test-deps,$(MAKECMDGOALS))
DEP_GROUPS    := build $(if $(TESTING)$(filter run,$(MAKECMDGOALS)),run) \
  $(if $(TESTING),test) $(if $(filter lint,$(MAKECMDGOALS)),lint) \
  $(if $(filter %valkey-server,$(REDIS)),valkey)

build-deps:
	@$(DEPS) $(DEP_GROUPS)

# file written from stdin only when that changes it; a link made only when it
# points elsewhere: several makes may run at a time
if_changed     = { cat > $(1).$$$$; cmp -s $(1).$$$$ $(1) && rm $(1).$$$$ \
                   || mv $(1).$$$$ $(1); }
link           = test "$$(readlink $(2))" = $(1) || ln -sfn $(1) $(2)

# The stamp changes when nginx or a flag does; "config" when a file joins.
$(B)/nginx.stamp: build-deps FORCE
	@mkdir -p $(B)
	$(Q)printf '%s\n' "$$($(NGINX_BIN) -V 2>&1)" '$(NGX_SRC)' '$(NGX_CC_OPT)' \
	  '$(NGX_LD_OPT)' | $(call if_changed,$@)

# No warning flags here: with -Werror configure's own probes would fail and
# features would go missing without a word.
$(NGX_OBJ)/Makefile: $(B)/nginx.stamp $(GATE)/config
	@mkdir -p $(NGX_OBJ)
	@echo "  CONF  $(BUILD)/nginx"
	$(Q)cd $(NGX_SRC) && ASAN_OPTIONS=detect_leaks=0 ./configure $(NGX_FLAGS) \
	  --with-cc-opt='$(NGX_CC_OPT)' --with-ld-opt='$(NGX_LD_OPT)' \
	  --builddir=$(NGX_OBJ) --add-dynamic-module=$(CURDIR)/$(GATE) \
	  > $(NGX_OBJ)/configure.log 2>&1 \
	  || { tail -n 20 $(NGX_OBJ)/configure.log; rm -f $@; exit 1; }

module: $(NGX_OBJ)/Makefile
	@echo "  MAKE  $(MODULE:$(ROOT)/%=%)"
	$(Q)$(MAKE) -s -f $(NGX_OBJ)/Makefile -C $(NGX_SRC) modules \
	  CFLAGS='-pipe -std=gnu11 $(NGX_CC_OPT) $(WARN) $(CFLAGS)'
	$(Q)test $(NGX_OBJ)/$(notdir $(MODULE)) -ef $(MODULE) \
	  || ln -f $(NGX_OBJ)/$(notdir $(MODULE)) $(MODULE)
	$(Q)$(call link,$(BUILD)/$(notdir $(MODULE)),$(ROOT)/$(notdir $(MODULE)))

ENGINE_ROOMS  := num codec store index api server
ENGINE_MAIN   := hx-engine/server/hx_main.c
ENGINE_LIBS   := -llmdb -lzstd -lssl -lcrypto -lyajl -lz -lpthread -lm -ldl
CORE_SRC      := $(wildcard $(GATE)/core/*.c)
# what of the gate can be tested without nginx
GATE_SRC      := $(wildcard $(GATE)/policy/hx_*.c $(GATE)/store/hx_*.c)
TOOL_MAIN     := $(GATE)/tool/hx_audit_main.c
CHECK_MAIN    := $(GATE)/tool/hx_check_main.c
REG_MAIN      := $(GATE)/tool/hx_reg_main.c
TOOL_SRC      := $(wildcard $(GATE)/tool/*.c)
ENGINE_SRC    := $(wildcard $(ENGINE_ROOMS:%=hx-engine/%/*.c))
INCLUDES      := -I$(GATE)/core -I$(GATE)/policy -I$(GATE)/store \
                 -I$(GATE)/tool \
                 $(ENGINE_ROOMS:%=-Ihx-engine/%)

objects        = $(patsubst %.c,$(OBJ)/%.o,$(1))

$(OBJ)/%.o: %.c $(B)/prog.stamp
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(PROG_CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

$(B)/prog.stamp: build-deps FORCE
	@mkdir -p $(B)
	$(Q)echo '$(CC) $(PROG_CFLAGS) $(PROG_LDFLAGS)' | $(call if_changed,$@)

# rebuilt whole: an object that left the tree must leave the library too
$(B)/libhxcore.a: $(call objects,$(CORE_SRC))
$(B)/libhxgate.a: $(call objects,$(GATE_SRC))
$(B)/libhxaudit.a: $(call objects,$(filter-out $(TOOL_MAIN) $(CHECK_MAIN) \
                     $(REG_MAIN),$(TOOL_SRC)))
$(B)/libhxengine.a: $(call objects,$(filter-out $(ENGINE_MAIN),$(ENGINE_SRC)))
$(B)/%.a:
	@echo "  AR    $(@:$(ROOT)/%=%)"
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(ENGINE): $(call objects,$(ENGINE_MAIN)) $(B)/libhxengine.a $(B)/libhxcore.a
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

engine-bin: $(ENGINE)
	$(Q)$(call link,$(BUILD)/$(notdir $(ENGINE)),$(ROOT)/$(notdir $(ENGINE)))

# reads what the module has written; the module does not need it
$(AUDIT): $(call objects,$(TOOL_MAIN)) $(B)/libhxaudit.a $(B)/libhxgate.a \
          $(B)/libhxcore.a
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ -lpcre2-8 -llmdb -lcrypto -lyajl -lz \
	  -lpthread

audit-bin: $(AUDIT)
	$(Q)$(call link,$(BUILD)/$(notdir $(AUDIT)),$(ROOT)/$(notdir $(AUDIT)))

$(CHECK): $(call objects,$(CHECK_MAIN)) $(B)/libhxaudit.a $(B)/libhxgate.a \
          $(B)/libhxcore.a
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ -lpcre2-8 -llmdb -lssl -lcrypto \
	  -lyajl -lz -lpthread

check-bin: $(CHECK)
	$(Q)$(call link,$(BUILD)/$(notdir $(CHECK)),$(ROOT)/$(notdir $(CHECK)))

$(REGISTRY): $(call objects,$(REG_MAIN)) $(B)/libhxaudit.a $(B)/libhxgate.a \
             $(B)/libhxcore.a
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ -lhiredis -lpcre2-8 -llmdb -lssl \
	  -lcrypto -lyajl -lz -lpthread

registry-bin: $(REGISTRY)
	$(Q)$(call link,$(BUILD)/$(notdir $(REGISTRY)),$(ROOT)/$(notdir $(REGISTRY)))


# ---- tests ------------------------------------------------------------------

UNIT_SRC      := $(wildcard t/unit/*/*_test.c)
UNIT_BIN      := $(UNIT_SRC:t/%.c=$(B)/%)
FUZZ_SRC      := $(wildcard t/fuzz/fuzz_*.c)
FUZZ_BIN      := $(FUZZ_SRC:t/%.c=$(B)/%)
TEST_LIBS     := $(B)/libhxaudit.a $(B)/libhxgate.a $(B)/libhxengine.a \
                 $(B)/libhxcore.a
TEST_LINK     := -lcmocka -lhiredis -lpcre2-8 $(ENGINE_LIBS)

$(OBJ)/t/%.o: INCLUDES += -It/unit

$(UNIT_BIN): $(B)/%: $(OBJ)/t/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(TEST_LINK)

$(FUZZ_BIN): $(B)/%: $(OBJ)/t/%.o $(OBJ)/t/fuzz/hx_fuzz_driver.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(TEST_LINK)

# loaded into nginx by tests, also where only the module is instrumented
POWER_LOSS    := $(B)/hx_power_loss.so
DISK_FAULT    := $(B)/hx_disk_fault.so
RECV_COUNT    := $(B)/hx_recv_count.so
PRELOADED     := $(POWER_LOSS) $(DISK_FAULT) $(RECV_COUNT)

$(PRELOADED): $(B)/%.so: t/lib/%.c $(B)/prog.stamp
	@echo "  CC    $<"
	$(Q)$(CC) -std=gnu11 -O2 -g -fPIC -shared $(HARDEN_LD) $(WARN) -o $@ $< -ldl

# programs of the fleet tests
FLEET_TOOLS   := $(B)/hx_fault_proxy $(B)/hx_fleet_load

$(FLEET_TOOLS): $(B)/%: t/lib/%.c t/lib/hx_resp_frame.h $(B)/prog.stamp
	@echo "  CC    $<"
	$(Q)$(CC) $(PROG_CFLAGS) $(PROG_LDFLAGS) -o $@ $<

fleet-tools: $(FLEET_TOOLS)

# the client of Redis behind locations that ask what a test tells them to
REDIS_TEST    := $(B)/ngx_http_hx_redis_test_module.so
REDIS_DIR     := t/lib/redis-test-module
REDIS_OBJ     := $(B)/redis-test

$(REDIS_OBJ)/Makefile: $(B)/nginx.stamp $(REDIS_DIR)/config $(GATE)/config
	@mkdir -p $(REDIS_OBJ)
	@echo "  CONF  $(BUILD)/redis-test"
	$(Q)cd $(NGX_SRC) && ASAN_OPTIONS=detect_leaks=0 ./configure $(NGX_FLAGS) \
	  --with-cc-opt='$(NGX_CC_OPT)' --with-ld-opt='$(NGX_LD_OPT)' \
	  --builddir=$(REDIS_OBJ) --add-dynamic-module=$(CURDIR)/$(REDIS_DIR) \
	  > $(REDIS_OBJ)/configure.log 2>&1 \
	  || { tail -n 20 $(REDIS_OBJ)/configure.log; rm -f $@; exit 1; }

redis-test-module: $(REDIS_OBJ)/Makefile
	@echo "  MAKE  $(REDIS_TEST:$(ROOT)/%=%)"
	$(Q)$(MAKE) -s -f $(REDIS_OBJ)/Makefile -C $(NGX_SRC) modules \
	  CFLAGS='-pipe -std=gnu11 $(NGX_CC_OPT) $(WARN) $(CFLAGS)'
	$(Q)test $(REDIS_OBJ)/$(notdir $(REDIS_TEST)) -ef $(REDIS_TEST) \
	  || ln -f $(REDIS_OBJ)/$(notdir $(REDIS_TEST)) $(REDIS_TEST)

# a node of a fleet without nginx: what t/e2e/test_fleet_store.py drives
FLEET_NODE    := $(B)/lib/hx_fleet_node

$(FLEET_NODE): $(B)/%: $(OBJ)/t/%.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(filter-out -lcmocka,$(TEST_LINK))

# what the suites find the programs by (HX.pm, conftest.py, run.sh)
TEST_ENV       = HX_BUILD=$(BUILD) HX_MODULE=$(MODULE) HX_ENGINE=$(ENGINE) \
                 HX_AUDIT=$(AUDIT) HX_GATE_CHECK=$(CHECK) \
                 HX_GATE_REGISTRY=$(REGISTRY) HX_FLEET_NODE=$(FLEET_NODE) \
                 HX_POWER_LOSS=$(POWER_LOSS) HX_DISK_FAULT_LIB=$(DISK_FAULT) \
                 HX_RECV_COUNT_LIB=$(RECV_COUNT) \
                 HX_FAULT_PROXY=$(B)/hx_fault_proxy \
                 HX_FLEET_LOAD=$(B)/hx_fleet_load \
                 HX_REDIS_TEST=$(REDIS_TEST) \
                 HX_SCRATCH=$$(packaging/dev/scratch-dir.sh $(ROOT)) \
                 PYTHONDONTWRITEBYTECODE=1 NO_COLOR=1

# reports go to files, which workers of another user can write too
SAN_DIR        = $$(packaging/dev/scratch-dir.sh $(ROOT))/$(BUILD)-reports
ifeq ($(BUILD),asan)
  TEST_ENV    += HX_NGINX_BIN=$(NGINX_BIN) \
                 HX_NGINX=$(CURDIR)/t/lib/nginx-sanitized.sh
  SAN_ENV      = ASAN_OPTIONS=log_path=$(SAN_DIR)/engine \
                 UBSAN_OPTIONS=print_stacktrace=1
else
  TEST_ENV    += HX_NGINX=$(NGINX_BIN)
endif
ifneq ($(filter asan tsan valgrind,$(BUILD)),)
  TEST_ENV    += HX_SAN_DIR=$(SAN_DIR)
  SAN_BEGIN    = rm -rf $(SAN_DIR); mkdir -m 1777 $(SAN_DIR); \
                 chmod 1777 $(SAN_DIR);
  SAN_END      = || rc=$$?; t/lib/sanitizer-check.sh $(SAN_DIR) || rc=1; \
                 exit $${rc:-0}
endif

PROVE          = prove -j$(JOBS) --timer
PYTEST         = $(PYTHON) -m pytest -q -p no:cacheprovider -n $(JOBS) --color=no

unit: build-deps $(UNIT_BIN) $(FUZZ_BIN)
	$(Q)$(UNIT_BEGIN) CMOCKA_MESSAGE_OUTPUT=TAP HX_FUZZ='$(FUZZ_BIN)' \
	  $(TEST_ENV) $(PROVE) --exec '$(UNIT_EXEC)' $(UNIT_TESTS) \
	  t/lib/fuzz-replay.t t/lib/fuzz-run.t $(UNIT_END)

gate: build-deps all $(PRELOADED)
	$(Q)$(SAN_BEGIN) $(TEST_ENV) $(PROVE) $(GATE_TESTS) $(SAN_END)

engine: build-deps engine-bin
	$(Q)$(SAN_BEGIN) $(TEST_ENV) $(SAN_ENV) $(PYTEST) $(ENGINE_TESTS) $(SAN_END)

e2e: build-deps all $(PRELOADED) redis-test-module $(FLEET_NODE)
	$(Q)$(SAN_BEGIN) $(TEST_ENV) $(SAN_ENV) $(PYTEST) t/e2e $(SAN_END)

# Nodes on one registry in a real Redis, as far as no time is measured.
FLEET_FIRST    = t/fleet/test_redis_basics.py t/fleet/test_redis_acl.py \
                 t/fleet/test_webhooks.py t/fleet/test_servers.py

fleet: build-deps all $(FLEET_TOOLS)
	$(Q)$(SAN_BEGIN) $(TEST_ENV) $(SAN_ENV) $(PYTEST) --quick \
	  $(FLEET_TESTS) $(SAN_END)

# Three nodes on one registry; one test at a time, as they measure.  Options of
# pytest in FLEET, for example FLEET=--quick.
FIGURES        = $(B)/log/fleet-figures

fleet-test: build-deps all $(FLEET_TOOLS)
	$(Q)mkdir -p $(B)/log; rm -f $(FIGURES); rc=0; \
	  ($(SAN_BEGIN) $(TEST_ENV) $(SAN_ENV) HX_FLEET_FIGURES=$(FIGURES) \
	  $(PYTEST) -n 0 $(FLEET) t/fleet $(SAN_END)) || rc=1; \
	  $(PYTHON) t/fleet/figures.py $(FIGURES); exit $$rc

# Every group runs, whatever the ones before it said.
test: build-deps all
	@BUILD=$(BUILD) MAKE='$(MAKE)' t/lib/run-groups.sh $(ROOT)/$(BUILD)/log \
	  $(TEST_GROUPS)
	@$(NOT_TESTED)

lint: all
	$(Q)MODULE=$(MODULE) PROGRAMS='$(ENGINE) $(AUDIT) $(CHECK) $(REGISTRY)' \
	  t/lint/run

include t/bench/bench.mk

include t/matrix/matrix.mk


# ---- use --------------------------------------------------------------------

deps:
	@$(DEPS) build run test lint bench tidy

# what "make test" fetches: after it, tests need no network
test-deps: build-deps
	$(Q)$(TEST_ENV) $(PYTHON) t/e2e/node.py

run: all
	@$(SAN_BEGIN) $(TEST_ENV) $(SAN_ENV) packaging/dev/run.sh start

stop:
	@$(TEST_ENV) packaging/dev/run.sh stop

PREFIX        ?= /usr
SYSCONFDIR    ?= /etc
MODULESDIR    ?= $(PREFIX)/lib/nginx/modules
DOCDIR        ?= $(PREFIX)/share/doc/hx-gate

install: all
	install -d $(DESTDIR)$(MODULESDIR) $(DESTDIR)$(PREFIX)/sbin \
	  $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MODULE) $(DESTDIR)$(MODULESDIR)/
	install -m 755 $(ENGINE) $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(AUDIT) $(CHECK) $(REGISTRY) $(DESTDIR)$(PREFIX)/bin/
	packaging/install-conf.sh nginx-conf $(DESTDIR)$(SYSCONFDIR)/nginx/hx-gate
	install -d $(DESTDIR)$(DOCDIR)/siem/splunk $(DESTDIR)$(DOCDIR)/logrotate
	install -m 644 packaging/siem/*.* $(DESTDIR)$(DOCDIR)/siem/
	install -m 644 packaging/siem/splunk/*.conf $(DESTDIR)$(DOCDIR)/siem/splunk/
	install -m 644 packaging/logrotate/hx-gate $(DESTDIR)$(DOCDIR)/logrotate/
	install -d $(DESTDIR)$(SYSCONFDIR)/logrotate.d
	@file=$(DESTDIR)$(SYSCONFDIR)/logrotate.d/hx-gate; \
	if [ -e $$file ] && ! cmp -s packaging/logrotate/hx-gate $$file; then \
	  echo "kept $$file; the new one is in $(DOCDIR)/logrotate" >&2; \
	else \
	  install -m 644 packaging/logrotate/hx-gate $$file; \
	fi

include packaging/packages.mk
include packaging/docs.mk
include t/lib/builds.mk

clean:
	rm -rf $(ROOT)

include t/fuzz/fuzz.mk
include packaging/containers.mk
include t/chaos/chaos.mk

help:
	@echo 'make          build the module, hx-engine and its tools into $(BUILDDIR)/'
	@echo 'make run      a throw-away gate and engine on loopback, with a demo'
	@echo '              (DETACH=1 returns; STATE= HX_GATE_PORT= HX_ENGINE_PORT= HX_METRICS_PORT=)'
	@echo 'make stop     ends what "make run" started'
	@echo 'make test     all tests: unit gate engine e2e fleet'
	@echo 'make unit     C unit tests and fuzz corpus replay (cmocka, prove)'
	@echo 'make gate     the module in nginx (Test::Nginx)'
	@echo 'make engine   hx-engine alone (pytest)'
	@echo 'make e2e      client, nginx, module, engine (pytest)'
	@echo 'make fleet    nodes that share a Redis (pytest); make fleet-test'
	@echo '              measures them, too'
	@echo 'make fleet-test'
	@echo '              three gates on one registry, and a table of figures'
	@echo '              (FLEET=--quick: fewer rounds)'
	@echo 'make fuzz     every fuzz harness for TIME=60 seconds each, under clang'
	@echo '              and the sanitizers (FUZZ="route http": only these)'
	@echo 'make matrix   all tests in other releases of Debian, other versions of'
	@echo '              nginx (RELEASES="forky trixie bookworm" GROUPS=)'
	@echo 'make chaos    faults of all kinds under load, hostile clients, and a table'
	@echo "              (CHAOS='--seed 7 --only reload,upgrade'; 15 minutes, as root)"
	@echo 'make lint     static checks'
	@echo 'make images   the container images, with buildah; needs root'
	@echo 'make topology'
	@echo '              the networks of Compose, in namespaces; needs root'
	@echo 'make bench    what gate and engine cost beside nginx and other tools, with'
	@echo '              a report (build/bench/report); bench-gate, bench-engine: one'
	@echo '              of them; bench-update: the last results into t/bench'
	@echo 'make bench-check'
	@echo '              fails when a request costs more instructions than it may'
	@echo 'make deps     only install the Debian packages all this needs; test-deps:'
	@echo '              only what "make test" fetches, which then needs no network'
	@echo 'make deb      Debian packages, in $(BUILDDIR)/deb; make deb-test installs,'
	@echo '              uses, upgrades and removes them in a fresh system;'
	@echo '              vm-test boots a machine with them (qemu, systemd, AppArmor)'
	@echo 'make rpm      RPM packages, in $(BUILDDIR)/rpm; make rpm-test'
	@echo 'make dist     tarball, SBOM, checksums (SIGN=<gpg key>), in $(BUILDDIR)/dist;'
	@echo '              make dist-test'
	@echo 'make install  module, programs, configuration, man pages, completions'
	@echo '              (DESTDIR= PREFIX=)'
	@echo 'make clean    remove $(BUILDDIR)/'
	@echo 'make help     this list'
	@echo 'make cov      tests with line and branch coverage, limits enforced'
	@echo 'make tidy     clang-tidy over module, engine and tools (9 min CPU)'
	@echo 'BUILD=release|debug|asan|tsan|valgrind|cov goes with every target that'
	@echo '              builds; "make test" runs what makes sense with each'

FORCE:
.PHONY: all build-deps module redis-test-module engine-bin audit-bin \
        check-bin registry-bin unit gate engine e2e fleet fleet-tools fleet-test \
        test lint deps test-deps run stop install clean help FORCE

# objects are kept between runs
.SECONDARY:

-include $(patsubst %.o,%.d,$(call objects,$(CORE_SRC) $(GATE_SRC) \
  $(TOOL_SRC) $(ENGINE_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC) \
  t/lib/hx_fleet_node.c \
  $(ENGINE_BENCH_SRC) t/fuzz/hx_fuzz_driver.c))
