# Every task has a target; `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  := $(shell sed -n 's/^const Version = "\(.*\)"$$/\1/p' provider/version.go)
CACHE    ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/modelplane
TOOLS    := $(CACHE)/bin
PROVIDER := bin/pulumi-resource-modelplane
PLANE    := bin/localplane
# The race detector needs a C compiler.
RACE     := $(if $(shell command -v cc),-race)
GOTEST   := env CGO_ENABLED=$(if $(RACE),1,0) go run gotest.tools/gotestsum@v1.13.0 --format testname --format-hide-empty-pkg
# Tests without load give way to those beside them that count lost requests.
ASIDE    := nice -n 10
UNIT     := ./plugin/... ./provider/... ./cmd/... ./internal/... ./tests/load/... ./tests/modelserver/... ./tests/demo/... ./tests/bench/figures
# Each package's tests run in a control plane of their own.
IN_PLANE := -exec "$(CURDIR)/$(PLANE) run --"
# The same with workload clusters beside it, for tests that name them in harness.Main.
IN_CLUSTERS := -exec "$(CURDIR)/$(PLANE) run --clusters east,west --"
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.0

export CGO_ENABLED ?= 0
export MODELPLANE_TOOLS := $(TOOLS)
export PATH := $(CURDIR)/bin:$(TOOLS):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build $(if $(KUBECONFIG),,first-tools $(PLANE)) ## Bring up the example, send it requests, show who answered; KEEP=1 leaves it up
	@go build -trimpath -o bin/demo ./tests/demo
# A cluster of your own is used with a pulumi of your own.
	@PATH="$(if $(KUBECONFIG),$(subst :$(TOOLS):,:,$(PATH)),$(PATH))" bin/demo

.PHONY: demo-clusters
demo-clusters: build tools $(PLANE) ## The same with a model on two clusters: where it is placed, who answered, a drain under load
	@go build -trimpath -o bin/demo ./tests/demo
	@bin/demo clusters

.PHONY: test
test: lint ## Everything, from unit to real traffic
# Tests with traffic wait more than they compute, so others run beside them. The longest come first.
	@$(MAKE) --no-print-directory -j2 test-e2e test-unit test-plane test-refusals
	@$(MAKE) --no-print-directory -j2 test-sdk test-clusters test-traffic test-sdk-clusters test-gateway test-models

.PHONY: test-unit
test-unit: tools ## The pure parts, with the race detector where a C compiler is
	@$(if $(RACE),,echo "no C compiler: the tests run without the race detector")
	$(ASIDE) $(GOTEST) --format pkgname -- $(RACE) $(UNIT)

.PHONY: test-plane
test-plane: tools $(PLANE) ## The local plane, and what needs no more than its API server
	$(ASIDE) $(GOTEST) -- $(RACE) -count=1 ./tests/localplane ./tests/localplane/balancer ./tests/localplane/dns
	$(ASIDE) $(GOTEST) -- $(RACE) -count=1 $(IN_PLANE) ./tests/localplane/node ./provider/internal/crds ./provider ./provider/endpoint ./provider/service ./provider/gateway ./provider/deployment

.PHONY: test-refusals
test-refusals: build tools ## Inputs, and what the real engine says of them
	$(ASIDE) $(GOTEST) -- $(RACE) -count=1 -timeout 20m ./tests/refusals

.PHONY: test-e2e
test-e2e: build tools $(PLANE) ## The real engine, API server and Traefik, with traffic through them
	$(GOTEST) -- $(RACE) -count=1 -timeout 40m $(IN_PLANE) ./tests/e2e

.PHONY: test-gateway
test-gateway: build tools $(PLANE) ## The life of a gateway, and who may do what to it
	$(GOTEST) -- $(RACE) -count=1 -timeout 40m $(IN_PLANE) ./tests/gateway

# Prometheus' engine is in a module of its own.
bin/promquery: $(wildcard tests/promquery/*)
	cd tests/promquery && go build -trimpath -o $(CURDIR)/bin/promquery .

.PHONY: test-traffic
test-traffic: build tools $(PLANE) bin/promquery ## HTTPS, callers, limits, failover and what a gateway tells of its requests
	$(GOTEST) -- $(RACE) -count=1 -timeout 40m $(IN_PLANE) ./tests/traffic

.PHONY: test-models
test-models: build tools $(TOOLS)/redis-server $(PLANE) ## Models by name, each backend by its own, and one URL for all
	$(GOTEST) -- $(RACE) -count=1 -timeout 20m $(IN_PLANE) ./tests/models

.PHONY: test-clusters
test-clusters: build tools $(PLANE) ## Workload clusters with the real Envoy Gateway and Envoy, and models placed on them
	$(GOTEST) -- $(RACE) -count=1 -timeout 30m $(IN_CLUSTERS) ./tests/clusters

.PHONY: test-kserve
test-kserve: ## KServe's own validator, whose module takes minutes to build; not part of test
	cd tests/kserve && go test -count=1 ./...

.PHONY: test-sdk
test-sdk: build tools examples $(PLANE) ## Examples in every language, asked by its OpenAI client, the docs' commands, and installing
	$(ASIDE) $(GOTEST) -- -count=1 -timeout 60m -p 3 $(IN_PLANE) ./tests/docs/... $$(go list ./tests/examples/... | grep -v /clusters$$)
# A plane has no way to npm, PyPI and the Go proxy.
	$(ASIDE) $(GOTEST) -- -count=1 ./tests/install

.PHONY: test-sdk-clusters
test-sdk-clusters: build tools examples $(PLANE) ## Examples of several clusters in every language
	$(ASIDE) $(GOTEST) -- -count=1 -timeout 30m $(IN_CLUSTERS) ./tests/examples/clusters

# The locks and the SDKs are in the name of the folder that they are installed into.
EXAMPLES := $(CACHE)/examples-$(shell cat $$(git ls-files tests/examples/deps sdk 'examples/**/go.mod') | sha256sum | cut -c1-12)
export MODELPLANE_EXAMPLES := $(EXAMPLES)
.PHONY: examples
examples: $(EXAMPLES)/.installed

$(EXAMPLES)/.installed:
	tests/examples/deps/install.sh $(EXAMPLES) && touch $@

.PHONY: bench
bench: build tools $(PLANE) ## How long up takes, beside objects by hand, and how large state and provider are
	go test -run '^$$' -bench . ./cmd/... ./provider/...
	go test -run '^$$' -bench . -benchtime 1x $(IN_PLANE) ./tests/bench

# What draws the plots is in a module of its own.
bin/plots: $(wildcard tests/plots/*)
	cd tests/plots && go build -trimpath -o $(CURDIR)/bin/plots .

# Both write one page.
BENCHMARKS := $(if $(QUICK),bin/benchmarks,docs/benchmarks)
.PHONY: bench-traffic
bench-traffic: build tools $(PLANE) bin/plots ## What a gateway costs its requests, beside others, into docs/benchmarks; QUICK=1 tries it out
# A plane has no way to PyPI and npm.
	tests/bench/rivals.sh $(CURDIR)/bin/rivals
	@mkdir -p $(BENCHMARKS)
	MODELPLANE_RIVALS=$(CURDIR)/bin/rivals MODELPLANE_FIGURES=$(CURDIR)/$(BENCHMARKS)/figures.json \
	go test -run '^$$' -bench Traffic -benchtime 1x -timeout 40m $(IN_PLANE) ./tests/bench/traffic
	go run ./tests/bench/page $(BENCHMARKS)

.PHONY: bench-models
bench-models: build tools $(PLANE) bin/plots ## What models by name cost, beside LiteLLM, and reloads, into docs/benchmarks; QUICK=1 tries it out
	tests/bench/rivals.sh $(CURDIR)/bin/rivals
	@mkdir -p $(BENCHMARKS)
	MODELPLANE_RIVALS=$(CURDIR)/bin/rivals MODELPLANE_FIGURES=$(CURDIR)/$(BENCHMARKS)/models.json \
	go test -run TheCheck -bench Models -benchtime 1x -timeout 40m $(IN_PLANE) ./tests/bench/traffic
	go run ./tests/bench/page $(BENCHMARKS)

.PHONY: build
build: $(PROVIDER) ## Build the provider into bin/

.PHONY: $(PROVIDER)
$(PROVIDER):
	@go build -trimpath -ldflags "-s -w" -o $@ ./cmd/pulumi-resource-modelplane

.PHONY: $(PLANE)
$(PLANE):
	@go build -trimpath -o $@ ./tests/localplane/cmd/localplane
# What Pods run is linked statically.
	@CGO_ENABLED=0 go build -trimpath -o bin/modelserver ./tests/modelserver/cmd/modelserver

.PHONY: generate
generate: ## Write schema.json, sdk/ and everything else that is made from the code
	go generate ./...
	go run ./cmd/pulumi-gen-modelplane .

.PHONY: lint
# Its cache mixes up two checkouts of one module.
lint: export GOLANGCI_LINT_CACHE := $(CURDIR)/bin/lint
lint: ## golangci-lint: gofumpt, vet, staticcheck and more
	$(GOLANGCI) run ./...

# What builds a tool is in its stamp's name, so that a tool is built once for every version of its sources.
TOOL_NAMES := pulumi language-hosts kubernetes-plugin yaml-host etcd kube kubectl traefik envoy-gateway envoy lws
stamp = $(TOOLS)/.$(1)-$(shell cat tests/toolchain/build.sh $$(find tests/toolchain/$(1) -type f -not -path '*/build/*' | sort) | sha256sum | cut -c1-12)
STAMPS := $(foreach tool,$(TOOL_NAMES),$(call stamp,$(tool)))

.PHONY: tools
tools: $(STAMPS) ## Build the pinned tools that tests and the demo run against

# Without the tools of workload clusters: Envoy needs Python, and both take minutes.
CLUSTER_TOOLS := envoy-gateway envoy lws
.PHONY: first-tools
first-tools: $(foreach tool,$(filter-out $(CLUSTER_TOOLS),$(TOOL_NAMES)),$(call stamp,$(tool)))

$(STAMPS):
	@tool=$$(basename $@ | sed -E 's/^\.(.*)-[0-9a-f]{12}$$/\1/'); echo "building $$tool (once; minutes, cold)"; \
	tests/toolchain/build.sh $(TOOLS) $$tool && touch $@

# Where there is none, the tests use an embedded one.
$(TOOLS)/redis-server:
	tests/toolchain/redis.sh $(TOOLS)

.PHONY: up down kubeconfig
up: tools $(PLANE) ## Start a local control plane to use by hand; CLUSTERS=east,west adds workload clusters
	$(PLANE) up $(if $(CLUSTERS),--clusters $(CLUSTERS))
down: ## Stop it
	$(PLANE) down
kubeconfig: ## Print a kubeconfig for it
	@$(PLANE) kubeconfig

.PHONY: install
install: build ## Put the provider where Pulumi finds it
	pulumi plugin install resource modelplane $(VERSION) --file $(PROVIDER) --reinstall

.PHONY: npm
npm: ## Build the package for npm in sdk/nodejs/bin, and as bin/modelplane.tgz to install from
	cd sdk/nodejs && npm install --no-audit --no-fund && npm run build && cp package.json README.md LICENSE bin/
	mkdir -p bin && mv "$$(npm pack --silent ./sdk/nodejs/bin)" bin/modelplane.tgz

.PHONY: clean
clean: ## Remove what was built; the tools stay in $(CACHE)
	rm -rf bin
