# What a developer types. Everything that is built goes to ./bin, everything
# that `make run` keeps to ./var.
SHELL := /bin/sh
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X planb/cli.Version=$(VERSION)

# Tools are pinned and built with the machine's own Go; templ has the version
# that go.mod names, since its runtime is part of the program.
GOLANGCI_LINT := v2.15.0
WORKFLOWCHECK := v0.6.0
TEMPL := $(shell awk '$$1 == "github.com/a-h/templ" {print $$2}' go.mod)

.PHONY: run build temporal deps test test-faults test-openzfs lint generate check-generated clean

# Install what is missing, build, start everything, back this machine up.
run: deps build
	bin/planb dev up --detach --demo

build:
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/planb .

# Temporal's server, schema tool and web UI, once, into bin.
temporal: build
	bin/planb dev build

# The programs that PlanB drives, through apt.
deps:
	@scripts/install-deps.sh

# The last lines are those of go test. One package at a time: each that needs ZFS
# starts a zfs-fuse, and two of these wait for each other's mounts.
test: deps temporal
	go test -exec '$(CURDIR)/scripts/own-zfs.sh' -p 1 -timeout 20m ./...

# What breaks things for real, for minutes. Its tests mostly wait, so that more
# run at a time than there are processors.
test-faults: deps temporal
	go test -exec '$(CURDIR)/scripts/own-zfs.sh' -tags faults -parallel 8 -timeout 30m ./e2e/faults/

# On a real OpenZFS, in a virtual machine that is built once and then kept in a
# cache. Its storage worker is an ordinary user, as docs/storage.md has it.
test-openzfs: deps temporal
	@scripts/install-deps.sh openzfs
	@image=$$(scripts/openzfs/image.sh) && scripts/openzfs/vm.sh "$$image" scripts/openzfs/tests.sh

# Style, layering, generated files, determinism of workflows.
lint: bin/.golangci-lint-$(GOLANGCI_LINT) bin/.workflowcheck-$(WORKFLOWCHECK) check-generated
	bin/golangci-lint run --build-tags faults,openzfs ./...
	bin/workflowcheck ./workflows/... ./worker/...

# Go code from the templates of the web pages.
generate: bin/.templ-$(TEMPL)
	bin/templ generate -log-level warn

check-generated: bin/.templ-$(TEMPL)
	scripts/check-generated.sh

# What runs from ./var goes on: planb dev down ends it.
clean:
	rm -rf bin

install = GOBIN=$(CURDIR)/bin GOFLAGS= go install $(1)@$* && rm -f $(@:%$*=%)* && touch $@

bin/.golangci-lint-%:
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

bin/.workflowcheck-%:
	$(call install,go.temporal.io/sdk/contrib/tools/workflowcheck)

bin/.templ-%:
	$(call install,github.com/a-h/templ/cmd/templ)
