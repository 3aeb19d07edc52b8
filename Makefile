# What each target needs it makes itself; `make` alone tells what there is.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.ONESHELL:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
# A stamp is a copy of the lock that is installed, so a fresh checkout with the same lock calls no pip.
RUNTIME := $(VENV)/runtime.lock
DEV := $(VENV)/dev.lock
# Where .venv's Python is gone (its link leads nowhere after an upgrade), so is what was installed for it.
ifeq ($(realpath $(PYTHON)),)
  $(shell rm -f $(RUNTIME) $(DEV))
endif

PIP_INSTALL := $(PYTHON) -m pip install -qq --disable-pip-version-check --no-input --require-hashes

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z%-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

.PHONY: setup
setup: $(RUNTIME) ## Create .venv and install what the server needs

.PHONY: run
run: $(RUNTIME) ## Serve on http://127.0.0.1:8000 with demo data (PORT=, DATA_DIR=)
	@exec $(PYTHON) manage.py serve --demo

.PHONY: serve
serve: $(RUNTIME) ## Serve without demo data (PORT=, DATA_DIR=)
	@exec $(PYTHON) manage.py serve

.PHONY: test
test: $(DEV) ## Run every check and the suite on SQLite and PostgreSQL (STEPS="types sqlite" for some)
	@exec $(PYTHON) -m tests.run $(STEPS)

.PHONY: fmt
fmt: $(DEV) ## Format the code and repair what the linter can
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

.PHONY: bench
bench: $(DEV) ## Measure on SQLite and PostgreSQL (N= rows, STORE= to keep them)
	@exec $(PYTHON) -m benchmarks

.PHONY: bench-peers
bench-peers: $(DEV) ## Measure beside Arize Phoenix and MLflow, which it installs (N=, PEERS=, DB=)
	@exec $(PYTHON) -m benchmarks.peers

.PHONY: bench-gateway
bench-gateway: $(DEV) ## Measure what the gateway adds to a call, beside LiteLLM, which it installs (DB=, PARTS=)
	@exec $(PYTHON) -m benchmarks.gateway

# uv, because it locks for every Python and system at once, with the hashes of all published files. It works in an
# environment of its own that is thrown away, and reads no pip configuration, so none can leak into the locks.
UV_COMPILE = "$$tools/bin/uv" pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: | $(PYTHON) ## Write requirements/*.txt from pyproject.toml (UPGRADE=1 for newer versions)
	@tools=$$(mktemp -d); trap 'rm -rf "$$tools"' EXIT
	$(PYTHON) -m venv "$$tools"
	"$$tools/bin/python" -m pip install -qq --disable-pip-version-check uv
	mkdir -p requirements
	$(UV_COMPILE) --output-file requirements/runtime.txt pyproject.toml
	$(UV_COMPILE) --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
	echo "requirements/runtime.txt and requirements/dev.txt are up to date."

$(RUNTIME): requirements/runtime.txt $(PYTHON)
	@cmp -s $< $@ || { echo "Installing $< into $(VENV) ..."; $(PIP_INSTALL) -r $<; }
	@cp $< $@

# The development lock holds the runtime lock's versions too.
$(DEV): requirements/dev.txt requirements/runtime.txt $(PYTHON)
	@cmp -s $< $@ || { echo "Installing $< into $(VENV) ..."; $(PIP_INSTALL) -r $<; }
	@cp $< $@; cp requirements/runtime.txt $(RUNTIME)

# The Python versions this was tried with come first.
$(PYTHON):
	@fits() { "$$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < $$2)" 2>/dev/null; }
	for below in '(3, 14)' '(4,)'; do
	  for python in $${PYTHON3:-python3 python3.13 python3.12 python3.11 python}; do
	    if fits "$$python" "$$below"; then found=$$python; break 2; fi
	  done
	done
	if [[ -z $${found:-} ]]; then
	  echo "Python 3.11 or newer is needed: install it, or name it with PYTHON3=/path/to/python3." >&2; exit 1
	fi
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then
	  echo "$$found cannot make environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1
	fi
	rm -rf $(VENV)
	"$$found" -m venv $(VENV)
