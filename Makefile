# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
UNUSED := /tests?/|/plotly/validators/|/torch/(_inductor|testing)/|site-packages/(pip|setuptools|mypy|pygments|fontTools|networkx)/

.PHONY: run test hostile lint bytecode bench clean

run: $(VENV)/.run            ## install and start the app on http://127.0.0.1:7860
	$(BIN)/python app.py

test: $(VENV)/.dev            ## install everything, lint, types, all tests
	$(MAKE) --jobs 2 lint bytecode
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

hostile: $(VENV)/.dev        ## attacks, bad files and load in the long form; writes figures into docs/security.md
	KINSIGHT_FUZZ=10000 $(BIN)/python -m pytest tests/hostile tests/benchmarks/test_hostile.py tests/browser/test_addresses.py --numprocesses 3 --dist loadscope
	$(BIN)/python -m benchmarks.hostile

lint: $(VENV)/.dev           ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2

bench: $(VENV)/.dev          ## speed, memory, evidence, the live camera, the cost of position encodings, search at scale; writes benchmarks/results/*.json
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.evidence_speed
	$(BIN)/python -m benchmarks.live --json benchmarks/results/live.json
	$(BIN)/python -m benchmarks.vit_cost
	$(BIN)/python -m benchmarks.svit_training
	$(BIN)/python -m benchmarks.search

bytecode: $(VENV)/.dev       ## of our code and of what pip leaves out below, on the second core while types are checked
	-$(BIN)/python -m compileall -qq -j 1 -x '$(UNUSED)' app.py models explain ui training benchmarks $(VENV)/lib

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	-$(BIN)/python -m pip install --quiet --upgrade pip  # the one that Python brings takes twice as long to resolve

$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile -r requirements-dev.txt
	touch $@ $(VENV)/.run

clean:                       ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
