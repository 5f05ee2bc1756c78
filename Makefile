# The first Python that runs and is new enough; if none is, any, which then says so.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV := $(or $(HARTLEY_VENV),.venv)
.DEFAULT_GOAL := help
.PHONY: help setup run test lint types check chaos model-server

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup:  ## make the virtual environment with everything for running and testing
	@$(PYTHON) deploy/embedded/bootstrap.py --tests

run:  ## set up what is missing, start everything, show the first example (ONCE=1: then stop)
	@exec $(PYTHON) deploy/embedded/bootstrap.py

test: setup  ## run all tests, with a Postgres, a Valkey and workers of their own
	@$(VENV)/bin/python -m tests.support.side_by_side

lint: setup  ## check style, imports and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/lint-imports && $(MAKE) -s types

types: setup  ## check types
	@$(VENV)/bin/mypy

check: lint test  ## all that CI does

chaos: setup  ## kill, freeze and flush under load, then check every invariant
	@$(VENV)/bin/python -m benchmarks.chaos $(CHAOS)

model-server: setup  ## start the scripted model server on port 9009 (for OPENAI_BASE_URL or ANTHROPIC_BASE_URL)
	@exec $(VENV)/bin/python -m tests.support.model_server --port 9009
