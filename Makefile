# rpcward. `make help` lists what can be made; two commands are enough: `make run` and `make test`.

# ---- what to build with ----
CC       ?= cc
SAN      ?=
SHARED   ?= ../shared
PREFIX   ?= /usr/local
TIME     ?=
comma    := ,
B        := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes $(if $(CI)$(WERROR),-Werror)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=c11 -D_GNU_SOURCE -I. -I$(B)/dissect -fno-strict-aliasing $(WARNINGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
LDFLAGS  += $(if $(SAN),-fsanitize=$(SAN))
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))
export SHARED

# Debian packages, by what needs them. A stamp says that they were seen.
packages_run   := pkg-config libuv1-dev libfyaml-dev libsmartcols-dev libpcap-dev zlib1g-dev
packages_test  := $(packages_run) python3 libcmocka-dev scdoc mandoc python3-impacket \
                  samba-testsuite python3-samba samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind \
                  smbclient libnss-wrapper util-linux mount procps socat tcpdump tshark \
                  iproute2 nftables patch spin
packages_peers := $(packages_test) wine64 mingw-w64-tools gcc-mingw-w64-x86-64-win32
packages_bench := $(packages_run) python3 haproxy tcpdump tshark torsocks proxychains4 iproute2 util-linux
packages_fuzz  := $(packages_run) clang llvm libclang-rt-14-dev
packages_captures := $(packages_test)
packages_style := clang-format
packages_tidy  := $(packages_run) clang-tidy
need = $(B)/.packages-$(1)

# ---- what there is ----
inspect_sources := dissect/capture.c dissect/packed.c $(wildcard dissect/inspect*.c)
inspect_settings := preload/net.c $(addprefix proxy/,address.c association.c call_rules.c knowledge.c nearest.c offers.c \
                     plain_client.c roster.c settings.c value.c) \
                   $(filter-out proxy/settings_merge.c proxy/settings_explain.c,$(wildcard proxy/settings_*.c))
dissect_sources := $(filter-out $(inspect_sources),$(wildcard dissect/*.c))
policy_sources  := $(wildcard policy/*.c)
ctl_sources     := $(wildcard proxy/ctl*.c) proxy/humane.c
proxy_sources   := $(filter-out proxy/ctl%,$(wildcard proxy/*.c)) preload/net.c
preload_sources := $(addprefix preload/,ask.c connect.c net.c peername.c ports.c real.c rules.c say.c spares.c story.c)
run_sources     := $(wildcard preload/run*.c) $(addprefix preload/,net.c ports.c rules.c)
wire_sources    := $(addprefix tests/support/,bytes.c wire.c testif.c) proxy/address.c
server_sources  := $(wildcard tests/support/server_*.c) $(addprefix tests/support/,tally.c ledger.c) $(wire_sources)
client_sources  := $(wildcard tests/support/client_*.c) $(wire_sources)
unit_tests      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
fuzzers         := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
c_files         := $(wildcard */*.c tests/*/*.c)
h_files         := $(wildcard */*.h tests/*/*.h)
programs        := $(B)/rpcward $(B)/rpcwardctl $(B)/rpcward-inspect $(B)/rpcward-run $(B)/librpcward-preload.so
support         := $(B)/rush $(B)/signals $(B)/test-server $(B)/test-client $(B)/trace $(B)/damage
objects          = $(patsubst %.c,$(B)/%.o,$(1))
proxy_libs       = $(shell pkg-config --libs libuv libfyaml 2>/dev/null)
inspect_libs     = -lpcap -lz $(shell pkg-config --libs libfyaml 2>/dev/null)
ctl_libs         = $(shell pkg-config --libs smartcols 2>/dev/null)

all: $(programs) ## build/rpcward, rpcwardctl, rpcward-inspect and rpcward-run

$(B)/rpcward: $(call objects,$(proxy_sources)) $(B)/libpolicy.a $(B)/libdissect.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(proxy_libs)

$(B)/rpcwardctl: $(call objects,$(ctl_sources))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(ctl_libs)

$(B)/rpcward-inspect: $(call objects,$(inspect_sources) $(inspect_settings)) $(B)/libpolicy.a $(B)/libdissect.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(inspect_libs)
# The launcher and the library are linked with the C library alone. The library goes into programs of all kinds, so no
# sanitizer comes with it, and nothing is exported but what it intercepts.
$(B)/rpcward-run: $(call objects,$(run_sources))
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/librpcward-preload.so: $(preload_sources:%.c=$(B)/shared/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(PRELOAD_FLAGS) -shared -Wl,-z,defs -Wl,-z,now -o $@ $^

PRELOAD_FLAGS = $(filter-out -fsanitize=%,$(CFLAGS)) -fPIC -fvisibility=hidden
$(B)/shared/%.o: %.c | $(call need,run)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(PRELOAD_FLAGS) -MMD -MP -c -o $@ $<

$(B)/libdissect.a: $(call objects,$(dissect_sources))
$(B)/libpolicy.a: $(call objects,$(policy_sources))
$(B)/lib%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/test-server: $(call objects,$(server_sources)) $(B)/libdissect.a
$(B)/test-client: $(call objects,$(client_sources)) $(B)/libdissect.a
$(B)/test-server $(B)/test-client:
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -luv

$(B)/storm: $(call objects,tests/bench/storm.c $(wire_sources)) $(B)/libdissect.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -luv

$(B)/trace: $(call objects,$(wildcard tests/trace/*.c)) $(B)/libpolicy.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# The simulator is linked with the proxy's own objects; their system calls are led to its kernel, libuv is its own.
sim_calls := socket bind listen accept4 connect recv send shutdown close setsockopt getsockopt ioctl getsockname open \
             write poll clock_gettime getrandom getrlimit setrlimit malloc calloc realloc reallocarray strdup strndup asprintf \
             vasprintf open_memstream free px_settings_load
sim_flags := $(addprefix -Wl$(comma)--wrap=,$(sim_calls)) -lfyaml
sim_objects := $(call objects,$(wildcard tests/sim/*.c) $(filter-out proxy/main.c proxy/options.c,$(proxy_sources)) \
                 $(policy_sources) $(dissect_sources))
$(B)/sim: $(sim_objects)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(sim_flags)

# Each with a promise broken (tests/sim/broken), to see that it is noticed. One that cannot be built is reported by the test.
broken := $(patsubst tests/sim/broken/%.patch,$(B)/broken/%/sim,$(wildcard tests/sim/broken/*.patch))
$(B)/broken/%/sim: tests/sim/broken/%.patch tests/sim/break $(B)/sim
	$(call say,BREAK,$*)
	-$(Q)tests/sim/break $< $(B) $(@D) $(CC) $(CFLAGS) $(LDFLAGS) -- $(sim_objects) $(sim_flags)

# They run with a preloaded library in them, before which no sanitizer's runtime may come.
$(B)/rush: tests/shim/rush.c
$(B)/signals: tests/shim/signals.c
$(B)/connects: tests/bench/connects.c
$(B)/socks: tests/bench/socks.c
$(B)/rush $(B)/signals $(B)/connects $(B)/socks:
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(filter-out -fsanitize=%,$(CFLAGS)) -pthread -o $@ $<

$(B)/damage: $(B)/tests/corpus/damage.o $(call objects,$(filter-out dissect/inspect.c,$(inspect_sources)) $(inspect_settings)) $(B)/libpolicy.a \
             $(B)/libdissect.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(inspect_libs)

$(B)/%.o: %.c | $(call need,run)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The table of known interfaces is written to be read by people.
$(B)/dissect/interfaces.o: $(B)/dissect/interfaces.inc
$(B)/dissect/interfaces.inc: dissect/interfaces.awk dissect/interfaces.def
	$(call say,AWK,$@)
	$(Q)mkdir -p $(@D) && awk -f $^ >$@

$(B)/.packages-%: .ci/packages
	$(Q)mkdir -p $(B) && .ci/packages $(packages_$*) && touch $@

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)

# ---- unit tests: each links what it tests, and no more; the linker proves the layers ----
include tests/unit/objects.mk
$(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(test_$*_libs)
$(B)/tests/%.o: CFLAGS += -Idissect -Iproxy -Ipolicy
$(foreach t,$(unit_tests),$(eval $(B)/tests/unit/$(t): $(addprefix $(B)/,$($(t)_objects))))
$(addprefix $(B)/tests/unit/,$(addsuffix .o,$(unit_tests))): | $(call need,test)

test_programs := $(programs) $(support) $(B)/sim $(broken) $(addprefix $(B)/tests/unit/,$(unit_tests))

test: $(call need,test) ## build and test everything (TESTS=word: only suites whose name has it)
	$(Q)$(MAKE) --no-print-directory -s $(test_programs)
	$(Q)tests/run --build $(B) $(TESTS)

peers: $(call need,peers) ## real clients and servers through rpcward, compared with the same directly
	$(Q)$(MAKE) --no-print-directory -s $(test_programs)
	$(Q)tests/run --build $(B) peers; good=$$?; tests/peers/table.py $(B); exit $$good

run: $(programs) $(B)/test-server $(B)/test-client ## a demonstration server, the proxy before it, some calls (TIME=seconds)
	$(Q)tests/support/demonstration $(B) $(TIME)

benches := relay plain storm crowd inspector connects
bench: $(call need,bench) ## what rpcward costs and bears, beside others and directly (BENCH=word: only benches whose name has it)
	$(Q)$(MAKE) --no-print-directory $(programs) $(B)/test-server $(B)/test-client $(B)/storm $(B)/connects $(B)/socks
	$(Q)for bench in $(if $(BENCH),$(foreach b,$(benches),$(if $(findstring $(BENCH),$(b)),$(b))),$(benches)); do tests/bench/$$bench.py --build $(B) || exit 1; done

soak: $(call need,test) ## captures damaged in every way; load, faults and restarts for TIME seconds (600)
	$(Q)$(MAKE) --no-print-directory -s $(test_programs)
	$(Q)tests/sim/schedules.py --build $(B) --seeds $(or $(SEEDS),1000000)
	$(Q)tests/run --build $(B) "soak damage"
	$(Q)tests/live/cuts.py --build $(B) --many 30 large short doors
	$(Q)tests/live/soak.py --build $(B) --seconds $(or $(TIME),600)

# ---- captures ----
accept: $(B)/rpcward-inspect ## keep what dissect prints now of captures/NAME.pcap (NAME=...)
	$(Q)captures/accept --build $(B) $(NAME)

capture: $(call need,captures) ## make captures/NAME.pcap afresh from real runs (NAME=..., all where it is empty; root)
	$(Q)$(MAKE) --no-print-directory -s $(programs) $(support)
	$(Q)captures/record --build $(B) $(NAME)

# ---- fuzzing ----
FB := build/fuzz
fuzz: $(call need,fuzz) ## libFuzzer on every parser, TIME seconds each (60)
	$(Q)$(MAKE) --no-print-directory $(addprefix $(FB)/,$(fuzzers))
	$(Q)for f in $(fuzzers); do mkdir -p $(FB)/corpus-$$f && echo "== $$f" && \
	  $(FB)/$$f -max_total_time=$(or $(TIME),60) -print_final_stats=0 -verbosity=0 -artifact_prefix=$(FB)/ \
	  $(FB)/corpus-$$f || exit 1; done

fuzz_sources := preload/net.c $(dissect_sources) $(addprefix dissect/inspect_,advice.c blocks.c findings.c hosts.c json.c judge.c reissue.c \
                rows.c verdict.c watch.c) policy/evidence.c policy/explain.c \
                $(filter proxy/settings% proxy/value% proxy/address% proxy/nearest% proxy/call_rules% proxy/knowledge%,$(proxy_sources))
$(FB)/fuzz_%: tests/fuzz/fuzz_%.c $(fuzz_sources) $(h_files) $(B)/dissect/interfaces.inc
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(FB) && clang -O1 -g -std=c11 -D_GNU_SOURCE -I. -I$(B)/dissect -Idissect -Iproxy -Itests/unit -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=undefined -o $@ $< $(fuzz_sources) $(shell pkg-config --libs libfyaml 2>/dev/null)

# ---- order in the house ----
layers: all ## the arrows of docs/architecture.md hold
	$(Q)tests/layers $(B)

format: $(call need,style) ## clang-format in place
	$(Q)clang-format -i $(c_files) $(h_files)

format-check: $(call need,style) ## clang-format would change nothing
	$(Q)clang-format --dry-run -Werror $(c_files) $(h_files)

tidy: $(call need,tidy) $(B)/dissect/interfaces.inc ## clang-tidy
	$(Q)clang-tidy --quiet $(dissect_sources) $(inspect_sources) $(policy_sources) $(proxy_sources) $(ctl_sources) -- -std=c11 -D_GNU_SOURCE -I$(B)/dissect

compile_commands.json: Makefile ## for editors
	$(Q)printf '[\n' >$@; sep=; for f in $(c_files); do \
	  printf '%s{"directory":"%s","file":"%s","command":"cc $(CFLAGS) -c %s"}' "$$sep" "$(CURDIR)" $$f $$f >>$@; \
	  sep=',\n'; done; printf '\n]\n' >>$@; sed -i 's/\\n/\n/g' $@

docs/interfaces.md: dissect/interfaces.def tests/interfaces/page.py tests/interfaces/table.py
	$(Q)tests/interfaces/page.py >$@

docs/%: docs/%.scd
	$(Q)scdoc <$< >$@

install: all ## into PREFIX (/usr/local), DESTDIR before it
	$(Q)install -D -m 755 $(B)/rpcward $(DESTDIR)$(PREFIX)/sbin/rpcward
	$(Q)install -D -m 755 $(B)/rpcwardctl $(DESTDIR)$(PREFIX)/bin/rpcwardctl
	$(Q)install -D -m 755 $(B)/rpcward-inspect $(DESTDIR)$(PREFIX)/bin/rpcward-inspect
	$(Q)install -D -m 755 $(B)/rpcward-run $(DESTDIR)$(PREFIX)/bin/rpcward-run
	$(Q)install -D -m 644 $(B)/librpcward-preload.so $(DESTDIR)$(PREFIX)/lib/rpcward/librpcward-preload.so
	$(Q)install -D -m 644 docs/rpcward.yaml.example $(DESTDIR)$(PREFIX)/share/doc/rpcward/rpcward.yaml.example
	$(Q)install -D -m 644 docs/interfaces.md $(DESTDIR)$(PREFIX)/share/doc/rpcward/interfaces.md
	$(Q)if command -v scdoc >/dev/null; then for page in rpcward.8 rpcwardctl.1 rpcward-inspect.1 rpcward-run.1; do \
	  install -d $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} && \
	  scdoc <docs/$$page.scd >$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page || exit 1; done; fi

clean: ## remove build/
	$(Q)rm -rf build compile_commands.json

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 26
	@echo '  V=1 shows the commands; SAN=address,undefined or SAN=thread builds with sanitizers into build/san-…'

.PHONY: all test peers run bench soak accept capture fuzz layers format format-check tidy install clean help
.DELETE_ON_ERROR:
.SECONDARY:
