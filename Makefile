# Everything makes its own set-up: Python >= 3.10 with pip, make and a C compiler are all that is needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# What the compiled modules and the environment are made of.
CORE := $(shell find grpc_bridge -name '*.pyx' -o -name '*.pxd')

.PHONY: build test lint docs demo bench bench-quick soak repeat matrix release-check clean

build: $(VENV)/.built

$(VENV)/.made: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("grpc_bridge needs Python 3.10 or newer; set PYTHON=python3.x" if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test,lint,docs]'
	touch $@

# The editable install has compiled the core; after that only what changed is compiled again.
$(VENV)/.built: $(VENV)/.made $(CORE)
	$(BIN)/python -m pip install --quiet 'setuptools>=77' 'Cython>=3.1'
	$(BIN)/python -W ignore -c 'from setuptools import setup; setup()' --quiet build_ext --inplace
	touch $@

lint: build
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

# Some five seconds; a warning, such as a link that leads nowhere, is an error. The pages: build/docs/index.html.
docs: build
	$(BIN)/sphinx-build -W --keep-going --quiet docs build/docs

test: build lint docs
	$(BIN)/python -m pytest -n 2

demo: build
	$(BIN)/python examples/demo.py

# Takes some twenty minutes; the other one shows in two that everything runs, not how fast.
bench: build
	$(BIN)/python -m bench

bench-quick: build
	$(BIN)/python -m bench --rounds 1 --seconds 0.2 --streams 1000 --lines 50000 --json build/bench-quick.json

# Ten minutes of adversity, bounded; says what it does.
soak: build
	$(BIN)/python -m tests.soak

# The suite over and over, for what shows itself only now and then; takes hours.
repeat: build
	$(BIN)/python -m pytest -n 2 --count 20 -x -q tests/async tests/core tests/sync_parity
	$(BIN)/python -m pytest -n 2 -q -p tests.collector tests/async tests/core tests/users tests/sync_parity
	GRPC_BRIDGE_WHOLE=1 $(BIN)/python -m pytest -n 2 -q tests/codemod/test_everything.py tests/codemod/test_properties.py

# What has to hold before anything is uploaded, from the sources alone: takes some four minutes. The wheel is built
# from the sdist, so what the sdist lacks shows.
RELEASE := build/release
# That the wheel runs where grpcio's own do: it asks nothing of the system that is newer, and links nothing else.
AUDIT := [ "$$(uname)" != Linux ] || PATH="$(CURDIR)/$(RELEASE)/tools/bin:$$PATH" \
	auditwheel repair --plat manylinux2014_$$(uname -m) --wheel-dir $(RELEASE)/audited $(RELEASE)/dist/*.whl

release-check:
	rm -rf $(RELEASE)
	$(PYTHON) -m venv $(RELEASE)/tools
	$(RELEASE)/tools/bin/python -m pip install --quiet --upgrade pip
	$(RELEASE)/tools/bin/python -m pip install --quiet --group release
	$(RELEASE)/tools/bin/validate-pyproject pyproject.toml
	for platform in linux macos; do $(RELEASE)/tools/bin/cibuildwheel --print-build-identifiers --platform $$platform . || exit; done
	$(RELEASE)/tools/bin/python -m build --outdir $(RELEASE)/dist
	$(RELEASE)/tools/bin/twine check --strict $(RELEASE)/dist/*
	$(AUDIT)
	$(PYTHON) -m venv $(RELEASE)/clean
	$(RELEASE)/clean/bin/python -m pip install --quiet $(RELEASE)/dist/*.whl
	cd $(RELEASE) && GRPC_BRIDGE_NOT_FROM=$(CURDIR)/grpc_bridge clean/bin/python -W error $(CURDIR)/tests/release/smoke.py
	$(RELEASE)/clean/bin/python -m pip install --quiet pytest "$$(ls $(RELEASE)/dist/*.whl)[protoc]"
	cp -r docs tests README.md $(RELEASE)
	cd $(RELEASE) && clean/bin/python -W error -m tests.docs.run_page docs/start.md

# The run-time tests on every Python and grpcio that pyproject.toml admits, in debug mode and on uvloop;
# LEGS="oldest 3.12" for some of them.
matrix:
	$(PYTHON) -m tests.matrix $(LEGS)

clean:
	rm -rf build dist $(VENV)
	find grpc_bridge \( -name '*.so' -o -name '*.c' \) -delete
