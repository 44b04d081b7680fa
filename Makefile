# Jiesu 接诉: `make run` and `make test` are all a fresh machine needs (Python 3.11 or newer, make).
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/sh

# Where the environment says so, Python compiles every module anew at each start: ten seconds of CPU a process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup run test lint bench bench-intake bench-desks bench-backup bench-desk bench-nlp bench-reading \
	bench-places bench-units bench-month bench-bulk bench-feeds bench-masking bench-ledger bench-repeats \
	bench-rewards bench-trends bench-mood bench-topics bench-incidents bench-hotline faults access-matrix load growth newcomer fuzz \
	fuzz-parsers bench-seven sbom audit lock clean

# uv installs in a third of pip's time. Where it cannot, or is not to be had (a mirror that only pip's settings
# name), pip does: both take nothing whose hash is not in the lock.
UV := $(BIN)/uv
define install
$(UV) pip install -q --compile-bytecode --python $(1) $(2) || $(1) -m pip install -q --disable-pip-version-check $(2)
endef

$(UV): requirements-uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock \
		|| echo "uv could not be installed: pip does its work"

.venv/.runtime: requirements.lock pyproject.toml | $(UV)
	$(call install,$(BIN)/python,--require-hashes -r requirements.lock)
	$(call install,$(BIN)/python,--no-deps -e .)
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(call install,$(BIN)/python,--require-hashes -r requirements-dev.lock)
	touch $@

# Install what running needs.
setup: .venv/.runtime

# Start everything embedded and load the demo; stop with Ctrl-C.
run: setup
	$(BIN)/jiesu run --demo

# All tests, in two processes, each against a PostgreSQL and a Valkey that it starts by itself.
test: .venv/.dev
	$(BIN)/python -m pytest -q -n $(or $(PROCESSES),2) --dist loadfile --no-loadscope-reorder $(ARGS)

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

bench-backup: .venv/.dev
	$(BIN)/python -m bench.backup $(ARGS)

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

bench-mood: .venv/.dev
	$(BIN)/python -m bench.mood $(ARGS)

bench-topics: .venv/.dev
	$(BIN)/python -m bench.topics $(ARGS)

bench-incidents: .venv/.dev
	$(BIN)/python -m bench.incidents $(ARGS)

bench-hotline: .venv/.dev
	$(BIN)/python -m bench.hotline $(ARGS)

# Kill -9, outages, a full disk, clocks set on and back, a deploy under traffic; an independent account after each:
# `make faults ARGS="--only mid-job relay --runs 10"` (docs/faults.md).
faults: .venv/.dev
	$(BIN)/python -m bench.faults $(ARGS)

# docs/access-matrix.md, made anew and checked: every role over every route.
access-matrix: .venv/.dev
	$(BIN)/python -m tests.docs.access_matrix
	$(BIN)/python -m pytest -q tests/triage/web/test_access_matrix.py

# The load tool has an environment of its own: nothing of ours needs it, and it needs nothing of ours.
.venv-load/.done: requirements-load.lock | $(UV)
	test -x .venv-load/bin/python || $(PYTHON) -m venv .venv-load
	$(call install,.venv-load/bin/python,--require-hashes -r requirements-load.lock)
	touch $@

# Staff, citizens and complaints at once: steady, a burst, steady again. ARGS="--soak 3600" for an hour.
load: .venv/.dev .venv-load/.done
	$(BIN)/python -m bench.load $(ARGS)

# How cost grows with the number of tickets: ARGS="--rows 10000 100000 1000000 10000000" for the largest as well.
growth: .venv/.dev
	$(BIN)/python -m bench.growth $(ARGS)

# Somebody new: a fresh clone, `make run`, the demo, a sign-in, Ctrl-C; timed. ARGS=--cached with caches of packages.
newcomer: .venv/.dev
	$(BIN)/python -m bench.newcomer $(ARGS)

# schemathesis over the whole API, against a server of its own: `make fuzz ARGS=200` for more examples.
fuzz: .venv/.dev
	$(BIN)/python -m tests.fuzz.api $(ARGS)

# Hypothesis over every parser: `make fuzz-parsers ARGS="5000 read table"`; counts, and one JSON line last.
fuzz-parsers: .venv/.dev
	$(BIN)/python -W ignore -m tests.fuzz.parsers $(ARGS)

# Needs the train extra as well; without fasttext that line is left out.
bench-seven: .venv/.dev
	$(BIN)/python -m bench.seven $(ARGS)

# The tools of the two targets below stand apart from what runs and from what tests it.
.venv/.tools: requirements-tools.lock | $(UV)
	test -x .venv/tools/bin/python || $(PYTHON) -m venv .venv/tools
	$(call install,.venv/tools/bin/python,--require-hashes -r requirements-tools.lock)
	touch $@

# sbom/jiesu.cdx.json (CycloneDX): every package that runs, and that it is what the lock says.
sbom: .venv/.dev .venv/.tools
	mkdir -p sbom
	.venv/tools/bin/cyclonedx-py requirements requirements.lock --of JSON --output-reproducible -o sbom/jiesu.cdx.json
	$(BIN)/python -m tests.supply.sbom sbom/jiesu.cdx.json requirements.lock

# Known vulnerabilities of what is locked, and of what builds it; status 2 when the service could not be asked. CI adds ARGS=--if-reachable.
audit: .venv/.dev .venv/.tools
	$(BIN)/python -m tests.supply.audit .venv/tools/bin/pip-audit requirements.lock $(ARGS)
	$(BIN)/python -m tests.supply.audit .venv/tools/bin/pip-audit requirements-build.lock $(ARGS)

# Pin every dependency with its hashes (needs uv).
lock:
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock
	echo locust | uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 - -o requirements-load.lock
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements-tools.in -o requirements-tools.lock
	echo "setuptools>=80" | uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 - -o requirements-build.lock
	echo uv | uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 - -o requirements-uv.lock

clean:
	rm -rf .venv .venv-load .jiesu .mypy_cache .ruff_cache .pytest_cache .hypothesis sbom *.egg-info
