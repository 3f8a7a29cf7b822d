# Fuzzing; see t/fuzz/README.md.  Included by the Makefile.
#
#   make fuzz            every harness for TIME seconds (60), two at a time
#   make fuzz FUZZ=...   only these harnesses: FUZZ='route json_scan'
#
# The replay of corpus and regress is part of "make unit" and needs no clang.

DEP_GROUPS    += $(if $(filter fuzz fuzzers,$(MAKECMDGOALS)),fuzz)

TIME          ?= 60
FUZZ          ?=
FUZZ_CC       ?= clang
FUZZ_B        := $(ROOT)/fuzz
FUZZ_OBJ      := $(FUZZ_B)/obj

# differential, with the gate's view wrong in one of four ways: must fail
FUZZ_WRONG    := 1 2 3 4
CONTROL_BIN   := $(FUZZ_WRONG:%=$(B)/fuzz/control_differential_%)
CONTROL_OBJ   := $(FUZZ_WRONG:%=$(OBJ)/t/fuzz/control_differential_%.o)

$(CONTROL_OBJ): $(OBJ)/t/fuzz/control_differential_%.o: \
    t/fuzz/fuzz_differential.c $(B)/prog.stamp
	@mkdir -p $(@D)
	@echo "  CC    $< ($*)"
	$(Q)$(CC) $(PROG_CFLAGS) -DHX_FUZZ_WRONG=$* $(INCLUDES) -MMD -MP -c \
	  -o $@ $<

$(CONTROL_BIN): $(B)/%: $(OBJ)/t/%.o $(OBJ)/t/fuzz/hx_fuzz_driver.o $(TEST_LIBS)
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(CC) $(PROG_LDFLAGS) -o $@ $^ $(TEST_LINK)

unit: $(CONTROL_BIN)
TEST_ENV      += HX_FUZZ_CONTROL='$(CONTROL_BIN)'

# clang knows some warnings by other names and warns of others
FUZZ_WARN     := -Wall -Wextra -Wno-unused-parameter -Werror \
                 -Wno-unknown-pragmas -Wno-unknown-warning-option
FUZZ_SAN      := -fsanitize=address,undefined -fno-sanitize-recover=all \
                 -fno-omit-frame-pointer
FUZZ_COVER    := -fprofile-instr-generate -fcoverage-mapping
FUZZ_CFLAGS    = -std=gnu11 -pipe -O1 -g $(FUZZ_SAN) $(FUZZ_COVER) \
                 -fsanitize=fuzzer-no-link $(FUZZ_WARN) $(INCLUDES) -It/unit \
                 $(CPPFLAGS)
# what a pragma says to gcc alone: the processor that a whole file is for
FUZZ_TARGET    = $$(sed -n 's/^\#pragma GCC target("\(.*\)")/-m\1/p' $< \
                 | sed 's/,/ -m/g')
FUZZ_LDFLAGS   = $(FUZZ_SAN) $(FUZZ_COVER) -fsanitize=fuzzer

FUZZ_LIB_SRC  := $(CORE_SRC) $(GATE_SRC) \
                 $(filter-out $(ENGINE_MAIN),$(ENGINE_SRC)) \
                 $(filter-out $(TOOL_MAIN) $(CHECK_MAIN) $(REG_MAIN),$(TOOL_SRC))
FUZZ_ALL_SRC  := $(FUZZ_LIB_SRC) $(FUZZ_SRC)
FUZZERS       := $(FUZZ_SRC:t/fuzz/%.c=$(FUZZ_B)/bin/%)

# those that were not asked for are not built
FUZZ_WANTED    = $(if $(FUZZ),$(FUZZ:%=$(FUZZ_B)/bin/fuzz_%),$(FUZZERS))

$(FUZZ_B)/fuzz.stamp: build-deps FORCE
	@mkdir -p $(FUZZ_B)
	$(Q)echo '$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_LDFLAGS)' \
	  | $(call if_changed,$@)

$(FUZZ_OBJ)/%.o: %.c $(FUZZ_B)/fuzz.stamp
	@mkdir -p $(@D)
	@echo "  CC    $< (fuzz)"
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_TARGET) -MMD -MP -c -o $@ $<

$(FUZZ_OBJ)/control.o: t/fuzz/fuzz_differential.c $(FUZZ_B)/fuzz.stamp
	@mkdir -p $(@D)
	@echo "  CC    $< (fuzz, control)"
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -DHX_FUZZ_WRONG=1 -MMD -MP -c -o $@ $<

$(FUZZ_B)/libhxfuzz.a: $(FUZZ_LIB_SRC:%.c=$(FUZZ_OBJ)/%.o)
	@echo "  AR    $(@:$(ROOT)/%=%)"
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(FUZZERS): $(FUZZ_B)/bin/%: $(FUZZ_OBJ)/t/fuzz/%.o $(FUZZ_B)/libhxfuzz.a
	@mkdir -p $(@D)
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $^ $(filter-out -lcmocka,$(TEST_LINK))

$(FUZZ_B)/control: $(FUZZ_OBJ)/control.o $(FUZZ_B)/libhxfuzz.a
	@echo "  LINK  $(@:$(ROOT)/%=%)"
	$(Q)$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $^ $(filter-out -lcmocka,$(TEST_LINK))

# fuzzers and what they are to be run with, without running them
fuzzers: build-deps $(FUZZ_WANTED) $(FUZZ_B)/control

fuzz: fuzzers
	$(Q)t/fuzz/run --build $(FUZZ_B) --time $(TIME) --jobs $(JOBS) \
	  --control $(FUZZ_B)/control $(FUZZ_WANTED)

.PHONY: fuzz fuzzers

-include $(FUZZ_ALL_SRC:%.c=$(FUZZ_OBJ)/%.d) $(FUZZ_OBJ)/control.d \
  $(CONTROL_OBJ:%.o=%.d)
