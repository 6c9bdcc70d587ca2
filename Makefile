# Everything happens in a virtual environment of this folder; nothing else is touched.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
  && echo $$p && break; done)
TESTS ?= tests
WORKERS ?= auto

# Where Python is told to keep no bytecode, each start would compile all that it imports.
COMPILE = $(BIN)/python -m compileall -q mail_proxy tui

.PHONY: help demo test quick soak fuzz lint format types layers bench openapi pictures manual docs lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## watch mail go from a REST call through the queue to a server
	@$(COMPILE)
	@$(BIN)/mail-proxy demo

test: $(VENV)/developed ## run all tests
	@$(COMPILE)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

quick: $(VENV)/developed ## run the tests that take less than a moment
	@$(COMPILE)
	@$(BIN)/pytest -n $(WORKERS) -m 'not slow' $(TESTS)

soak: $(VENV)/developed ## run the tests of what is promised at full length (about an hour)
	@$(COMPILE)
	@figures=$$(mktemp); trap "rm -f $$figures" EXIT; \
	  MAIL_PROXY_SOAK=1 MAIL_PROXY_FIGURES=$$figures $(BIN)/pytest $(TESTS)/reliability; code=$$?; \
	  git log -1 --format='%nFigures of %h, %cs:' 2>/dev/null; \
	  $(BIN)/python -m tests.faults.figures $$figures; exit $$code

fuzz: $(VENV)/developed ## send 200 odd requests to each route, as each caller
	@$(COMPILE)
	@MAIL_PROXY_FUZZ_EXAMPLES=200 $(BIN)/pytest -n $(WORKERS) $(TESTS)/end_to_end/test_openapi_fuzz.py

lint: format types layers ## check format, style, types and layers

format: $(VENV)/developed
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/developed
	@$(BIN)/mypy

layers: $(VENV)/developed
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/developed ## measure accepting and draining on this machine
	@$(COMPILE)
	@$(BIN)/mail-proxy bench

openapi: $(VENV)/developed ## renew docs/openapi.json and the examples in it
	@$(BIN)/python -m tests.docs.examples

docs: $(VENV)/developed ## make the documentation's site in build/docs
	@$(BIN)/sphinx-build -W -n --keep-going -q -E -b html docs build/docs
	@echo "build/docs/index.html"

pictures: $(VENV)/developed ## renew the pictures in docs/images
	@$(BIN)/python -m tests.docs.pictures && $(BIN)/python -m tests.docs.state_diagram

manual: $(VENV)/developed ## renew what is made of the command line: completion, man pages, reference
	@$(BIN)/python -m tests.docs.manual

lock: ## renew requirements-dev.lock (needs uv)
	uv pip compile pyproject.toml --extra large-files --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header -q -o requirements-dev.lock

clean: ## remove what make made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find mail_proxy tui tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "mail-proxy needs Python 3.11 or newer, with its venv module."; \
	  echo "  try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	@echo "Installing mail-proxy into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/developed: $(VENV)/bin/python pyproject.toml requirements-dev.lock
	@echo "Installing mail-proxy and its test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/installed
