# Every target sets up what it needs first; with everything in place that costs nothing.
#
#   make demo        a model, trained and measured, from recipes/tiny.yaml
#   make test        the fast tests            make test-slow   the ones that take minutes
#   make test-browser  the report in Chromium, which it installs with a Chinese font where they are missing
#   make screenshots   the pictures in the README, from the demo's report
#   make check       format, lint, types, layers
#   make bench       each claim about speed or exactness, measured beside its peer: hours; make bench QUICK=--quick is shorter
#   make bench-env   the peers, each in an environment of its own
#   make words       the Chinese of the command line and the page, compiled from its catalogue
#   make docs        every command and example that the documentation shows, run
#   make clean       everything that was made here, but not the store

PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := demo
.PHONY: demo test test-slow test-browser screenshots browser check bench bench-env docs words clean setup
.DELETE_ON_ERROR:

setup: .venv/ready-dev

demo: .venv/ready
	$(BIN)/zhiyin run recipes/tiny.yaml

test: setup
	$(BIN)/pytest

test-slow: .venv/ready-slow
	$(BIN)/pytest -m slow

test-browser: setup browser
	$(BIN)/pytest -m browser

screenshots: setup browser demo
	$(BIN)/python docs/screenshots.py

check: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: setup bench-env
	@set -e; for file in $(wildcard bench/*.py); do echo "== $$file"; $(BIN)/python "$$file" $$([ $$file != bench/training.py ] || echo $(QUICK)); done

bench-env: .venv-bench/trl/ready .venv-bench/llamafactory/ready .venv-bench/lm-eval/ready .venv-bench/datasets/ready .venv-bench/datatrove/ready

docs: setup
	$(BIN)/pytest tests/house/test_docs.py

words: setup
	$(BIN)/python -c 'import polib; at = "src/zhiyin/locale/zh/LC_MESSAGES/zhiyin."; polib.pofile(at + "po").save_as_mofile(at + "mo")'

clean:
	rm -rf .venv .venv-bench bench/.cache build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# Chromium and a Chinese font, from the system's packages; Playwright drives the browser that is there.
browser:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1 \
	  && fc-list :lang=zh 2>/dev/null | grep -q . || { \
	  command -v apt-get >/dev/null || { \
	    echo "The report is tested in Chromium with a Chinese font: install both (on Debian: chromium, fonts-noto-cjk)."; exit 1; }; \
	  if [ "$$(id -u)" = 0 ]; then root=; elif command -v sudo >/dev/null; then root=sudo; else \
	    echo "As root: apt-get install chromium fonts-noto-cjk fontconfig"; exit 1; fi; \
	  $$root apt-get update -qq && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-noto-cjk fontconfig; }

# What `demo` needs. The stamp is touched last, so an installation cut short is tried again.
.venv/ready: pyproject.toml constraints.txt | .venv/bin/pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[all]'
	@touch $@

# What the tests and checks need on top.
.venv/ready-dev: .venv/ready
	$(BIN)/pip install --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

# What the slow tests need on top: Daft and Ray, half a gigabyte of them.
.venv/ready-slow: .venv/ready-dev
	$(BIN)/pip install --quiet -c constraints.txt -e '.[all,dev,distributed]'
	@touch $@

# Each peer where its own versions do not disturb ours.
.venv-bench/trl/ready: bench/sides/trl.txt constraints.txt
	$(PYTHON) -m venv .venv-bench/trl
	.venv-bench/trl/bin/pip install --quiet -c constraints.txt -r $<
	@touch $@

.venv-bench/lm-eval/ready: bench/sides/lm_eval.txt constraints.txt
	$(PYTHON) -m venv .venv-bench/lm-eval
	.venv-bench/lm-eval/bin/pip install --quiet -c constraints.txt -r $<
	@touch $@

.venv-bench/datasets/ready: bench/sides/data_datasets.txt constraints.txt
	$(PYTHON) -m venv .venv-bench/datasets
	.venv-bench/datasets/bin/pip install --quiet -c constraints.txt -r $<
	@touch $@

.venv-bench/datatrove/ready: bench/sides/data_datatrove.txt
	$(PYTHON) -m venv .venv-bench/datatrove
	.venv-bench/datatrove/bin/pip install --quiet -r $<
	@touch $@

.venv-bench/llamafactory/ready: bench/sides/llamafactory.txt
	$(PYTHON) -m venv .venv-bench/llamafactory
	.venv-bench/llamafactory/bin/pip install --quiet -r $<
	.venv-bench/llamafactory/bin/pip install --quiet --no-deps llamafactory==0.9.5
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "zhiyin needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
