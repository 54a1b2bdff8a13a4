# Everything a developer or a newcomer does; `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c

BIN := .venv/bin
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins
# Parallel test processes; three keep two cores busy, because some tests wait for a process or a clock.
WORKERS ?= 3
# What `make kill` kills; empty for everything.
PARTS ?=
# Passed on to the measurement of latency, e.g. LATENCY="--rate 10 --seconds 60 --cold 0".
LATENCY ?=
# Passed on to the soak, e.g. SOAK="--rate 5 --seconds 600".
SOAK ?=
# Passed on to the proof with Celery workers, e.g. make scale SCALE="--customers 500 --latency 100".
SCALE ?=
# Passed on to pytest, e.g. make test PYTEST="-k consent".
PYTEST ?=
# Passed on to the simulator, e.g. make prove PROVE="--seed 12".
PROVE ?=
# Passed on to the resolver, e.g. make lock LOCK=--upgrade or LOCK="--upgrade-package pandas".
LOCK ?=
# People in both sandboxes together, and the seed all data is made from.
CUSTOMERS ?= 600
# Products in both sandboxes together.
PRODUCTS ?= 120
# Orders in the sandbox shop.
ORDERS ?= 80
SEED ?= 7
# The browser of `make browser` and `make screenshots`.
CHROMIUM ?= /usr/bin/chromium

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: bootstrap
bootstrap: ## Create .venv and install requirements.lock (instant when nothing changed)
	@scripts/bootstrap.sh

.PHONY: demo
demo: bootstrap ## Start everything locally, sync everything twice, print addresses and logins
	@$(BIN)/python -m scripts.local demo --customers $(CUSTOMERS) --products $(PRODUCTS) --orders $(ORDERS) --seed $(SEED)

.PHONY: start
start: bootstrap ## Start PostgreSQL, both sandboxes and Airflow on loopback, without syncing
	@$(BIN)/python -m scripts.local start --customers $(CUSTOMERS) --products $(PRODUCTS) --orders $(ORDERS) --seed $(SEED)

.PHONY: stop
stop: ## Stop everything that was started; data stays
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m scripts.local stop

.PHONY: status
status: bootstrap ## Show what runs, the addresses, logs and logins
	@$(BIN)/python -m scripts.local status

.PHONY: clean
clean: ## Stop everything and delete .run with all data, logs and secrets
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m scripts.local clean

.PHONY: lint
lint: bootstrap ## Check style, types and the layering of the packages
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: test
test: lint ## Check everything: lint, then all tests except benchmarks and browser (HYPOTHESIS_PROFILE=thorough for ten times the examples)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not bench and not browser" $(PYTEST)

.PHONY: faults
faults: bootstrap ## Kill and strike at every single step, where `make test` takes every twelfth
	@KILL_EVERY=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal tests/faults $(PYTEST)

.PHONY: prove
prove: bootstrap ## Tell 10,000 random histories; PROVE="--histories 500 --first 3" or "--seed 12" chooses others
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.proof $(PROVE)

.PHONY: kill
kill: bootstrap ## Kill worker, scheduler, ... of the running Airflow during imports (after `make demo`; PARTS="worker postgres")
	@$(BIN)/python -m scripts.local kill $(PARTS)

.PHONY: latency
latency: bootstrap ## Measure in the running Airflow how long changes take to the other system (after `make demo`)
	@$(BIN)/python -m scripts.local latency $(LATENCY)

.PHONY: soak
soak: bootstrap ## An hour of changes on both sides of the running Airflow with faults on; nothing may differ (after `make demo`)
	@$(BIN)/python -m scripts.local soak $(SOAK)

.PHONY: scale-packages
scale-packages: bootstrap
	@[ .scale/.installed -nt requirements-scale.txt ] || { rm -rf .scale; $(BIN)/uv venv --quiet --python $(BIN)/python .scale; \
		$(BIN)/uv pip install --quiet --python .scale/bin/python -r requirements-scale.txt -c requirements.lock; touch .scale/.installed; }

.PHONY: scale
scale: scale-packages ## Run docker-compose.yaml without Docker: 20,000 changes by one and two Celery workers (SCALE="--customers 500")
	@$(BIN)/python -m scripts.proof.scale $(SCALE)

.PHONY: bench
bench: bootstrap ## Measure speed and memory, one benchmark at a time
	@$(BIN)/pytest -m bench -s $(PYTEST)

.PHONY: bench-peers
bench-peers: bootstrap ## Compare with other tools that read a shop, on one sandbox in one run (PEERS="--only dlt --no-speed" for a part)
	@$(BIN)/python -m tests.benchmarks.peers $(PEERS)

.PHONY: browser-packages
browser-packages: bootstrap
	@[ .browser -nt requirements-browser.txt ] || { rm -rf .browser; $(BIN)/uv pip install --quiet --target .browser -r requirements-browser.txt; touch .browser; }
	@[ -x "$(CHROMIUM)" ] || { echo "there is no Chromium at $(CHROMIUM): install it, or name another with CHROMIUM=…"; exit 1; }

.PHONY: browser
browser: browser-packages ## Do in Chromium what people do in the console, on a real Airflow with both sandboxes
	@CHROMIUM=$(CHROMIUM) $(BIN)/pytest -m browser -s tests/browser $(PYTEST)

.PHONY: screenshots
screenshots: browser-packages ## Write a picture of each page of the console to docs/pictures
	@CHROMIUM=$(CHROMIUM) $(BIN)/python -m tests.browser.pictures docs/pictures

.PHONY: texts
texts: bootstrap ## Bring the catalogues of the console in step with the texts in its sources
	@$(BIN)/python -m shopify_fw360.web.catalogues

.PHONY: docs
docs: bootstrap ## Bring the generated parts of docs/ up to date: error codes, metrics, mapping functions
	@$(BIN)/python -m scripts.runbook
	$(BIN)/python -m shopify_fw360.mapping refresh include/mappings docs/mappings.md

.PHONY: format
format: bootstrap ## Bring the code into the common form
	@$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: bootstrap ## Resolve requirements-dev.txt again and write requirements.lock, for Python 3.11 to 3.13
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header \
		--no-annotate $(LOCK) requirements-dev.txt -o requirements.lock
