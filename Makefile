# make demo   the whole way on example data          make test   every check and every test
#
# Both need Python 3.11 or newer and make; everything else goes into .venv.
# Another Python:                     make demo PYTHON=python3.13

PYTHON ?= python3
# Where else to look for torch, such as an index of CPU builds: make demo TORCH_INDEX=URL
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Stamps: an installation is repeated only when what it was made from has changed.
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# A failed recipe must not leave a stamp behind.
.DELETE_ON_ERROR:
.PHONY: help demo test lint format install clean
.DEFAULT_GOAL := help

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## walk the whole way on UCI Adult, in demo/
	@test -f demo/strongroom.toml || $(BIN)/strongroom init --example adult demo
	@cd demo && ../$(BIN)/strongroom run

test: lint ## lint, then all tests; at least 90 % of the code must be covered
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal --cov --cov-report=term --cov-fail-under=90

lint: $(INSTALLED_DEV) ## ruff, mypy and the layers of the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED_DEV) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(INSTALLED) ## only install, into .venv

clean: ## remove everything that make has made, the demo's workspace too
	rm -rf $(VENV) demo build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache \
		.pytest_cache .hypothesis .import_linter_cache
	find src tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY):
	@command -v $(PYTHON) >/dev/null || { \
		echo "error: there is no $(PYTHON) here" >&2; \
		echo "hint: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.13" >&2; \
		exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Strongroom needs Python 3.11 or newer, this is $$($(PYTHON) --version)" >&2; \
		echo "hint: install a newer one and name it: make PYTHON=/path/to/python3.13" >&2; \
		exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo "error: $(PYTHON) cannot make a virtual environment" >&2; \
		echo "hint: on Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 2; }
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(INSTALLED): $(READY) pyproject.toml constraints.txt
	@echo "Installing into $(VENV); the first time takes a few minutes."
	@$(PIP) install $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt torch
	@$(PIP) install -c constraints.txt -e '.[train]'
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@$(PIP) install -c constraints.txt --group dev
	@touch $@
