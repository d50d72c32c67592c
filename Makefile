# What a person types. `make` installs into .venv; everything else installs first when something changed.
# Nothing is needed but make and a Python of 3.11 or later with its venv module: make PYTHON=/path/to/python3.12 install

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# A program starts in half the time where what Python compiled is kept, so it is kept whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

# A caller's own settings of Python and pip would change what is installed, and where.
unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX
export PIP_USER := 0

.DEFAULT_GOAL := install
.PHONY: install demo up test prove browser chaos explore check bench lock audit sbom images image

install: $(INSTALLED)

# In two steps, because pip cannot hash a folder: first the parts, each held to its hash, then this project itself.
$(INSTALLED): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "osr-hub needs Python 3.11 or later with its venv module: make PYTHON=/path/to/python" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(PIP) install --require-hashes -r constraints.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	@$(BIN)/osr-hub demo

up: install
	@$(BIN)/osr-hub up

# Files of tests run side by side. Without a Chromium the tests of the pages are left out, in words and not in silence;
# `make browser` insists on them. So are those that need Node, a JDK, curl or Prometheus.
BESIDE := --numprocesses=auto --dist=loadfile --no-loadscope-reorder
test: install
	@without=; $(BIN)/python -m tests.support.pages.chromium 2>/dev/null || without=" and not browser"; \
	for each in node java curl prometheus keycloak; do \
		$(BIN)/python -m tests.support.guides.toolchains $$each 2>/dev/null || without="$$without and not $$each"; \
	done; \
	exec $(BIN)/python -m pytest $(BESIDE) -m "not proof$$without"

# What takes minutes to prove: a crash at each point, every writer interleaved, chaos by seeds, the API by all its forms.
prove: install
	@$(BIN)/python -m pytest $(BESIDE) -m proof --override-ini python_files='test_*.py chaos_*.py'

browser: install
	@$(BIN)/python -m pytest tests/browser

chaos: install
	@$(BIN)/python -m pytest --capture=no --override-ini python_files='chaos_*.py' tests/chaos

# The same draws every time in `make test`; here others, and ten times as many.
explore: install
	@OSR_HUB_TEST_SEED=$${OSR_HUB_TEST_SEED:-random} $(BIN)/python -m pytest --capture=no tests/unit \
		tests/store/test_lane_machine.py tests/store/test_turn_machine.py tests/store/test_retention.py \
		tests/store/test_interleavings.py tests/store/test_all_interleaved.py

bench: install
	@$(BIN)/python -m pytest --capture=no --override-ini python_files='bench_*.py' tests/bench

check: install
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m schemas.generate --check

# Pins what pyproject.toml asks for, from the index itself and not from wheels that lie about on this machine; then cuts
# from that what the image needs, and what builds the wheel in it.
LOCK := --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header --quiet
lock:
	@set -e; export PIP_NO_INDEX=0 PIP_FIND_LINKS= UV_FIND_LINKS=; place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	$(PYTHON) -m venv "$$place"; \
	"$$place/bin/python" -m pip --disable-pip-version-check --quiet install uv; \
	"$$place/bin/uv" pip compile pyproject.toml --all-extras $(LOCK) -o constraints.txt; \
	"$$place/bin/uv" pip compile pyproject.toml --constraint constraints.txt $(LOCK) -o deploy/requirements.txt; \
	echo hatchling | "$$place/bin/uv" pip compile - --constraint constraints.txt $(LOCK) -o deploy/build-requirements.txt

# Known vulnerabilities of all that is pinned: they make it fail, a database that cannot be reached does not.
audit: install
	@$(BIN)/python -m tests.support.supply.audit constraints.txt

# What is in the image, as CycloneDX: each pin with its hashes.
SBOM := dist/osr-hub.cdx.json
sbom: install
	@mkdir -p $(dir $(SBOM))
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
		--output-format JSON --output-file $(SBOM) deploy/requirements.txt
	@echo $(SBOM)

# The digests of the images that others make, asked of their registries; and our image, built on a base with a digest.
images: install
	@$(BIN)/python -m tests.support.supply.images --pin

image: install
	@$(BIN)/python -m tests.support.supply.images
	@docker build -f deploy/Dockerfile --build-arg $$(grep ^PYTHON_IMAGE= deploy/images.env) -t osr-hub:0.1.0 .
