# make run     set up, run every landed week and the publication sample, report, stop
# make up      the same stack, kept up until Ctrl-C
# make test    the whole test suite        make lint       every linter
# make setup   the environment alone       make lock       resolve requirements.in anew
# make benchmark   measure; writes a table
# make screenshots   run the sample, take the pictures of docs/pictures; wants Chromium
#
# Settings are environment variables: MEDIMART_HOME, MEDIMART_LANDING, MEDIMART_DATABASE_URL (see README.md).

PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := run
.PHONY: run up setup test lint lock benchmark screenshots

run: setup
	@$(BIN)/medimart run

up: setup
	@$(BIN)/medimart up

setup: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "MediMart needs Python 3.11 to 3.14 with venv: install it, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --no-compile -r requirements.txt
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true  # on all cores; files for other Pythons do not compile
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: setup
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint sql
	@$(BIN)/medimart compile --check

lock: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@for name in requirements requirements-deployment; do \
		$(BIN)/uv pip compile $$name.in --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-emit-index-url --no-emit-find-links --quiet -o $$name.txt; done

benchmark: setup
	@$(BIN)/python -m benchmarks

screenshots: setup
	@$(BIN)/medimart run
	@$(BIN)/python tests/browser/pictures.py
