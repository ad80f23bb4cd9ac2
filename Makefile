# make demo: watch three nights on a laptop.   make test: every test, on a machine that has Rust and a shell.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

WASM := target/wasm32-wasip2/release/ami-scheduler.wasm

.PHONY: demo test module setup-demo setup-test

demo: setup-demo module
	@demo/three-nights $(WASM)

test: setup-test module
	@component-tests/run $(WASM)

module:
	cargo build --locked --release --target wasm32-wasip2

setup-demo:
	@scripts/setup demo

setup-test:
	@scripts/setup
