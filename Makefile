# `make demo` and `make test` set up all they need in .venv on a bare Debian 12 (Python 3.11, g++, make).

VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What is installed has the version and the hashes of this file; `make test CONSTRAINTS=` takes the newest of all.
CONSTRAINTS ?= constraints.txt
INSTALL := $(BIN)/pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS))
NEW_PIP := $(BIN)/python -m pip install --quiet --upgrade 'pip>=25.3'

# A stamp is remade when what the build reads has changed, or a folder of the package has other files than before: an
# editable install knows its files by name.
SOURCES := pyproject.toml CMakeLists.txt $(shell find cpp -name '*.cpp' -o -name '*.hpp' -o -name '*.inl' -o -name '*.h' -o -name '*.cmake' -o -name CMakeLists.txt) \
	$(shell find python -type d -not -name __pycache__)

.PHONY: demo test unit embedding lint licences bench accuracy baseline wheel docs pages fuzz lock clean venv

demo: $(VENV)/.cli
	$(BIN)/hedgecore demo --out demo

# First, alone, what measures the memory of its process; then files of tests side by side. PYTEST_ARGS: a part, as given.
test: $(VENV)/.test
ifdef PYTEST_ARGS
	$(BIN)/python -m pytest $(PYTEST_ARGS)
else
	$(BIN)/python -m pytest -m resident
	$(BIN)/python -m pytest -m "not resident" --numprocesses=auto --dist=loadfile
endif

# The examples of embedding, built in every way: the core is compiled twice.
embedding: $(VENV)/.test
	HEDGECORE_EMBEDDING=1 $(BIN)/python -m pytest tests/test_embedding.py $(PYTEST_ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/repo-review . --format=rich
	$(BIN)/pip-licenses > /dev/null

# The licences of all that is installed; one that pyproject.toml does not allow is an error.
licences: $(VENV)/.test
	$(BIN)/pip-licenses

# A wheel for old systems and the sdist in dist, proved in an empty environment; WHEEL="--python python3.12 python3.13 --twice".
wheel: $(VENV)/.wheels
	$(BIN)/python tools/wheel.py $(WHEEL)

# Everything, then the one peer that needs packages of its own: they are laid over those of .venv.
# QUICK=1 (three sizes) and PYTEST_ARGS (a part, without that peer) are printed and not kept.
BENCH := -m pytest --benchmark-enable --benchmark-only --benchmark-quiet -q -r f $(PYTEST_ARGS)
SVML  := $(VENV)/svml
QUIET := $(if $(QUICK),HEDGECORE_BENCH_QUICK=1)

bench: $(VENV)/.bench
	@mkdir -p build
	rm -f build/bench.json build/bench-svml.json
	$(QUIET) $(BIN)/python $(BENCH) benchmarks --benchmark-json=build/bench.json
	$(if $(PYTEST_ARGS),,$(QUIET) LD_LIBRARY_PATH=$(SVML)/lib PYTHONPATH=$$(echo $(SVML)/lib/python3*/site-packages) \
		$(BIN)/python $(BENCH) benchmarks/test_peers.py benchmarks/test_scenarios.py -k 'SVML or hedgecore' --benchmark-json=build/bench-svml.json)
	$(BIN)/python benchmarks/results.py $(if $(QUICK)$(PYTEST_ARGS),--show) $(if $(PYTEST_ARGS),build/bench.json,build/bench.json build/bench-svml.json)

# Writes docs/accuracy.md; N options in each cell of its maps.
N ?= 100
accuracy: $(VENV)/.test
	PYTHONPATH=tools:tests $(BIN)/python -m accuracy --points $(N)

# Instructions per option, counted by valgrind, that tests/test_instructions.py holds the kernels to.
baseline: $(VENV)/.test
	$(BIN)/python tests/instructions.py

# Fuzzes each target for SECONDS, or TARGET alone; INPUT=FILE runs a finding again. SCALAR=1 checks the kernels for undefined behaviour too.
SECONDS ?= 60
fuzz: $(VENV)/.fuzz
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python fuzz/run.py --seconds $(SECONDS) $(if $(TARGET),--target $(TARGET)) $(if $(INPUT),--input $(INPUT)) $(if $(SCALAR),--scalar)

# The C++ unit tests built by a preset of CMakePresets.json: dev, asan, tsan or tidy (CONTRIBUTING.md).
PRESET ?= dev
unit: $(VENV)/.test
	$(CMAKE) --preset $(PRESET)
	$(CMAKE) --build --preset $(PRESET) --parallel $(JOBS)
	$(BIN)/ctest --preset $(PRESET)

CMAKE := $(BIN)/cmake
JOBS  ?= $(shell nproc)

# The site in build/site, with the reports of the demonstration as they come; warnings are errors, nothing is fetched.
docs: $(VENV)/.docs
	rm -rf build/site build/live
	$(BIN)/hedgecore demo --out build/live/live > build/demo.log
	$(BIN)/python -m sphinx -W --keep-going -j auto -q docs build/site
	PYTHONPATH=tools $(BIN)/python -m documentation.site build/site
	@echo "open build/site/index.html"

# Writes into the pages what their blocks print and draws their pictures; PAGES="docs/paths.md" for some. Needs Chromium.
pages: $(VENV)/.test
	PYTHONPATH=tools $(BIN)/python -m documentation.refresh $(PAGES)

# The newest versions of every group, for every Python and platform.
lock: $(VENV)/.test
	$(INSTALL) --group lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --output-file constraints.txt pyproject.toml \
		--extra cli --extra optimise $(addprefix --group ,dev docs fuzz lock wheels)

venv: $(VENV)/.test

clean:
	rm -rf $(VENV) build demo

# Debian's python3 comes without venv and pip: they are fetched where the user may install packages.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "hedgecore needs Python 3.11 or newer"'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "installing python3-venv (the environment needs it)"; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq python3-venv python3-dev; }
	@$(PYTHON) -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || { \
		echo "installing python3-dev (the headers of Python)"; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq python3-dev; }
	$(PYTHON) -m venv $(VENV)

# Editable, so that a change of Python code needs no step; the extension is rebuilt when its sources change.
$(VENV)/.cli: $(BIN)/pip $(SOURCES) $(CONSTRAINTS)
	$(NEW_PIP)
	$(BIN)/pip install --quiet --no-deps $(addprefix --build-constraint ,$(CONSTRAINTS)) --editable .
	$(INSTALL) 'hedgecore[cli]'
	@touch $@

$(VENV)/.test: $(VENV)/.cli
	$(INSTALL) --group dev
	@touch $@

$(VENV)/.fuzz: $(VENV)/.test
	$(INSTALL) --group fuzz
	@touch $@

$(VENV)/.docs: $(VENV)/.test
	$(INSTALL) --group docs
	@touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install --quiet --editable '.[cli,bench]'
	$(BIN)/python -m venv --without-pip $(SVML)
	$(BIN)/pip --python $(SVML)/bin/python install --quiet --group svml
	@touch $@

$(VENV)/.wheels: $(BIN)/pip pyproject.toml $(CONSTRAINTS)
	$(NEW_PIP)
	$(INSTALL) --group wheels
	@touch $@
