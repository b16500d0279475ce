# make verify   every litmus test on graph, loom and shuttle, against what is expected
# make quick CALL=punch_hole   the litmus tests with that call on graph, after an edit of a step: in seconds once its build is there
# make test     every test, in minutes
# make test-all every test, those too that `make test` leaves out for their cost (it says which)
# make check    formatting, lints, docs and tests, each with its time and a count
# make fuzz     100,000 mutated litmus tests, schedules and recordings
# make costs    record what each litmus test costs, by which `make test` chooses
# make mutants  mistakes put into the protocol one by one: does the catalogue notice?
# make sweep    every program of two calls on every kernel: is each violation named? `make sweep-three`: 3000 of three on four
# make prove    for any number of tasks: nobody is stuck, and no two break a rule, on the kernels of which that is so
# make loom     the core of the protocol in plain Rust (plain/), on loom's types, then on shuttle's
# make bench    executions, traces, rates and memory of the reference tests; times of steps
# make lessons  write the lessons as pages for a browser into target/lessons (OUT=… elsewhere)
# make lessons-test   play every lesson in a real browser (Chromium, and npm's playwright-core and axe-core); SPEED=1 times it
# make kernel-trace SERIES=6.1   record a real kernel's direct I/O (6.1 or 6.12) and run `conform`
# make real SERIES=6.1   every litmus test that can be run, carried out by that kernel under QEMU
# make confirm SERIES=6.1   that kernel, held to the schedules of counterexamples
#
# All that is needed is make and rustup's stable toolchain; for kernel-trace, real and confirm also Debian's apt, for lessons-test
# node, npm and Chromium.

.PHONY: verify quick test test-all fuzz costs mutants sweep sweep-three prove loom bench
.PHONY: check check-fmt check-lints check-docs check-tests check-fuzz
.PHONY: kernel-trace real confirm lessons lessons-test
.DEFAULT_GOAL := verify

KERNELS = rfc-v1 rfc-v2 v3.6 v3.7 v3.11 v4.10 v5.4 v5.10 v6.1 v6.12 v6.18 v7.0 v7.3
ENGINES = graph,shuttle
comma = ,
space = $() $()
DIOLOCK = cargo run --release -q -p diolock-verify --bin diolock --

# The build says how far it is.
verify:
	@cargo build --release -p diolock-verify --bin diolock
	@$(DIOLOCK) verify

# A build of its own that optimises little: an edit is in it in seconds.
quick:
	@cargo run --profile quick -q -p diolock-verify --bin diolock -- verify --engine graph $(if $(CALL),--call $(CALL))

test:
	cargo test --workspace

test-all:
	DIOLOCK_ALL=1 cargo test --workspace -- --include-ignored

# As many of each of the three. Optimised: it is the parsers that are tried, not the compiler.
fuzz:
	DIOLOCK_FUZZ=33334 cargo test -q --release -p diolock-verify --test fuzz -- --nocapture

costs:
	UPDATE_COSTS=1 cargo test -q -p diolock-verify --test catalogue

bench: costs
	cargo bench -p diolock-verify --bench record
	cargo bench -p diolock-verify --bench conform
	cargo bench -p diolock-verify --bench steps -- --quick

mutants:
	cargo test -p diolock-verify --test mutants -- --include-ignored --nocapture

sweep:
	$(DIOLOCK) sweep --engines $(ENGINES) --kernel $(subst $(space),$(comma),$(KERNELS))

sweep-three:
	$(DIOLOCK) sweep --engines $(ENGINES) --tasks 3

# What is proved must be, and what is stuck must be.
prove:
	$(DIOLOCK) prove --kernel v7.3,v7.0,v6.18,v6.12,v6.1,v5.10,v5.4,v4.10,v3.7
	$(DIOLOCK) prove --rules --kernel v7.3,v6.12,v6.1
	$(DIOLOCK) prove --kernel v3.6; test $$? = 1

# A target directory of its own: the flag rebuilds all that loom stands on.
loom:
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --release -p diolock-plain --test drain
	cargo test --release -p diolock-plain --features shuttle --test drain

OUT ?= target/lessons

lessons:
	@$(DIOLOCK) lessons --out $(OUT)

# Where no browser can be had it says so, and is no failure.
lessons-test: lessons
	@verify/lessons/browser/run $(OUT)

kernel-trace:
	$(if $(SERIES),,$(error say which kernel: make kernel-trace SERIES=6.1 or SERIES=6.12))
	@verify/kernel/record $(SERIES)

# LITMUS="a b" for some tests only.
real confirm:
	$(if $(SERIES),,$(error say which kernel: make $@ SERIES=6.1 or SERIES=6.12))
	@verify/kernel/$(if $(filter real,$@),run,confirm) $(SERIES) $(LITMUS)

# $(call step,name,command,what to count in its output): runs the command quietly, prints how long
# it took and the count; on failure prints its output.
define step
@log=$$(mktemp) && start=$$(date +%s) && \
if $(2) >"$$log" 2>&1; then status=ok; else status=FAILED; fi; \
printf '%-6s %-6s %4d s   %s\n' $(1) $$status $$(($$(date +%s) - start)) "$$($(3))"; \
if [ $$status = FAILED ]; then cat "$$log"; fi; \
rm -f "$$log"; [ $$status = ok ]
endef

count_warnings = grep -c '^warning\|^error' "$$log" | xargs printf '%s warnings'
count_tests = awk '/^test result:/ {good += $$4; bad += $$6} END {printf "%d passed, %d failed", good, bad}' "$$log"

check: check-fmt check-lints check-docs check-tests check-fuzz

check-fmt:
	$(call step,fmt,cargo fmt --all -- --check,find . -name target -prune -o -name '*.rs' -print | wc -l | xargs printf '%s files')

check-lints:
	$(call step,lints,cargo clippy -q --workspace --all-targets -- -D warnings,$(count_warnings))

check-docs:
	$(call step,docs,RUSTDOCFLAGS='-D warnings' cargo doc -q --workspace --no-deps --document-private-items,$(count_warnings))

check-tests:
	$(call step,tests,cargo test --workspace,$(count_tests))

# About a minute of it.
check-fuzz:
	$(call step,fuzz,DIOLOCK_FUZZ=6000 cargo test -p diolock-verify --test fuzz,$(count_tests))
