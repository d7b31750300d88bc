# Needs Python 3.11 or newer and nothing else. The plain commands are in README.md.
PYTHON ?= python3
PORT ?= 8000
# Counting lines and branches doubles the time of the tests. `make test-all COVERAGE=` leaves it out.
COVERAGE ?= --cov --cov-report=term
# `make test-all FORM=--rest` leaves out what `make test` runs in full, for a run beside it.
FORM ?=
VENV ?= .venv
BIN := $(VENV)/bin
# Images of Python often set it. Then each process that tests start compiles all that it imports again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
# Every package is verified by its hash. Allowance itself is built by the hatchling among them.
INSTALL = $(PIP) --require-hashes -r requirements/$(1).txt && $(PIP) --no-deps --no-build-isolation -e plugins -e .

.PHONY: run test test-all test-faults check bench lock clean
.DEFAULT_GOAL := run

run: $(VENV)/.run ## the embedded default, with demonstration data on first start
	@$(BIN)/allowance serve --demo --port $(PORT)

test: $(VENV)/.test ## the tests in their short form; the last lines say which had no service on this machine
	@$(BIN)/pytest --short -n auto --dist worksteal

test-all: $(VENV)/.test ## all tests in full, on both databases and both brokers, and how much of the code they run
	@$(BIN)/pytest $(FORM) -n auto --dist worksteal $(COVERAGE)

test-faults: $(VENV)/.test ## faults of plugins, databases and processes, each of which costs nobody else anything
	@$(BIN)/pytest --short -n auto --dist worksteal tests/faults

check: $(VENV)/.check ## lint, types, import rules, committed schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports
	$(BIN)/python -m api.graphql.schema | diff -u api/schema.graphql -

bench: $(VENV)/.test ## ratios to yardsticks of the same run
	@$(BIN)/python -m tests.bench

lock: ## the versions of constraints.txt with the hashes of their files, for installs; needs uv
	@for part in run:. test:.[test] check:.[test,check]; do \
	  file=requirements/$${part%%:*}.txt; \
	  printf -- '-e plugins\n-e %s\nhatchling\neditables\n' "$${part#*:}" > requirements.in; \
	  { echo "# Made by 'make lock' from constraints.txt. Install: pip install --require-hashes -r $$file"; \
	    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	      --no-emit-index-url -c constraints.txt requirements.in | sed '/^-e /d'; } > $$file.new && mv $$file.new $$file; \
	done; rm requirements.in

clean: ## the virtual environment; not the data
	rm -rf $(VENV)

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit("Allowance needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.venv pyproject.toml plugins/pyproject.toml requirements/run.txt
	$(call INSTALL,run)
	@touch $@

$(VENV)/.test: $(VENV)/.venv pyproject.toml plugins/pyproject.toml requirements/test.txt
	$(call INSTALL,test)
	@touch $@ $(VENV)/.run

$(VENV)/.check: $(VENV)/.venv pyproject.toml plugins/pyproject.toml requirements/check.txt
	$(call INSTALL,check)
	@touch $@ $(VENV)/.run $(VENV)/.test
