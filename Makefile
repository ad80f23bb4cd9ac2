# make demo: watch three nights on a laptop.   make demo-images: bake, test, find and promote images.
# make check: the inner loop.   make test: every test, on a machine that has Rust and a shell.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

WASM := target/wasm32-wasip2/release/ami-scheduler.wasm

.PHONY: demo demo-module demo-images check native audit sbom reproducible test test-core test-module test-native test-component test-image lint rust-lint module docs screenshot interleavings chaos differential fuzz fuzz-seeds linear bench peak-memory bench-tracker bench-growth mutants setup-target setup-test setup-fuzz

# A program that is at hand: the module or the native program that is named, or the module of a release in dist/.
PROGRAM ?= $(or $(AMI_SCHEDULER_WASM),$(wildcard dist/ami-scheduler.wasm))

demo: $(if $(PROGRAM),,demo-module)
	@scripts/setup demo $(if $(PROGRAM),$(if $(filter %.wasm,$(PROGRAM)),wasmtime))
	@demo/three-nights $(or $(PROGRAM),$(WASM))

demo-module:
	@test -e $(WASM) || printf '%s\n' 'No program is at hand, so one is built first. That takes Rust, and about 5 minutes on two idle cores.' \
		'A release has programs that are ready: make demo PROGRAM=FILE takes a module or a native program.'
	@scripts/setup target wasmtime
	@$(MAKE) --no-print-directory module

# Images baked for real, tested, found, promoted and taken back: Packer, Ansible and an EC2 API on this machine, without AWS.
demo-images:
	@scripts/setup packages target wasmtime python bake
	@$(MAKE) --no-print-directory module
	@.tools/venv/bin/python demo/images $(WASM)

# The inner loop, for which Rust is enough: format, lints, and the core's tests but for the one that asks rpm.
check: rust-lint
	cargo test --locked --package ami-scheduler --lib --test core -- --skip as_the_real_rpm_orders_them

test: setup-test
	@scripts/steps lint module native test-core test-module test-native test-component test-image

test-core:
	cargo test --locked --workspace
	cargo test --locked --package ami-scheduler --target wasm32-wasip2 --lib
# Snapshots lie in files, which a module finds by other paths.
	cargo test --locked --package ami-scheduler --target wasm32-wasip2 --test core -- --skip child_pipeline:: --skip night:: --skip report::

# The tests of the command by the module and its wrapper; test-core runs them by the native program.
test-module: module
	mkdir -p target/wrapped/bin target/wrapped/share/ami-scheduler
	cp cli/wrapper/ami-scheduler target/wrapped/bin/
	wasmtime compile --config wasmtime.toml -o target/wrapped/share/ami-scheduler/ami-scheduler.cwasm $(WASM)
	AMI_SCHEDULER_TEST_COMMAND=$(CURDIR)/target/wrapped/bin/ami-scheduler \
		cargo test --locked --package ami-scheduler-cli --test commands

# Servers, certificates, proxies, signatures and stores, by the native program: all that is another's where no
# wasmtime is around it.
NATIVE_TESTS := module advisories firewall client_certificates deadlines mirrors signature cache secrets several_repositories \
	repo_file odd_repositories indexes failed_jobs limits rules differential

test-native: native
	.tools/venv/bin/python -m pytest --native --numprocesses 4 --dist worksteal $(NATIVE_TESTS:%=component-tests/test_%.py) $(PYTEST)

test-component:
	.tools/venv/bin/python -m pytest --numprocesses 4 --dist worksteal component-tests --ignore=component-tests/test_image.py --durations 15 $(PYTEST)

# One process: it builds the image once.
test-image:
	.tools/venv/bin/python -m pytest component-tests/test_image.py

rust-lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings

lint: rust-lint
	CARGO_TARGET_DIR=target CUSTOM_LIBFUZZER_PATH=/none/none.a cargo check --locked --manifest-path fuzz/Cargo.toml
	shellcheck --shell=sh cli/wrapper/ami-scheduler src/child_pipeline/before-script.sh scripts/build scripts/sbom scripts/digests
# The crates of every platform, whose licences are read.
	cargo fetch --locked
	scripts/audit --offline

module:
	scripts/build wasm32-wasip2 --package ami-scheduler-cli

# The same program without wasmtime, as the tests take it; `cargo install --path cli` makes the one to use.
native:
	cargo build --locked --package ami-scheduler-cli

# What is known of the dependencies: licences, sources, duplicates, flaws. What could not be asked, it says last.
audit: setup-test
	scripts/audit $(AUDIT)

# What module and native program are made of, as CycloneDX, in dist/.
sbom: setup-test
	scripts/sbom dist wasm32-wasip2 $$(rustc --print host-tuple)

# The module and the native program, each built twice, in two folders with two CARGO_HOMEs: the same bytes?
reproducible: setup-target
	scripts/reproducible wasm32-wasip2 $$(rustc --print host-tuple)

# docs/inputs.md from the template, docs/commands.md from --help.
docs: setup-test module
	.tools/venv/bin/python scripts/make-docs

# docs/status-page.png, which the README shows.
screenshot: setup-test module
	.tools/venv/bin/python scripts/screenshot

# A deeper search for an interleaving of writers that loses something, of minutes.
interleavings:
	cargo test --locked --test every_interleaving -- --ignored --nocapture

# Hundreds of nights under every fault, from a seed that is printed.
chaos: setup-test module
	.tools/venv/bin/python component-tests/chaos.py $(CHAOS)

# Hundreds of repositories, read by dnf and by list, from a seed that is printed.
differential: setup-test native
	.tools/venv/bin/python component-tests/differential.py $(DIFFERENTIAL)

# Every fuzzer for a minute, or the one that FUZZ names for FUZZ_SECONDS.
fuzz: setup-fuzz
	fuzz/run $(FUZZ)

# What the core's tests notice of 300 mutants of it, and of all of the tracker and of signatures: an hour or two.
mutants:
	@scripts/setup packages mutants
	scripts/mutants $(MUTANTS)

# Whether the work of every reader of what strangers send grows as its input does; LINEAR names some of them.
linear:
	@scripts/setup packages
	scripts/linear $(LINEAR)

# Makes the fuzzers' seeds anew, and keeps some of what they found.
fuzz-seeds: setup-test setup-fuzz module
	.tools/venv/bin/python fuzz/make-seeds
	fuzz/keep-seeds

# Time and peak memory, beside what peers take in the same run.
bench: setup-test module
	@scripts/setup bench
	.tools/venv/bin/python benches/performance $(BENCH)

# The peak memory of a night on repositories of up to 700,000 packages.
peak-memory: setup-test module
	.tools/venv/bin/python benches/performance --only memory

# What the tracker keeps of concurrent updates, beside two other ways.
bench-tracker: setup-test module
	@scripts/setup bench
	.tools/venv/bin/python benches/tracker

# How a tracker grows with its images: bytes an image, images until it is full.
bench-growth:
	cargo bench --locked --bench growth

setup-target:
	@scripts/setup target

setup-test:
	@scripts/setup

setup-fuzz:
	@scripts/setup fuzz
