# Everything a developer types. `make help` lists it; each target installs what it needs (tests/setup.sh).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# Arguments of the program: make run ARGS="--cores 0-1"
ARGS ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-17s %s\n", $$1, $$2 }'

.PHONY: setup-build
setup-build:
	@tests/setup.sh build

.PHONY: setup
setup: ## install what building and testing need (as root; otherwise list it)
	@tests/setup.sh test

.PHONY: build
build: setup-build ## build the programs in release
	$(CARGO) build --release --package prism-proxy --package prism-bench --bins

.PHONY: run
run: setup-build ## build in release and serve on 127.0.0.1:8980, in memory; ARGS="..." adds flags
	$(CARGO) run --release --package prism-proxy --bin prism-proxy -- $(ARGS)

.PHONY: test
test: setup ## run everything that CI runs, less the linters
	$(CARGO) build --package prism-proxy
	$(CARGO) test --workspace
	RUSTFLAGS="--cfg loom" $(CARGO) test --package prism-shard --test loom_mesh --target-dir target/loom

.PHONY: load
load: setup-build ## build the load generator in release and load what `make run` serves; ARGS="--rps 10000 ..." adds flags
	$(CARGO) run --release --package prism-bench --bin prism-load -- $(ARGS)

.PHONY: coverage
coverage: ## run the tests with a counter in every line, and say what they reach, for each crate and backend
	@tests/setup.sh coverage
	tests/coverage.sh

.PHONY: coverage-memstore
coverage-memstore: ## the same with what tests the memstore only: as CI does
	@tests/setup.sh coverage
	tests/coverage.sh memstore

# How long the soak takes.
SOAK_SECONDS ?= 600

.PHONY: soak
soak: setup-build ## load the proxy with everything at once for ten minutes, against a model; SOAK_SECONDS=...
	PRISM_SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) test --release --package prism-tests --test soak -- --nocapture

.PHONY: lint
lint: lint-format lint-clippy lint-docs lint-tidy ## check the format, clippy, the documentation and the tree's own rules

.PHONY: lint-format
lint-format:
	$(CARGO) fmt --all --check

.PHONY: lint-clippy
lint-clippy: setup-build
	$(CARGO) clippy --workspace --all-targets -- -D warnings

.PHONY: lint-docs
lint-docs: setup-build
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

.PHONY: lint-tidy
# Part of `make test`, and quick: long lines in comments, layers and the like.
lint-tidy: setup-build
	$(CARGO) test --package prism-tests --test tidy

.PHONY: proto
proto: setup-build ## generate the code of the interfaces again, from proto/
	$(CARGO) run --package prism-proto --example generate

# What is fuzzed, and for how long: make fuzz TARGET=frames SECONDS=1200
TARGET ?= $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs)))
SECONDS ?= 60

.PHONY: fuzz
fuzz: setup-build ## fuzz every target for a minute; TARGET=... SECONDS=... does one for longer (needs nightly, cargo-fuzz)
	for target in $(TARGET); do tests/fuzz/run.sh $$target $(SECONDS); done

.PHONY: bench
bench: setup-build ## run the micro-benchmarks
	$(CARGO) bench --package prism-bench

.PHONY: perf
perf: setup ## profile the proxy under load as a flame graph, into perf/results
	perf/run.sh
