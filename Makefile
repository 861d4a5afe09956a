# The two commands of the README are `make run` and `make test`; everything else serves them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

DEVCLUSTER := go -C devcluster run .
LINT := .tools/golangci-lint
TESTFLAGS ?= -race -shuffle=on -count=1 -timeout 60m

.PHONY: help
help: ## Print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: ## Run a task end to end: on $KUBECONFIG or in-cluster if there is one, else on a local Kubernetes that it starts
	@if [ -z "$$KUBECONFIG$$KUBERNETES_SERVICE_HOST" ]; then \
		$(DEVCLUSTER) up && KUBECONFIG=$$($(DEVCLUSTER) kubeconfig) && export KUBECONFIG || exit 1; \
	fi; \
	go run ./cmd/kubectl-orchestra run hello --scope make-run --image busybox --rm --remove-volumes \
		--env GREETING=hello --volume notes:notes --cpu 0.5 --memory 64Mi \
		-- sh -c 'echo "$$GREETING from $$(hostname)"; date -u +%Y > notes/year; echo "the volume holds: $$(ls notes)"; echo "done" >&2'

.PHONY: test
test: lint ## Pass all tests on a local Kubernetes that it starts, or on CLUSTER=/path/to/kubeconfig if asked to
	@TESTFLAGS="$(TESTFLAGS)" CLUSTER="$(CLUSTER)" .ci/test

.PHONY: unit
unit: ## Pass the tests that need no cluster
	go test -short $(TESTFLAGS) ./...

.PHONY: lint
lint: $(LINT) ## Check style, the direction of imports, and that go.mod is tidy
	go mod tidy -diff
	go -C devcluster mod tidy -diff
	go -C render/helmbench mod tidy -diff
	$(LINT) run ./...
	cd devcluster && ../$(LINT) run --config ../.golangci.yml ./...
	cd render/helmbench && ../../$(LINT) run --config ../../.golangci.yml ./...

$(LINT): tools.mod
	@echo "building golangci-lint (some minutes once, then cached)"
	go build -modfile=tools.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: bench
bench: ## Measure on the local Kubernetes: launches, logs, waits and idle tasks beside plain requests, rendering beside Helm and a typed struct, and starts beside kubectl
	@$(DEVCLUSTER) up --simulated-nodes 1
	@set -o pipefail; kubectl=$$($(DEVCLUSTER) kubectl) && { \
		ORCHESTRA_TEST_KUBECTL=$$kubectl go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./driver; driver=$$?; \
		ORCHESTRA_TEST_KUBECTL=$$kubectl go test -run '^$$' -bench . -benchtime 21x -timeout 60m ./cmd/kubectl-orchestra; start=$$?; \
		go -C render/helmbench test -run '^$$' -count=1 -bench . . && exit $$((driver | start)); \
	} | go run ./internal/benchtable

.PHONY: soak
soak: ## Run 1,000 tasks, end 1,000 in the midst of their input, copy 100,000 files, restart the control plane under 100, spoil requests by a random seed, and split stdout from stderr, on the local Kubernetes
	@$(DEVCLUSTER) up --simulated-nodes 1
	go test -tags soak -count=1 -timeout 90m -v -run '^(TestSoak|TestSoakStdin|TestSoakCopy|TestRestarts)$$' ./driver
	ORCHESTRA_FAULT_SEED=random go test -count=1 -timeout 60m -v -run '^TestDriversUnderFaults$$' ./orchestra
	@$(DEVCLUSTER) up --name split --feature-gates PodLogsQuerySplitStreams=true
	trap '$(DEVCLUSTER) down --name split' EXIT; export ORCHESTRA_TEST_KUBECONFIG=$$($(DEVCLUSTER) kubeconfig --name split); \
		go test -count=1 -timeout 60m -run '^TestClusterLogs|^TestDrivers$$/^k8s$$' ./driver ./orchestra

.PHONY: golden
golden: ## Write the golden files anew
	go test -short -count=1 ./render ./templates -update

.PHONY: cluster-up
cluster-up: ## Start the local Kubernetes (Linux, root)
	$(DEVCLUSTER) up --simulated-nodes 1

.PHONY: cluster-down
cluster-down: ## Stop the local Kubernetes and remove all that it left on this machine
	$(DEVCLUSTER) down

.PHONY: cluster-status
cluster-status: ## Say how the local Kubernetes is
	$(DEVCLUSTER) status

.PHONY: picture
picture: ## Record the README's picture on the local Kubernetes
	@$(DEVCLUSTER) up && KUBECONFIG=$$($(DEVCLUSTER) kubeconfig) go run ./internal/picture docs/run.svg

PLATFORMS := linux_amd64 linux_arm64 darwin_amd64 darwin_arm64

.PHONY: plugin-archives
plugin-archives: $(PLATFORMS:%=dist/kubectl-orchestra_%.tar.gz) ## Build the plugin for every platform of the krew manifest

# go build knows what has changed, and make does not. The archive of the same sources has the same bytes.
dist/kubectl-orchestra_%.tar.gz: FORCE
	@mkdir -p dist/$*
	GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o dist/$*/kubectl-orchestra ./cmd/kubectl-orchestra
	tar -C dist/$* --owner=0 --group=0 --numeric-owner --mtime=@0 -c kubectl-orchestra | gzip -n > $@

.PHONY: FORCE
FORCE:
