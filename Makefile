# Answerloop. `make` alone lists the commands.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
STACK := $(PYTHON) -m deploy.local
PACKAGES := $(foreach package,streaming flink deploy dags plugins,$(if $(wildcard $(package)/*.py $(package)/*/*.py),$(package)))

DATASET ?= data/sample.csv
REQUESTS ?= 240
S ?=
N ?= 40
FAULTS ?=
SEEDS ?= 0

.PHONY: help setup demo test up down status logs check audit bench chaos clean lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: system packages, jars, the Python environment
	@deploy/local/setup

demo: up ## from nothing to a finished experiment [DATASET=path REQUESTS=n]
	@$(STACK) demo --dataset "$(DATASET)" --requests $(REQUESTS)
	@echo "The stack is still up: \`make status\`, \`make down\`."

test: ## lint, types and all tests, on a stack of its own
	@deploy/local/setup tests
	@deploy/local/run-tests

up: setup ## start the local stack and wait until it works
	@$(STACK) up

down: ## stop the local stack; nothing is left running
	@if [ -x $(PYTHON) ]; then $(STACK) down; else echo "nothing is set up"; fi

status: setup ## programs, memory, health, addresses and logins
	@$(STACK) status

logs: setup ## the end of every log, or of one [S=kafka N=40]
	@$(STACK) logs $(S) -n $(N)

# Of a line whose finding is justified, bandit also warns for each part that has none.
check: setup ## ruff, mypy, import-linter, bandit
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy $(PACKAGES)
	@PYTHONPATH=.:plugins .venv/bin/lint-imports
	@.venv/bin/bandit -q -c pyproject.toml -r $(PACKAGES) bench 2> >(grep -v 'nosec encountered' >&2)

audit: setup ## known vulnerabilities of the locked packages; needs the network
	@deploy/local/audit

bench: up ## benchmarks: a table and JSON
	@set -a; . "$${ANSWERLOOP_STATE_DIR:-.local}/env"; set +a; PYTHONPATH=.:plugins $(PYTHON) -m bench

chaos: setup ## faults under traffic, and what is left is checked [FAULTS=kill:*,poison SEEDS=n]
	@deploy/local/with-stack $(PYTHON) -m tests.chaos run --faults "$(FAULTS)" --seeds $(SEEDS)

clean: ## stop the local stack and remove its state
	@if [ -x $(PYTHON) ]; then $(STACK) clean; else echo "nothing is set up"; fi

# Pins that still fit are kept; `make lock UPGRADE=--upgrade` takes the newest of everything.
lock: setup ## resolve requirements.in into requirements.txt [UPGRADE=--upgrade]
	@deploy/local/lock $(UPGRADE)
