# trakt-import: every command. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup import nightly demo test lint bench chaos query report docs clean lock
PYTHON ?= python3
BIN := .venv/bin

# USER is set by every login shell: only one given on make's own command line counts.
ifneq (,$(findstring command,$(origin USER)))
export IMPORT_USER := $(value USER)
endif
# A $ in a value is a $: to make, it would begin a variable or a command.
define as_it_stands
ifneq (,$$(findstring command,$$(origin $(1))))
override $(1) := $$(value $(1))
endif
endef
$(foreach name,USER SQL RUN DB ONLY,$(eval $(call as_it_stands,$(name))))
export IMPORT_USER DB RUN ONLY SQL

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: .venv/ready ## make .venv and install the pinned dependencies
.venv/ready: requirements.lock pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat -e .
	$(BIN)/python -m compileall -q pipeline stages
	@touch $@

import: .venv/ready ## import one profile: make import USER=x
	@if [ -z "$$IMPORT_USER" ]; then echo 'usage: make import USER=x' >&2; exit 2; fi; \
	$(BIN)/trakt-import run -- "$$IMPORT_USER"

nightly: .venv/ready ## import everybody who is marked nightly
	@$(BIN)/trakt-import batch

demo: .venv/ready ## the whole main job against the bundled sandbox, no key needed (DB=postgres: into PostgreSQL)
	@$(BIN)/python -m tests.demo

test: .venv/ready ## pass the tests
	@$(BIN)/python -m pytest

chaos: .venv/ready ## the long proof that nothing is lost: strike everywhere, random lives, a soak (about half an hour)
	@$(BIN)/python -m tests.chaos.crash && $(BIN)/python -m tests.chaos.crash --database postgresql --every 3 && \
	MODEL_EXAMPLES=100 MODEL_STEPS=15 $(BIN)/python -m pytest -q tests/test_model.py && \
	$(BIN)/python -m tests.chaos.soak

bench: .venv/ready ## every figure beside its target and its floor (make bench ONLY=import,start)
	@$(BIN)/python -m tests.bench --only "$$ONLY"

lint: .venv/ready ## style, types and the direction of imports
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && PYTHONPATH=. $(BIN)/lint-imports

report: .venv/ready ## the report of a run: make report RUN=id (without: the last)
	@$(BIN)/trakt-import report -- "$${RUN:-last}"

query: .venv/ready ## ask the staged files in SQL: make query SQL="from freshness" (without: a shell)
	@if [ -n "$$SQL" ]; then $(BIN)/trakt-import query -- "$$SQL"; else $(BIN)/trakt-import query; fi

docs: .venv/ready ## write docs/dictionary.md anew from the schemas in code
	@$(BIN)/python -m pipeline.lake.dictionary > docs/dictionary.md.new && mv docs/dictionary.md.new docs/dictionary.md

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --all-extras \
		pyproject.toml --output-file requirements.lock

clean: ## remove what was built and installed; never touches data/
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
