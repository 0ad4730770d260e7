# make demo: model one simulated lens from the shipped weights. make test: the whole test-suite. Both install first.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
JOBS ?= 2
# a file's tests share their fixtures, so one worker has them all; in the order of tests/conftest.py
SPREAD := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install demo test check docs notebooks clean

help:
	@echo "make demo    simulate one lens, model it, compare with the truth"
	@echo "make test    the whole test-suite"
	@echo "make check   format, lint, types, import contracts and the fast tests"
	@echo "make docs    the documentation as a site, in build/site"
	@echo "make notebooks run the notebooks anew, for what is committed of them (9 minutes)"
	@echo "make install only make .venv"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("lenssbi needs Python 3.11 or later: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[simulate,export,slurm,docs,dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/lenssbi demo --out demo

# one thread per process: the tests share the cores among themselves
test: export OMP_NUM_THREADS = 1
test: export NUMBA_NUM_THREADS = 1
test: $(INSTALLED)
	$(BIN)/python -m pytest -q -n $(JOBS) $(SPREAD)

check: export OMP_NUM_THREADS = 1
check: export NUMBA_NUM_THREADS = 1
check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q -n $(JOBS) $(SPREAD) -m 'not slow'

docs: export NO_MKDOCS_2_WARNING = 1
docs: $(INSTALLED)
	$(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

notebooks: $(INSTALLED)
	$(BIN)/python -m pip install -q nbclient ipykernel ipywidgets
	cd notebooks && ../$(BIN)/jupyter-execute --inplace --startup_timeout=600 *.ipynb

clean:
	rm -rf demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
