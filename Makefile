# cluster_emu: everything a newcomer or a build server types. Needs make and Python >= 3.11.

# Leave empty to take the first suitable of CANDIDATES, or name one: make run PYTHON=/opt/python3.12
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# One environment, two stamps: what `run` needs, and on top of it what the checks need.
RUN_STAMP := $(VENV)/installed-run
DEV_STAMP := $(VENV)/installed-dev

# What `make test` runs, for example TESTS="tests/cli tests/test_model.py"; everything if empty.
TESTS ?=

RESULTS := results/cluster

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help browser run test slow hours lint types bench experiments gallery clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: $(RUN_STAMP) ## compare the proposed filter with its baseline on a cluster: table and figure
	$(BIN)/cluster-emu compare cluster --strategies time-series,history-majority \
		--replications 6 --jobs 2 --out $(RESULTS) --overwrite
	@echo
	@echo "Figures and tables are in $(RESULTS):"
	@find $(RESULTS) -maxdepth 1 -type f -not -name '.*' | sort | sed 's/^/  /'

# The tests of the live page need a Chromium. Where it is missing and cannot be installed they are
# skipped, which pytest says at its end (-ra); with CI set they fail instead.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable

browser:
	@for name in $(BROWSERS); do command -v "$$name" >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing chromium for the tests of the live page ..."; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get install -y -qq --no-install-recommends chromium || \
			{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }; \
		} >/dev/null && exit 0; \
	fi; \
	echo "NO CHROMIUM: the tests of the live page will be skipped. Install it and run this again" \
		"(Debian and Ubuntu: sudo apt-get install chromium)" >&2; \
	[ -z "$$CI" ]

test: browser $(DEV_STAMP) ## the fast test suite, or the files and folders in TESTS
	$(BIN)/python -m pytest -q -n auto $(TESTS)

slow: browser $(DEV_STAMP) ## the tests that take minutes
	@# pytest ends with 5 where there is no such test
	$(BIN)/python -m pytest -q -n auto -m slow --durations=20 || [ $$? -eq 5 ]

hours: $(DEV_STAMP) ## the full comparison of the two memory engines, and thousands of random schedules
	$(BIN)/python -m pytest -q -n auto -m hours -o faulthandler_timeout=0

lint: $(DEV_STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_STAMP) ## mypy, strict on the package
	$(BIN)/mypy

bench: $(DEV_STAMP) ## speed and memory
	$(BIN)/python -m pytest -q --benchmark-enable benchmarks

experiments: $(RUN_STAMP) ## every experiment at its smallest size, into a temporary directory
	@set -e; out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	for script in experiments/*.py; do \
		echo "$$script --quick"; \
		$(BIN)/python "$$script" --quick --out "$$out/$$(basename "$$script" .py)"; \
	done

gallery: $(DEV_STAMP) ## docs/gallery.md with its pictures, and the notebook docs/tour.ipynb
	$(BIN)/python tools/gallery.py
	$(BIN)/python tools/tour.py

clean: ## remove the environment, the caches and what was built; results/ stays
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An interpreter that was upgraded or removed leaves a dangling or newer link here, so make comes back.
$(BIN)/python:
	@seen=; \
	for python in $(CANDIDATES); do \
		command -v "$$python" >/dev/null 2>&1 || continue; \
		seen="$$seen $$python"; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "$$python cannot make virtual environments: install its venv module" \
				"(Debian and Ubuntu: apt install python3-venv)" >&2; \
			continue; \
		fi; \
		echo "Making $(VENV) with $$("$$python" --version)"; \
		exec "$$python" -m venv --clear $(VENV); \
	done; \
	echo "cluster_emu needs Python 3.11 or newer with its venv module;" \
		"found:$${seen:- none of $(CANDIDATES)}. Name one with PYTHON=..." >&2; \
	exit 1

$(RUN_STAMP): $(BIN)/python pyproject.toml
	@echo "Installing cluster_emu into $(VENV) (the first time takes a minute or two) ..."
	@$(PIP) install --quiet --editable .
	@touch $@

$(DEV_STAMP): $(BIN)/python pyproject.toml
	@echo "Installing cluster_emu and its checks into $(VENV) (the first time takes a minute or two) ..."
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $(RUN_STAMP) $@
