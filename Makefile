# Everything a checkout needs. `make run` and `make test` make what they need first; nothing but Python 3.11+ and a package index is asked of the machine.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test soak lint bench lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/runtime.stamp ## serve Billgraph with a sandbox of Stripe on PORT, 8000 if not set
	@exec $(BIN)/billgraph serve

test: lint ## check style, types and imports, then run every test on SQLite and PostgreSQL
	$(BIN)/pytest -n $(WORKERS) --dist loadscope

soak: $(VENV)/development.stamp ## let the tests of random business, random books, random years, killed processes and numbered receipts run fifty and ten times as long, for an hour or so
	BILLGRAPH_SOAK=1 $(BIN)/pytest -n $(WORKERS) --dist load tests/convergence tests/books tests/lifetimes $(KILLED) tests/receipts/test_numbers.py

lint: $(VENV)/development.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

bench: $(VENV)/development.stamp ## measure against a hand-written endpoint, see docs/performance.md
	$(BIN)/python -m bench

lock: ## read pyproject.toml again and write the newest releases that fit into requirements/
	$(PYTHON) -m venv $(VENV)
	$(PIP) install uv
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --group build -o requirements/runtime.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --group build --group dev -o requirements/development.txt

clean: ## remove what was made here; var/ stays, it holds data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

KILLED := $(addprefix tests/recovery/test_kill_,events.py deliveries.py emails.py)

LOCK := --upgrade --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

$(VENV)/%.stamp: requirements/%.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Billgraph needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what $< names into $(VENV)"
	@$(PIP) install --require-hashes --requirement $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
