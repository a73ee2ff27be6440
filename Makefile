# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything is made in .venv and .cache of this checkout, from nothing but a Python: "make help" lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The environment of every command. Our modules are found by their name through a link tree in .cache/collections.
export LC_ALL := C.UTF-8
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible-home
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH

SUITE := PYTHONPATH=tools .venv/bin/python -m suite
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	--custom-compile-command "make requirements"
PINS := $(COMPILE) requirements.txt

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z0-9]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo 'Part of it: make unit ARGS="-k retention", make lint ARGS=mypy, make sanity ARGS=import. Logs: .cache/logs'

.PHONY: test
test: .venv ## everything that must pass: lint, sanity, unit, integration, oldest, e2e, molecule, docs
	@$(SUITE) lint sanity unit integration oldest e2e molecule docs

.PHONY: lint
lint: .venv ## style, types, layers, documentation, changelog, what the built collection holds
	@$(SUITE) lint -- $(ARGS)

.PHONY: unit
unit: .venv ## plan, parsers, errors: no sockets, no sleeping
	@$(SUITE) unit -- $(ARGS)

.PHONY: integration
integration: .venv ## modules against the simulators and real services
	@$(SUITE) integration -- $(ARGS)

.PHONY: e2e
e2e: .venv ## playbooks as a user runs them
	@$(SUITE) e2e -- $(ARGS)

.PHONY: oldest
oldest: .venv ## unit tests and those marked core_matrix with the oldest supported ansible-core
	@$(SUITE) oldest -- $(ARGS)

.PHONY: molecule
molecule: .venv ## the scenarios of extensions/molecule
	@$(SUITE) molecule -- $(ARGS)

.PHONY: sanity
sanity: .venv ## ansible-test sanity, all of it
	@$(SUITE) sanity -- $(ARGS)

.PHONY: bench
bench: .venv ## speed, memory and requests, beside json.loads and community.proxmox; 10 to 20 minutes
	@PYTHONPATH=tests:.cache/collections .venv/bin/python -m benchmarks $(ARGS)

.PHONY: format
format: .venv ## put Python files in the one form that lint wants
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

.PHONY: docs
docs: .venv ## the documentation as a site in .cache/docs/html
	@$(SUITE) docs

.PHONY: demo
demo: .cache/venv-demo ## the main jobs against the simulators, with what they did explained
	@tools/demo

.PHONY: simulator
simulator: .cache/venv-demo ## the Proxmox simulator in the foreground, for trying things by hand
	@PYTHONPATH=tests .cache/venv-demo/bin/python -m pve_simulator --folder .cache/simulator --scenario demo $(ARGS)

.PHONY: devices
devices: .cache/venv-demo ## the simulated fleet of devices in the foreground, and a command that looks at it
	@tools/devices $(ARGS)

.PHONY: hooks
hooks: .venv ## let git run the quick checks before each commit
	@.venv/bin/pre-commit install

.PHONY: requirements
requirements: .venv ## pin the newest versions of all that pyproject.toml names
	@$(PINS) --group dev --output-file requirements-dev.txt
	@$(PINS) --group oldest --output-file requirements-oldest.txt
	@$(PINS) --group demo --output-file requirements-demo.txt
	@$(COMPILE) --no-deps --group peer --output-file requirements-peer.txt

.PHONY: changelog
changelog: .venv ## write CHANGELOG.rst anew for the version of galaxy.yml, with the modules and roles that are new in it
	@.venv/bin/antsibull-changelog release --reload-plugins --update-existing

.PHONY: clean
clean: ## remove everything that was made
	@rm -rf .venv .cache

# The three environments: each script run is instant when nothing has changed
.PHONY: .venv
.venv: .cache/collections
	@tools/make_venv.sh .venv requirements-dev.txt 3.13 3.12 3.11

.PHONY: .cache/venv-demo
.cache/venv-demo: .cache/collections
	@tools/make_venv.sh .cache/venv-demo requirements-demo.txt 3.13 3.12 3.11

.PHONY: .cache/collections
.cache/collections:
	@mkdir -p .cache/collections/ansible_collections/lifeboat .cache/logs
	@ln -sfn ../../../.. .cache/collections/ansible_collections/lifeboat/backup
