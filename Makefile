# Seawall. `make demo` runs the main job, `make test` runs every check.
# Needs Python 3.11 or later, make and a package registry; the rest is installed into .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup dev bench-deps demo test faults fuzz-media schemas lock clean help \
        bench-pipeline bench-scaling bench-index bench-hashing bench-text bench-lists bench-policy \
        dashboards monitor drill

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/ready ## Prepare .venv with the `seawall` command
dev: .venv/ready-dev ## The same, with what the tests need
bench-deps: .venv/ready-bench

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Seawall needs Python 3.11 or later; PYTHON=$(PYTHON) is older. Try make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/ready: .venv/uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements/dev.txt requirements/oracle.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/oracle.txt || \
	  echo "pdqhash and py-tlsh need a C++ compiler: the tests that compare with them will be NOT RUN"
	@touch $@

.venv/ready-bench: .venv/ready-dev requirements/bench.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

demo: setup ## Run the whole pipeline on a broker of its own, and show what was decided and why
	$(BIN)/python -m demo $(if $(KEEP),--keep)

test: dev ## Every check: lint, types, contracts, schemas, unit, property, integration, faults
	$(BIN)/python .ci/checks.py

faults: dev ## The whole delivery matrix on three brokers, as a table
	$(BIN)/python -m tests.faults.matrix

bench-pipeline: bench-deps ## Events/s, CPU and latency beside peers
	$(BIN)/python -m benchmarks.pipeline

bench-scaling: bench-deps ## One and two workers, fused and split
	$(BIN)/python -m benchmarks.scaling

bench-index: bench-deps ## Look-ups beside FAISS, python-threatexchange and NumPy
	$(BIN)/python -m benchmarks.index

bench-hashing: bench-deps ## Screen and exact hashing beside pdqhash and ImageHash
	$(BIN)/python -m benchmarks.hashing

bench-lists: bench-deps ## How long changes of a million-entry list take to decide, under load
	$(BIN)/python -m benchmarks.lists

bench-text: bench-deps ## Messages/s of the text-risk stage (reads SEAWALL_DATA)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.text

bench-policy: bench-deps ## Decisions/s of a policy of 200 rules, with and without signals
	$(BIN)/python -m benchmarks.policy

fuzz-media: dev ## 10,000 mutated files of every format, and 2,000 videos, through the decoders
	FUZZ_FILES=10000 $(BIN)/pytest -q tests/unit/hashing/test_fuzz_media.py tests/unit/hashing/test_fuzz_video.py

schemas: dev ## Write docs/schemas anew from the types
	$(BIN)/python -m streams.contracts.schemas --write
	$(BIN)/python -m streams.policy.schema --write

dashboards: dev ## Write the rules, their tests, the Grafana dashboards and the runbooks' index anew
	$(BIN)/python -m dashboards

monitor: dev ## Run the demo's pipeline with Prometheus beside it until Ctrl-C; CHECK=1: check every panel
	$(BIN)/python -m dashboards.monitor $(if $(CHECK),--check)

drill: dev ## Break things under a real Prometheus; a table of which alert fired when, and resolved
	$(BIN)/python -m tests.integration.monitoring.drill

lock: .venv/uv ## Write requirements/ anew from pyproject.toml
	sh requirements/lock.sh

clean: ## Remove .venv and everything made locally
	-test -x $(BIN)/python && $(BIN)/python -m demo --stop
	-test -x $(BIN)/seawall && $(BIN)/seawall down
	rm -rf .venv .seawall .pytest_cache .ruff_cache .hypothesis .import_linter_cache
