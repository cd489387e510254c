# Every target sets up what it needs: a machine with Python (>= 3.11) and make is enough.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Tests wait for sockets and processes a part of their time: six of them share two cores well. Each more collects
# all tests again, which takes seconds of processor time.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(3 * (os.cpu_count() or 1))")
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Hundreds of processes start in the tests: none should compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test lint types unit coverage package extras oldest pythons compiled soak corpus bench bench-quota bench-noise bench-shapes bench-verify bench-shards bench-s3 bench-watching bench-stages airflow pyright ray clean docs lock

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## Create .venv with the locked dependencies and the loader itself

# The pip that comes with Python may be an old one, which takes twice as long to read an index. It would compile the
# packages on one core, and their tests as well.
$(READY): pip.lock requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement pip.lock
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m compileall -qq -j 0 -x '/tests/' $(CURDIR)/$(VENV)/lib || true
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Load the sample extracts into the emulator and look into its lake
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh sample_data/demo.sh

test: $(READY) ## Everything a change must pass
	@$(MAKE) --no-print-directory --jobs=3 lint types unit

lint: $(READY) ## Style, formatting and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## Type check
	$(BIN)/mypy

unit: $(VENV)/.tests-compiled ## The tests
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope --quiet

# Collected once before, so that the workers find the test modules compiled.
$(VENV)/.tests-compiled: $(READY) $(wildcard tests/*.py tests/*/*.py)
	@$(BIN)/pytest --collect-only --quiet >/dev/null || true
	@touch $@

# The pure folders have a floor of their own: what they lack would vanish in the sum. The tests that are left out
# look at imports and processor time, to which coverage adds its own.
coverage: $(READY) ## Branch coverage of the tests: fails below its floors
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadscope --quiet --cov --cov-report= --cov-fail-under=0 \
		--deselect tests/cli/test_startup.py --deselect tests/cli/test_cost.py
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=98 --include='loader/events/*,loader/delivery/*,loader/records/*' \
		--omit=loader/delivery/dispatcher.py

package: $(READY) ## Build the wheel, install it alone into a fresh environment, load a sample
	.ci/package $(BIN)/python

extras: $(READY) ## Install the wheel with each extra alone and with all, load with each (minutes, network)
	.ci/extras $(BIN)/python

oldest: $(READY) ## A part of the tests with the oldest versions that pyproject.toml allows
	WORKERS=$(WORKERS) .ci/trial .trial/oldest $(PYTHON) oldest.lock

# The interpreters that are on the PATH or that pyenv has built; a name without one is left out.
PYTHONS ?= python3.12 python3.13 python3.14 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9].*/bin/python3)
pythons: $(READY) ## A part of the tests with other Pythons, PYTHONS="PROGRAM..."
	@for python in $(PYTHONS); do \
		$$python -c '' 2>/dev/null || { echo "$$python: not found"; continue; }; \
		WORKERS=$(WORKERS) .ci/trial .trial/$$(basename $$($$python -c 'import sys; print(sys.version.split()[0])')) \
			$$python requirements.lock || exit 1; \
	done

# The folders whose modules are compiled, and whole loads.
COMPILED_TESTS := aws checkpoint delivery events http service simulation \
	load/test_library.py load/test_real_extract.py load/test_values_in_lake.py faults/test_sigkill.py faults/test_bad_days.py
compiled: $(READY) ## Build a wheel with the hot modules compiled into .compiled/dist (minutes, a C compiler) and test it
	.ci/compiled .compiled $(BIN)/python
	cd .compiled && PYTHONPATH=$(CURDIR)/.compiled $(CURDIR)/$(BIN)/python -m pytest $(addprefix tests/, $(COMPILED_TESTS)) \
		--numprocesses $(WORKERS) --dist loadscope --quiet

# A soak that was cut off goes on: tests that passed are in the journal, which the end of a whole soak removes.
soak: $(READY) ## The long fault tests and hostile files, an hour or so: writes docs/reliability.md
	SCN_TESTS_PLAIN_STARTS=1 SCN_TESTS_WHOLE=1 $(BIN)/pytest -m "soak or not soak" tests/faults tests/hostile \
		tests/load tests/sql tests/formats tests/simulation tests/drafting tests/shards tests/remote tests/verify tests/process tests/cli \
		tests/extract tests/benchmarks tests/measuring --numprocesses $(WORKERS) --quiet \
		--timeout 600 --reliability docs/reliability.md --soak-journal .soak-journal
	rm .soak-journal

corpus: $(READY) ## Try files that others wrote, CORPUS=FOLDER: writes docs/reliability.md and corpus.json
	$(BIN)/python -m tests.corpus $(CORPUS) --report docs/reliability.md $(ARGS)

bench: $(READY) ## Measure speed beside others: writes docs/benchmarks.md (needs nginx-light, wrk)
	$(BIN)/python -m benchmarks.bench $(ARGS)

bench-quota: $(READY) ## Measure how a limit is held: writes docs/benchmarks.md (needs nginx-light)
	$(BIN)/python -m benchmarks.quota $(ARGS)

bench-shapes: $(READY) ## Count the calls for extracts of many shapes: writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.shapes $(ARGS)

bench-noise: $(READY) ## Measure what random errors and throttles cost: writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.noise $(ARGS)

bench-verify: $(READY) ## Measure calls, memory and checkpoint of verify: writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.verdicts $(ARGS)

bench-shards: $(READY) ## Measure what a shard costs for each event of its own: writes docs/benchmarks.md (needs nginx-light)
	$(BIN)/python -m benchmarks.shards $(ARGS)

bench-s3: $(READY) ## Measure what copies of a checkpoint to S3 cost, and a resume elsewhere: writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.s3_copies $(ARGS)

bench-watching: $(READY) ## Measure what latencies, samples and metrics cost: writes benchmarks/stages.md (needs nginx-light)
	$(BIN)/python -m benchmarks.watching $(ARGS)

bench-stages: $(READY) ## Measure CPU time per stage: writes benchmarks/stages.md (needs nginx-light)
	$(BIN)/python -m benchmarks.stages $(ARGS)

AIRFLOW := AIRFLOW_HOME=$(CURDIR)/.airflow/home AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER=$(CURDIR)/examples \
	PATH=$(CURDIR)/$(BIN):$$PATH

airflow: $(READY) ## Run the example DAG with a real Airflow, in an environment of its own
	test -x .airflow/bin/airflow || { python3 -m venv .airflow && .airflow/bin/pip install --quiet apache-airflow; }
	$(AIRFLOW) .airflow/bin/airflow db migrate >/dev/null
	$(AIRFLOW) .airflow/bin/airflow dags reserialize >/dev/null
	$(AIRFLOW) .airflow/bin/python tests/airflow/run_dag.py

# The DAG needs Airflow, whose environment is another one.
pyright: $(READY) ## Check the examples with pyright, in an environment of its own
	test -x .pyright/bin/pyright || { python3 -m venv .pyright && .pyright/bin/pip install --quiet 'pyright[nodejs]'; }
	.pyright/bin/pyright --pythonpath $(BIN)/python $(filter-out examples/airflow_dag.py, $(wildcard examples/*.py))

# Whatever version of Ray is the newest: the extra names no other bound than the oldest one.
ray: .ray/.ready ## Run shards on a real Ray cluster of several raylets, in an environment of its own
	SCN_TESTS_PLAIN_STARTS=1 PATH="$(CURDIR)/.ray/bin:$$PATH" .ray/bin/python -m pytest --quiet tests/ray $(ARGS)

.ray/.ready: pip.lock requirements.lock pyproject.toml
	$(PYTHON) -m venv .ray
	.ray/bin/python -m pip install --quiet --require-hashes --requirement pip.lock
	.ray/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	.ray/bin/python -m pip install --quiet --no-build-isolation --editable '.[ray]'
	@touch $@

docs: $(VENV)/.docs-ready ## Build the documentation site into docs/_build; any warning fails
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build

$(VENV)/.docs-ready: $(READY) docs.lock
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes --requirement docs.lock
	@touch $@

lock: ## Write the lock files from pyproject.toml (needs uv)
	echo pip | uv pip compile - --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
		--quiet --output-file pip.lock
	uv pip compile --group docs --universal --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --quiet --output-file docs.lock
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --extra delta --extra otel --group trial --resolution lowest-direct --universal \
		--generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --output-file oldest.lock

clean: ## Remove what the targets made
	rm -rf $(VENV) .soak-journal .airflow .pyright .ray .trial docs/_build .bench .demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
