# Everything that the project does from a terminal. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
REPORTS ?= conformance/reports
# modules beside the main one, each with its own go.mod
MODULES := bench examples/thirdparty-driver
FUZZTIME ?= 60s
# Broken drivers may race as they like: they are run without the detector.
MUTANTS := conformance/mutants

.PHONY: help run test test-redis check format-check vet lint tidy-check vuln unit conformance bench fuzz tools backends-up backends-down backends-status

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## the booking example on memory; needs only Go
	$(GO) run ./examples/booking

test: ## everything: all modules with the race detector, the example, the conformance suite
	$(GO) vet ./...
	$(GO) run ./examples/booking -json | tail -n 1
	$(GO) run ./internal/backends/ctl install .backends # once, before packages want it side by side
	$(GO) test -race -count=1 $$($(GO) list ./... | grep -v -e $(MUTANTS) -e drivers/redis)
	$(GO) test -race -short -count=1 ./drivers/redis # its servers' turn is test-redis, until the driver is whole
	$(GO) test -count=1 ./$(MUTANTS)/...
	for m in $(MODULES); do (cd $$m && $(GO) vet ./... && $(GO) test -count=1 ./...); done

test-redis: ## the Redis driver, in progress, on real servers: standalone, Sentinel, Cluster, TLS
	$(GO) test -race -count=1 ./drivers/redis

check: format-check vet lint tidy-check vuln unit ## format, vet, lint, tidy diff, vulnerabilities, memory-only tests with -race

format-check:
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; fi

vet:
	$(GO) vet ./...

tools: bin/golangci-lint bin/govulncheck ## build the pinned tools (tools/go.mod) into bin/

bin/golangci-lint: tools/go.mod
	$(GO) build -modfile tools/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

bin/govulncheck: tools/go.mod
	$(GO) build -modfile tools/go.mod -o $@ golang.org/x/vuln/cmd/govulncheck
	@touch $@

lint: bin/golangci-lint
	bin/golangci-lint run ./...

tidy-check:
	$(GO) mod tidy -diff
	for m in $(MODULES) tools; do (cd $$m && $(GO) mod tidy -diff); done

# The vulnerability database is a network service: where it cannot be reached the check says so and goes on.
vuln: bin/govulncheck
	@out=$$(bin/govulncheck ./... 2>&1) && { echo "$$out" | tail -n 1; exit 0; }; \
	if grep -qE 'dial tcp|no such host|connection refused|fetching vulnerabilities|HTTP GET' <<<"$$out"; then \
		echo "govulncheck: NOT CHECKED, the vulnerability database cannot be reached from here"; \
	else echo "$$out"; exit 1; fi

# -short leaves out what starts real servers; the broken drivers have their turn in make test and make conformance.
unit:
	$(GO) test -race -short $$($(GO) list ./... | grep -v $(MUTANTS))
	$(GO) test -short -run Ledger ./$(MUTANTS)

conformance: ## run the suite on every driver, then the mutants; reports and the matrix in conformance/reports
	$(GO) test -count=1 ./drivers/... -run Conformance -conformance.reports=$(CURDIR)/$(REPORTS)
	$(GO) run ./conformance/reports/matrix
	$(GO) test -count=1 ./conformance/... # core's own clauses, the mutants and the ledger

backends-up: ## start real servers for development, state in .backends/
	@$(GO) run ./internal/backends/ctl up .backends

backends-down: ## stop them
	@$(GO) run ./internal/backends/ctl down .backends

backends-status: ## which of them run
	@$(GO) run ./internal/backends/ctl status .backends

bench: ## benchmarks beside raw clients and peers; bench/report.json
	cd bench && $(GO) run .

fuzz: ## every fuzz target for FUZZTIME (60s) each
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done
