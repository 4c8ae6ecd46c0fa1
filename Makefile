# The workshop: `make help` lists what there is. Every target but help, lock and clean sets the machine up first.
#
# Set-up needs Python 3.11 or later and make, nothing else: it installs what Debian lacks when it may,
# and prints the one command to run when it may not. Every Python package comes from requirements/dev.lock
# and is checked against its hash; no package is built here, so no set-up code of a package is ever run.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
UV ?= uv
ARGS ?=
PROCESSES ?= 2

# The first interpreter that is recent enough; `make setup PYTHON=...` chooses another.
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for candidate in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$candidate -c '$(RECENT)' 2>/dev/null && echo $$candidate && break; done)

.PHONY: help setup check test fuzz pictures demo drill bench peers vectors lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
	@echo 'Options of a verb pass as ARGS, for example: make demo ARGS="--exit"'

setup: $(STAMP) ## Create .venv with the locked packages and .venv/bin/paravent
	@test -x $(BIN)/paravent || { rm -f $(STAMP); $(MAKE) --no-print-directory $(STAMP); }

check: setup ## Lint, format, types, architecture contracts, declared dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry src

test: setup ## Run the tests, a file whole in one of PROCESSES processes (0: in this one, for a debugger)
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: setup ## Fuzz every reader of what comes from outside, a JSON line each (ARGS="--executions N --target NAME")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
		--requirement requirements/fuzz.lock
	@$(BIN)/python -m tests.fuzz $(ARGS)

pictures: setup ## Take the pictures of docs/pictures again (needs chromium)
	$(BIN)/pytest -q --pictures docs/pictures $(ARGS)

demo: setup ## The whole story, on this machine, in a temporary folder
	$(BIN)/paravent demo $(ARGS)

drill: setup ## Attack a running platform; write what each theft opens into README and docs/drill.md
	$(BIN)/paravent drill --write . $(ARGS)

bench: setup ## Measure it
	$(BIN)/paravent bench $(ARGS)

peers: setup ## Measure what a user would pick instead, beside ours (installs two packages for it)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
		--requirement requirements/peers.lock
	@$(BIN)/paravent bench --peers $(ARGS)

vectors: setup ## Check the code, and a second computation, against vectors/
	$(BIN)/python -m vectors.generate --check
	$(BIN)/pytest tests/vectors $(ARGS)

cases: setup ## Play the worked cases again, and replace what docs/cases holds of them
	$(BIN)/python -m tests.write_cases

clean: ## Remove what the tools and the set-up made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

# --- set-up ----------------------------------------------------------------------------------

# What this machine lacks, as Debian packages: the group arithmetic, and venv, which Debian ships apart.
define MISSING_PACKAGES
import ctypes, ctypes.util, shutil, sys
missing = []
try:
    ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
except OSError:
    missing.append("libsodium23")
# The tests have a local time-stamping authority, which is openssl.
if not shutil.which("openssl"):
    missing.append("openssl")
try:
    import ensurepip, venv
    ensurepip.version()
except Exception:
    missing.append("python%d.%d-venv" % sys.version_info[:2])
print(*missing)
endef
export MISSING_PACKAGES

# What only some tests need: a PostgreSQL of their own (docs/operating.md), with PL/Proxy for a hub on shards, and a
# browser to look at pages with. Where one cannot be installed, its tests are skipped and say so.
define OPTIONAL_PACKAGES
import pathlib, platform, shutil
homes = pathlib.Path("/usr/lib/postgresql")
found = sorted(int(p.parts[4]) for p in homes.glob("*/bin/initdb") if int(p.parts[4]) >= 15)
try:
    release = platform.freedesktop_os_release().get("VERSION_ID")
except OSError:
    release = None
version = found[-1] if found else {"12": 15, "13": 17}.get(release)
proxied = version is None or (homes / f"{version}/lib/plproxy.so").exists()
print(
    *([] if found else ["postgresql"]), *([] if proxied else [f"postgresql-{version}-plproxy"]),
    *([] if shutil.which("chromium") else ["chromium"]),
)
endef
export OPTIONAL_PACKAGES

$(STAMP): pyproject.toml requirements/dev.lock
	@[[ -n "$(PYTHON)" ]] && $(PYTHON) -c '$(RECENT)' 2>/dev/null || { \
		echo "Paravent needs Python 3.11 or later; name it with: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@missing="$$($(PYTHON) -c "$$MISSING_PACKAGES")"; optional="$$($(PYTHON) -c "$$OPTIONAL_PACKAGES")"; \
	may_install=yes; as_root=(); \
	if ! command -v apt-get >/dev/null; then may_install=no; \
	elif [[ $$(id -u) == 0 ]]; then :; \
	elif sudo -n true 2>/dev/null; then as_root=(sudo -n); \
	else may_install=no; fi; \
	if [[ -n "$$missing" && $$may_install == no ]]; then \
		echo "This machine lacks system packages (by their Debian names). Run this, then make again:" >&2; \
		echo "  sudo sh -c 'apt-get update && apt-get install --yes $$missing $$optional'" >&2; exit 1; \
	fi; \
	if [[ -n "$$missing$$optional" && $$may_install == yes ]]; then \
		echo "Installing $$missing $$optional"; \
		"$${as_root[@]}" apt-get update -qq; \
		if [[ -n "$$missing" ]]; then \
			"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
				apt-get install --yes -qq --no-install-recommends $$missing; \
		fi; \
		for each in $$optional; do \
			"$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
				apt-get install --yes -qq --no-install-recommends $$each || echo "Without $$each: its tests are skipped"; \
		done; \
	fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		--requirement requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# --- lock ------------------------------------------------------------------------------------

COMPILE := $(UV) pip compile pyproject.toml --no-config --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header

lock: ## Resolve requirements/*.lock again (needs uv; ARGS=--upgrade to take newer versions)
	$(COMPILE) $(ARGS) --extra all --group dev --output-file requirements/dev.lock
	$(COMPILE) --extra all --constraints requirements/dev.lock --output-file requirements/all.lock
	$(UV) pip compile --group pyproject.toml:fuzz --no-config --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --output-file requirements/fuzz.lock
	$(UV) pip compile --group pyproject.toml:peers --no-config --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --output-file requirements/peers.lock
	$(COMPILE) --extra keyserver --constraints requirements/dev.lock --output-file requirements/keyserver.lock
