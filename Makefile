# Two commands for users: `make demo` and `make test`. Both install and build what they need from the
# usual registries, into the cache only. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/strait
# Outside the clone, so that a fresh clone reuses the compiled engine.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export STRAIT_TOOLS ?= $(CACHE)/tools
BIN := $(STRAIT_TOOLS)/bin

STATICCHECK := $(BIN)/staticcheck-0.8.2
TELEMETRYGEN := $(BIN)/telemetrygen-0.161.0
MDATAGEN := $(BIN)/mdatagen-0.159.0
STRAIT := $(CARGO_TARGET_DIR)/debug/strait

# Crates that need no engine are built in the dev profile; everything that links it in the release profile, with
# one set of packages, so that the engine is compiled once.
LIGHT := -p strait-ringbuf -p strait-failure -p strait-records -p strait-control -p strait-control-testpeer -p strait-description -p strait-component -p strait-component-testpeer -p strait-extension -p strait-extension-testpeer -p strait -p mask-cards -p redact \
	-p health-reporter -p token-provider -p count -p file-lines -p parquet-files -p strait-bench-control -p strait-tidy
# Test peers and the command's whole builds are left to `test`.
CHECKED := -p strait-ringbuf -p strait-failure -p strait-records -p strait-control -p strait-description -p strait-component -p strait-extension -p strait -p strait-tidy
# The engine asks for a newer Rust than it needs (docs/decisions/0009).
HEAVY := --ignore-rust-version -p strait-engine -p strait-host -p strait-bench
GO_MODULES := go tests examples/demo bench
# Go keeps a test's result while the files of its module stay; these read files of the other language.
SHARED_VECTORS := go test -count=1 -run 'Vector|Refused|Plans|CarryTheHash|OnThePage|Codes|CallID' \
	./ring ./record ./otap ./rustconfig ./control/... ./unit/edge

.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

# ---------------------------------------------------------------------------- the main job

.PHONY: demo
demo: build $(TELEMETRYGEN) ## build everything, run the main job on real telemetry, show it
	cd examples/demo && go build -o $(CACHE)/demo .
	$(CACHE)/demo -collector build/otelcol-strait -config examples/demo/otelcol.yaml -telemetrygen $(TELEMETRYGEN)

.PHONY: build
build: $(STRAIT) ## build the demo's Collector: build/otelcol-strait
	$(STRAIT) build --config examples/demo/builder.yaml

.PHONY: $(STRAIT)
$(STRAIT): old-facade
	cargo build --quiet --locked -p strait

# Cargo compares file times: of two clones with one target folder, that whose files are older would be given what was
# compiled of the other's. So the files become new where another clone built last.
.PHONY: own-sources
own-sources:
	@mkdir -p $(CARGO_TARGET_DIR); last=$(CARGO_TARGET_DIR)/last-clone; [ "$$(cat $$last 2>&1)" = "$(CURDIR)" ] || \
		{ find bench dataplane examples fuzz ringbuf tests -name '*.rs' -exec touch {} +; echo "$(CURDIR)" > $$last; }

# Cargo compares file times: a fresh clone's facade would look newer than the cached engine, which is compiled on
# top of it, and all of that would be compiled anew. `strait build` gives its copy the same time.
.PHONY: old-facade
old-facade: own-sources
	@touch -d @946684800 dataplane/facade/Cargo.toml dataplane/facade/src/lib.rs

# ---------------------------------------------------------------------------- tests

.PHONY: check
check: own-sources ## format, lints and the light tests: the inner loop
	cargo fmt --all --check
	cargo clippy --quiet --locked --all-targets $(LIGHT) -- -D warnings
	cargo test --quiet --locked --lib $(CHECKED)
	unformatted=$$(gofmt -l $(GO_MODULES)); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	cd go && go vet ./... && go test -short ./... && $(SHARED_VECTORS)
	cd tests && go test -count=1 ./tidy

.PHONY: test
test: lint test-light test-go generated test-heavy test-system ## pass every test, with formatting and lints
	@echo "all tests passed"

.PHONY: lint
lint: $(STATICCHECK) own-sources ## formatting and lints
	cargo fmt --all --check
	cargo clippy --quiet --locked --all-targets $(LIGHT) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps $(LIGHT)
	unformatted=$$(gofmt -l $(GO_MODULES)); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	for m in $(GO_MODULES); do (cd $$m && go vet ./... && $(STATICCHECK) ./...); done
	cd tests && go vet -tags all_nodes ./collector && $(STATICCHECK) -tags all_nodes ./collector
	python3 tests/licences.py
	cd tests && go test -count=1 ./tidy

.PHONY: test-light
test-light: own-sources ## the Rust crates that need no engine, and the model checks of the ring
	cargo test --quiet --locked $(LIGHT)
	RUSTFLAGS="--cfg loom" cargo test --quiet --locked -p strait-ringbuf --release --test loom --target-dir $(CARGO_TARGET_DIR)/loom

.PHONY: test-go
test-go: ## the Go packages, with the race detector, and once on one processor
	cd go && go test -race ./... && $(SHARED_VECTORS)
	cd go && go vet -modfile=newest.mod ./... && go test -modfile=newest.mod ./...
	cd go && GOMAXPROCS=1 go test ./ring ./record ./otap ./unit/...
	cd go && CGO_ENABLED=0 go build ./... && CGO_ENABLED=0 go test ./unit/... ./otapnodes ./otapreceiver ./otapprocessor ./otapexporter ./otapconnector ./receivers ./rustcomponent ./rustconfig
	cd go && GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go vet ./... && GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go vet ./...

.PHONY: generated
generated: $(MDATAGEN) own-sources ## generated files are what their sources make
	dataplane/control/regen.sh -check
	tests/generated.sh $(MDATAGEN)

.PHONY: test-heavy
test-heavy: old-facade ## the crates that link the engine
	cargo clippy --quiet --locked --release --all-targets $(HEAVY) -- -D warnings
	cargo test --quiet --locked --release $(HEAVY)

.PHONY: test-system
test-system: build $(TELEMETRYGEN) ## whole Collectors, processes, interoperation
	cd bench/whole && go vet ./...
	cd bench/pairs && go vet ./...
	STRAIT=$(STRAIT) STRAIT_COLLECTOR=$(CURDIR)/build/otelcol-strait TELEMETRYGEN=$(TELEMETRYGEN) tests/run.sh
	cd bench/cancel && go vet ./...

.PHONY: test-nodes
test-nodes: $(STRAIT) ## the engine's nodes that need DataFusion; compiling it takes long, so `test` leaves them out
	STRAIT=$(STRAIT) tests/nodes.sh

.PHONY: test-parquet
test-parquet: $(STRAIT) ## the example exporter to Parquet in a Collector; it has the engine compiled once more
	STRAIT=$(STRAIT) tests/parquet/collector.sh

.PHONY: test-page
test-page: $(STRAIT) ## docs/write-a-component.md, command by command
	tests/walkthrough.py $(STRAIT)

.PHONY: test-arm64
test-arm64: $(STRAIT) $(TELEMETRYGEN) ## a Collector for linux/arm64, built and run on amd64 with qemu
	STRAIT=$(STRAIT) TELEMETRYGEN=$(TELEMETRYGEN) tests/arm64.sh

# ---------------------------------------------------------------------------- the rest

.PHONY: generate
generate: $(MDATAGEN) $(STRAIT) ## make every generated file anew
	dataplane/control/regen.sh
	tests/generated.sh --write $(MDATAGEN)

.PHONY: bench
bench: ## measure, with the rivals in the same run; ratios are printed
	bench/run.sh

.PHONY: soak
soak: $(STRAIT) ## the long form of the tests that count; `test` has a short one
	cd go && STRAIT_SOAK=1 go test -race -count=1 -timeout 2h -v -run OperationsAgainstEnds ./ring
	$(STRAIT) build --quiet --config tests/native/builder.yaml
	cd tests/native && STRAIT_SOAK=1 go test -count=1 -timeout 4h -v -run 'MixedCalls|CyclesLeaveNothing|ThroughParts' .
	cd tests && STRAIT_SOAK=1 STRAIT_KINDS=$(CURDIR)/build/native-tests/otelcol-native-tests \
		go test -count=1 -timeout 30m -v -run EveryItem ./kinds

.PHONY: fuzz
fuzz: own-sources ## run each fuzz target for a minute
	fuzz/run.sh 60

.PHONY: clean
clean: ## remove what was built in the clone; the cache stays
	rm -rf build

$(STATICCHECK):
	GOBIN=$(BIN)/.new go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	mv $(BIN)/.new/staticcheck $@

$(TELEMETRYGEN):
	GOBIN=$(BIN)/.new go install github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0
	mv $(BIN)/.new/telemetrygen $@

$(MDATAGEN):
	cd tools/mdatagen && go build -o $@ go.opentelemetry.io/collector/cmd/mdatagen
