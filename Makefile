# Jiesu 接诉: `make run` and `make test` are all a fresh machine needs (Python 3.11 or newer, make).
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/sh

.PHONY: setup run test lint fuzz fuzz-parsers bench bench-intake bench-desk bench-nlp bench-reading bench-places bench-units \
	bench-month bench-bulk bench-masking bench-hotline bench-feeds bench-repeats bench-ledger bench-topics \
	bench-desks bench-rewards bench-trends bench-incidents bench-seven access-matrix lock clean

.venv/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# Install what running needs.
setup: .venv/.runtime

# Start everything embedded and load the demo; stop with Ctrl-C.
run: setup
	$(BIN)/jiesu run --demo

# All tests, in two processes, each against a PostgreSQL and a Valkey that it starts by itself.
test: .venv/.dev
	$(BIN)/python -m pytest -q -n $(or $(PROCESSES),2) --dist loadfile $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/jiesu tables check

# Each benchmark prints its figures as one JSON line, the last it prints.
bench: bench-intake bench-desk

bench-intake: .venv/.dev
	$(BIN)/python -m bench.intake $(ARGS)

bench-desks: .venv/.dev
	$(BIN)/python -m bench.desks $(ARGS)

bench-desk: .venv/.dev
	$(BIN)/python -m bench.desk $(ARGS)

bench-nlp: .venv/.dev
	$(BIN)/python -m bench.nlp_topics $(ARGS)

bench-reading: .venv/.dev
	$(BIN)/python -m bench.reading $(ARGS)

bench-places: .venv/.dev
	$(BIN)/python -m bench.nlp_places $(ARGS)

bench-units: .venv/.dev
	$(BIN)/python -m bench.units $(ARGS)

bench-month: .venv/.dev
	$(BIN)/python -m bench.month $(ARGS)

bench-bulk: .venv/.dev
	$(BIN)/python -m bench.bulk $(ARGS)

bench-feeds: .venv/.dev
	$(BIN)/python -m bench.feeds $(ARGS)

bench-masking: .venv/.dev
	$(BIN)/python -m bench.masking $(ARGS)

bench-ledger: .venv/.dev
	$(BIN)/python -m bench.ledger $(ARGS)

bench-repeats: .venv/.dev
	$(BIN)/python -m bench.repeats $(ARGS)

bench-rewards: .venv/.dev
	$(BIN)/python -m bench.rewards $(ARGS)

bench-trends: .venv/.dev
	$(BIN)/python -m bench.trends $(ARGS)

bench-topics: .venv/.dev
	$(BIN)/python -m bench.topics $(ARGS)

bench-incidents: .venv/.dev
	$(BIN)/python -m bench.incidents $(ARGS)

bench-hotline: .venv/.dev
	$(BIN)/python -m bench.hotline $(ARGS)

# docs/access-matrix.md, made anew and checked: every role over every route.
access-matrix: .venv/.dev
	$(BIN)/python -m tests.docs.access_matrix
	$(BIN)/python -m pytest -q tests/triage/web/test_access_matrix.py

# schemathesis over the whole API, against a server of its own: `make fuzz ARGS=200` for more examples.
fuzz: .venv/.dev
	$(BIN)/python -m tests.fuzz.api $(ARGS)

# Hypothesis over every parser: `make fuzz-parsers ARGS="5000 read table"`; counts, and one JSON line last.
fuzz-parsers: .venv/.dev
	$(BIN)/python -W ignore -m tests.fuzz.parsers $(ARGS)

# Needs the train extra as well; without fasttext that line is left out.
bench-seven: .venv/.dev
	$(BIN)/python -m bench.seven $(ARGS)

# Pin every dependency with its hashes (needs uv).
lock:
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv .jiesu .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
