# make            the release binary, build/release/maxbrod
# make test       installs what is missing, builds, runs every test (brokers included)
# make demo       the main job on two real Kafka clusters; KEEP=1 leaves them up
# make install    program, manual pages, completion, docs below PREFIX=/usr/local, in DESTDIR if set
# make help       the rest
#
# The build itself is CMake's (CMakePresets.json); this file only names the ways in.

SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 10
PREFIX ?= /usr/local
# CTEST_ARGS narrows a run: make test CTEST_ARGS="-R roundtrip"
CTEST_ARGS ?=
CTEST := ctest --output-on-failure --no-tests=error

.PHONY: all install help deps test unit demo bench format check-format fuzz asan tsan clang clean kafka standins
.DEFAULT_GOAL := all

all: deps build/release/build.ninja
	@cmake --build build/release -j $(JOBS) --target maxbrod

# Only copies: as root after `make`, nothing is built by root.
install:
	@test -x build/release/maxbrod || { echo "HINT: make first" >&2; exit 1; }
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" scripts/install build/release/maxbrod

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo 'make unit       unit tests only (no broker)'
	@echo 'make bench      speed and memory against raw programs'
	@echo 'make fuzz       every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make asan tsan clang   unit tests under sanitizers, and with clang'
	@echo 'make format     clang-format over the tree; check-format only looks'

deps:
	@scripts/install-deps

kafka: deps
	@source ./dependencies.env; for v in $$KAFKA_TEST_VERSIONS $$KAFKA_OLDEST_VERSION; do scripts/fetch-kafka $$v >/dev/null; done; scripts/fetch-kafka $$KAFKA_DEMO_VERSION test-jars >/dev/null

build/%/build.ninja:
	@cmake --preset $*

standins: deps
	@scripts/fetch-standins >/dev/null

# What is fetched is fetched while the compiler runs. The last lines are ctest's totals.
test: deps build/release/build.ninja
	@$(MAKE) --no-print-directory kafka standins & fetched=$$!; \
	  cmake --build build/release -j $(JOBS) && wait $$fetched
	@$(CTEST) --test-dir build/release -j $(JOBS) $(CTEST_ARGS)

unit: deps build/release/build.ninja
	@cmake --build build/release -j $(JOBS)
	@$(CTEST) --test-dir build/release -j $(JOBS) -L unit $(CTEST_ARGS)

demo: all kafka
	@scripts/demo

bench: deps kafka standins build/release/build.ninja
	@cmake --build build/release -j $(JOBS)
	@bench/run
	@bench/holes
	@bench/s3
	@bench/gentle

format: deps
	@scripts/check-format --fix

check-format: deps
	@scripts/check-format

fuzz: deps build/fuzz/build.ninja
	@cmake --build build/fuzz -j $(JOBS)
	@scripts/run-fuzz build/fuzz $(FUZZ_SECONDS)

asan: deps build/asan-ubsan/build.ninja
	@cmake --build build/asan-ubsan -j $(JOBS)
	@$(CTEST) --test-dir build/asan-ubsan -j $(JOBS) -L unit $(CTEST_ARGS)

tsan: deps build/tsan/build.ninja
	@cmake --build build/tsan -j $(JOBS)
	@$(CTEST) --test-dir build/tsan -j $(JOBS) -L unit $(CTEST_ARGS)

clang: deps build/clang/build.ninja
	@cmake --build build/clang -j $(JOBS)
	@$(CTEST) --test-dir build/clang -j $(JOBS) -L unit $(CTEST_ARGS)

clean:
	rm -rf build
