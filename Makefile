# `make run` and `make test` set up everything they need: a virtual environment in $(VENV),
# installed once and again whenever the metadata or the pinned versions change.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

BIN    := $(VENV)/bin
PINS   := constraints.txt
INPUTS := setup.cfg pyproject.toml $(PINS)
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check install -c $(PINS)

.DELETE_ON_ERROR:
.PHONY: help run test test-slow lint bench bench-peers profile performance mutate golden stress \
        dataset-named screenshots clean

help:
	@echo 'make run        run the demo (make run ARGS="list strategies" runs any subcommand)'
	@echo 'make test       run the tests that take seconds'
	@echo 'make test-slow  run the tests that take longer'
	@echo 'make lint       ruff and mypy'
	@echo 'make bench      the benchmarks: ratios of CPU time to yardsticks of the same session'
	@echo 'make bench-peers  the same job in other backtesters, in virtual environments of theirs'
	@echo 'make profile    where the time of a run goes, by function'
	@echo 'make performance  the three above, then their figures written into docs/performance.md'
	@echo 'make mutate     do the tests notice a wrong formula in rules and account?'
	@echo 'make golden     write the golden sheets that the tests compare with; read what changed'
	@echo 'make stress     one strategy through two cascades under every policy: DATA=FOLDER of a dataset'
	@echo 'make screenshots  pictures of the pages for docs/images, by Debian'\''s chromium'
	@echo 'make clean      remove $(VENV), caches and build products'

run: $(VENV)/.run-stamp
	@$(BIN)/python run_backtest.py $(ARGS)

test: $(VENV)/.test-stamp
	$(BIN)/python -m pytest -n auto -m "not slow" $(ARGS)

test-slow: $(VENV)/.test-stamp
	$(BIN)/python -m pytest -n auto -m slow $(ARGS)

lint: $(VENV)/.test-stamp
	@code=0; $(BIN)/ruff check . || code=1; $(BIN)/mypy || code=1; exit $$code

bench: $(VENV)/.bench-stamp
	$(BIN)/python -m pytest benchmarks $(ARGS)

bench-peers: $(VENV)/.bench-stamp
	$(BIN)/python -m benchmarks.peers $(ARGS)

profile: $(VENV)/.bench-stamp
	$(BIN)/python -m benchmarks.profiles

# one after the other, whatever -j says: they would slow each other
performance: $(VENV)/.bench-stamp
	$(BIN)/python -m pytest benchmarks
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.profiles
	$(BIN)/python -m benchmarks.page

mutate: $(VENV)/.test-stamp
	$(BIN)/python scripts/mutate_rules.py $(ARGS)

golden: $(VENV)/.run-stamp
	$(BIN)/python scripts/golden_sheets.py

stress: dataset-named $(VENV)/.run-stamp
	@$(BIN)/python scripts/stress_table.py "$(DATA)"

screenshots: $(VENV)/.test-stamp
	$(BIN)/python scripts/screenshots.py

dataset-named:
	@test -n "$(DATA)" || { echo 'make stress DATA=FOLDER: which imported dataset?' >&2; exit 2; }

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Deleverage needs Python 3.11 or later; '$(PYTHON)' is not." >&2; \
	  echo "Another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "Could not make a virtual environment in $(VENV)." >&2; \
	  echo "On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }

$(VENV)/.run-stamp: $(INPUTS) | $(BIN)/python
	@echo "Installing Deleverage into $(VENV) (first run, or its requirements changed) ..." >&2
	@$(PIP) -e '.[html]'
	@touch $@

$(VENV)/.test-stamp: $(INPUTS) | $(BIN)/python
	@echo "Installing Deleverage and its test tools into $(VENV) ..." >&2
	@$(PIP) -e '.[test]'
	@touch $@ $(VENV)/.run-stamp

$(VENV)/.bench-stamp: $(INPUTS) | $(BIN)/python
	@echo "Installing Deleverage with what its benchmarks need into $(VENV) ..." >&2
	@$(PIP) -e '.[test,bench]'
	@touch $@ $(VENV)/.test-stamp $(VENV)/.run-stamp
