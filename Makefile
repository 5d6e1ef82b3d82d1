# Two commands do everything by themselves: make demo, make test. Plain make lists them all.

ENGINE ?= postgres
BENCH ?= cascade
ARGS ?=
# Processes that test at once, each with servers of its own; what is chosen by ARGS runs in one.
WORKERS ?= $(if $(ARGS),0,2)

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

BIN := .venv/bin
INSTALLED := .venv/.installed
STAMPS := .make

PYTHON_FILES := $(shell find tooling/deletion_jobs tests -name '*.py' 2> /dev/null)
MIGRATION_FILES := $(shell find migrations -type f ! -name '*.pyc' 2> /dev/null)
SQL_FILES := $(shell find schema procedures tooling/deletion_jobs -name '*.sql' 2> /dev/null)

# PG=15, 17 or 18 chooses the PostgreSQL of the tests.
ifdef PG
export DELETION_JOBS_POSTGRES_MAJOR := $(PG)
endif

.PHONY: help
help:  ## list the commands
	@echo 'usage: make <command> [ENGINE=postgres|mysql] [PG=15|17|18] [ARGS=...]'
	@echo '       BENCH=cascade|jobs|claim|foreground|lag|space|plan chooses what is measured'
	@echo
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-20s %s\n", $$1, $$2 }'

$(INSTALLED): pyproject.toml tooling/setup/venv.sh tooling/setup/constraints.txt
	@tooling/setup/venv.sh

$(STAMPS):
	@mkdir -p $@

.PHONY: install
install: $(INSTALLED)  ## make .venv with the package and its tools

.PHONY: demo
demo: $(INSTALLED)  ## show it all on a shop of 100,000 rows (ENGINE=mysql: on MySQL)
	@[ $(ENGINE) != mysql ] || tooling/setup/docker.sh
	@$(BIN)/deletion-jobs demo --engine $(ENGINE) $(ARGS)

.PHONY: test
test: $(INSTALLED) lint servers  ## lint and run all tests on real servers (PG=15|17|18)
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal $(ARGS)

.PHONY: test-unit
test-unit: $(INSTALLED)  ## run the tests that need no server
	@$(BIN)/pytest tests/unit $(ARGS)

.PHONY: pictures
pictures: $(INSTALLED)  ## draw the pictures of the docs anew, from plans of a real server
	@$(BIN)/python -m deletion_jobs.pictures docs/images

.PHONY: lint
lint: $(STAMPS)/lint-python $(STAMPS)/lint-sql  ## check format, types, SQL and that all texts are one

$(STAMPS)/lint-python: $(PYTHON_FILES) pyproject.toml $(INSTALLED) | $(STAMPS)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --diff
	@$(BIN)/mypy
	@touch $@

$(STAMPS)/lint-sql: $(SQL_FILES) $(MIGRATION_FILES) .sqlfluff $(INSTALLED) | $(STAMPS)
	@! grep -nE '	|[[:blank:]]$$' $(SQL_FILES) /dev/null
	@$(BIN)/deletion-jobs lint
	@touch $@

.PHONY: servers
servers: $(INSTALLED)
	@$(BIN)/python -m deletion_jobs.servers prepare

.PHONY: dev-servers
dev-servers: $(INSTALLED)  ## start long-lived servers; prints the lines to export
	@$(BIN)/python -m deletion_jobs.servers dev

.PHONY: stop-dev-servers
stop-dev-servers: $(INSTALLED)  ## remove the long-lived servers with their data
	@$(BIN)/python -m deletion_jobs.servers stop-dev

.PHONY: bench
bench: $(INSTALLED)  ## measure beside what people would use instead
	@$(BIN)/deletion-jobs bench $(BENCH) --engine $(ENGINE) $(ARGS)

.PHONY: clean
clean:  ## remove what make has made in this folder (images and servers stay)
	@rm -rf .venv $(STAMPS) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: clean-images
clean-images: $(INSTALLED)  ## remove the servers' images; the next test builds them anew
	@$(BIN)/python -m deletion_jobs.servers remove-images
