# Everything from a clean clone, with nothing but Python 3.11, make and a C library.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# The CPU build of torch is the default; TORCH_INDEX= takes whatever the usual index serves (CUDA on Linux).
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := torch==2.13.0
# Tests of one file stay in one process, which has one thread.
JOBS ?= 2

.PHONY: setup demo test check docs clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --retries 0 --index-url $(TORCH_INDEX) $(TORCH) 2>/dev/null || $(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[postgres,minilm,plot,weak,optuna,rivals,faiss,redis,kafka,zst,ray,fuzz,docs,dev]'
	touch $@

demo: setup
	$(BIN)/emotide demo --out demo-out

test: setup
	$(BIN)/lint-imports --no-cache
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --jaxtyping-packages=emotide,beartype.beartype

check: setup
	$(BIN)/ruff check emotide tests
	$(BIN)/ruff format --check emotide tests
	$(BIN)/mypy
	$(BIN)/python tests/audit.py

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --site-dir site
	@echo site/index.html

clean:
	rm -rf $(VENV) demo-out site
