# make demo: watch three nights on a laptop.   make test: every test, on a machine that has Rust and a shell.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

WASM := target/wasm32-wasip2/release/ami-scheduler.wasm

.PHONY: demo test test-core test-component test-image lint module interleavings chaos peak-memory bench-tracker setup-demo setup-test

demo: setup-demo module
	@demo/three-nights $(WASM)

test: setup-test lint module test-core test-component test-image

test-core:
	cargo test --locked
	cargo test --locked --target wasm32-wasip2 --lib --bins --test diff --test heads_protocol --test tracker_laws

test-component:
	.tools/venv/bin/python -m pytest --numprocesses 4 component-tests --ignore=component-tests/test_image.py $(PYTEST)

# One process: it builds the image once.
test-image:
	.tools/venv/bin/python -m pytest component-tests/test_image.py

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- --deny warnings

module:
	cargo build --locked --release --target wasm32-wasip2

# A deeper search for an interleaving of writers that loses something, of minutes.
interleavings:
	cargo test --locked --test every_interleaving -- --ignored --nocapture

# Hundreds of nights under every fault, from a seed that is printed.
chaos: setup-test module
	.tools/venv/bin/python component-tests/chaos.py $(CHAOS)

# The peak memory of `list` on a repository of 70,000 packages.
peak-memory: setup-test module
	benches/peak-memory

# What the tracker keeps of concurrent updates, beside two other ways.
bench-tracker: setup-test module
	@scripts/setup bench
	.tools/venv/bin/python benches/tracker

setup-demo:
	@scripts/setup demo

setup-test:
	@scripts/setup
