# Everything a developer does here. `make` alone lists it.

GO       ?= go
BUILD    := build
TOOLS    := $(CURDIR)/$(BUILD)/tools
FUZZTIME ?= 5s

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := $(TOOLS)/$(GOLANGCI_VERSION)/golangci-lint

# What production runs on. The binary is static and the same for the same commit.
PACKAGE_ENV := GOOS=linux GOARCH=amd64 CGO_ENABLED=0

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: build
build: ## the program, as build/keywarden
	$(GO) build -trimpath -o $(BUILD)/keywarden ./cmd/keywarden

.PHONY: dev
dev: build package ## the whole product on this machine against stand-ins, until Ctrl-C; DEV=--help lists options
	$(GO) build -trimpath -o $(BUILD)/emulator ./cmd/emulator
	@$(BUILD)/emulator dev $(DEV)

.PHONY: run
run: build ## two weeks of logs with a stolen key in them, and what is found
	rm -rf $(BUILD)/run
	$(BUILD)/keywarden simulate $(BUILD)/run/logs
	$(BUILD)/keywarden replay --min-severity low --store sqlite:$(BUILD)/run/keywarden.db $(BUILD)/run/logs

.PHONY: test
test: ## the tests, in random order
	$(GO) test -shuffle=on ./...

.PHONY: ci
ci: tidy lint race coverage promise fuzz package sdk-suites ## everything that a change must pass

.PHONY: tidy
tidy: ## fails where go.mod lists other than what is imported
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: lint
lint: $(GOLANGCI) ## the linters of .golangci.yml; the first run installs them, which takes minutes
	$(GOLANGCI) run ./...

$(GOLANGCI):
	GOBIN=$(dir $@) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: race
race: ## the tests under the race detector; needs a C compiler
	$(GO) test -race -timeout=30m -shuffle=on -count=1 ./...

# Of the packages whose promises stand on it, by their own tests. Apart from the
# race detector, under which to count statements costs many times as much.
.PHONY: coverage
coverage: ## fails where a tenth of the detectors or of the decoder is not tested
	mkdir -p $(BUILD)
	$(GO) test -shuffle=on -count=1 -coverpkg=./detectors/...,./internal/azurelog/... -coverprofile=$(BUILD)/coverage.out ./detectors/... ./internal/azurelog/...
	awk -f .ci/coverage.awk -v floor=90 -v areas=detectors,internal/azurelog $(BUILD)/coverage.out

# The race detector's run tests it on fewer principals.
.PHONY: promise
promise: ## what the detectors' bits promise, on 200 principals and 30 days that they were not tuned on
	$(GO) test -count=1 -run=TestPromise ./internal/evaluate

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (5s)
	.ci/fuzz $(FUZZTIME)

.PHONY: sdk-suites
sdk-suites: ## the Azure SDK's own live tests against the stand-ins; two minutes
	.ci/sdk-suites

.PHONY: bench
bench: ## the benchmarks once, in benchstat's format
	@$(GO) test -run='^$$' -bench=. -benchmem -timeout=60m ./...

.PHONY: generate
generate: ## rewrites the lists of detectors in the documents; the tests tell where they are stale
	$(GO) test ./detectors/all -run=TestDocuments -update

.PHONY: new-detector
new-detector: ## ID=some-name: a new detector, with a test that fails until it has scenarios
	$(GO) run ./detectors/internal/scaffold $(ID)

.PHONY: geo
geo: ## rebuilds the embedded address table from its sources; needs npm's registry
	$(GO) run ./internal/geo/build

# Where ServeGen stands: half of its clients are in the scale, the others are a background of their own in the evaluation, and left out where it is missing.
SERVEGEN ?= $(wildcard ../shared/data/servegen)

.PHONY: calibrate
calibrate: ## measures the detectors on simulated benign life and rewrites the scale of bits; ten minutes, needs SERVEGEN
	$(GO) run ./internal/evaluate/calibrate -servegen "$(SERVEGEN)"

.PHONY: evaluate
evaluate: build ## measures how much is found and how much is false, and rewrites docs/evaluation.md and the table in README.md; five minutes
	$(BUILD)/keywarden evaluate --report $(BUILD)/evaluation $(if $(SERVEGEN),--servegen $(SERVEGEN))
	rm -rf docs/evaluation
	cp -R $(BUILD)/evaluation/evaluation $(BUILD)/evaluation/evaluation.md docs
	awk -f .ci/readme.awk docs/evaluation.md README.md > $(BUILD)/README.md
	mv $(BUILD)/README.md README.md

.PHONY: package
package: ## what is deployed to Azure Functions, as dist/keywarden.zip
	$(PACKAGE_ENV) $(GO) build -trimpath -ldflags='-s -w -buildid=' -o $(BUILD)/keywarden-linux-amd64 ./cmd/keywarden
	$(GO) run ./handlers/internal/pack -handler $(BUILD)/keywarden-linux-amd64 -o dist/keywarden.zip

.PHONY: clean
clean: ## removes what was built
	rm -rf $(BUILD) dist
