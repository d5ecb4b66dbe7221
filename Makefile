# The commands of README.md. Each does its own set-up: a machine needs Debian 12, Python 3.11, git, make and root.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# Runs mostly wait: more of them than cores.
WORKERS ?= $(shell echo $$(($$(nproc) * 2)))
# A service has no HOME, where the cache is.
export HOME ?= $(shell echo ~)
# Nothing of a caller's Docker is used: neither its daemon nor its credentials.
unexport DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG

.PHONY: help setup demo demo-bridge test test-long contract images gitea lint nix-check bench

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile

ifdef RECIPECI_SHELL
# A shell of `nix develop` has everything.
setup:
	@:
else
# `su` without `-` leaves root without the folders of root's programs.
export PATH := $(CURDIR)/$(BIN):$(PATH):/usr/local/sbin:/usr/sbin:/sbin
setup: ## Debian programs, Docker 26.1.5 in .venv/docker, Python packages
	@tools/setup-docker $(VENV)/docker $(PYTHON)
	@tools/setup-python $(PYTHON) $(VENV)
	@$(BIN)/python -m compileall -q -x '/generic/' harness # authors' children write no byte code: it must be there
endif

lint: setup ## ruff, mypy, shellcheck, and the linters of Nix files where they are: make lint [OPTIONS=--versions]
	@tools/lint $(OPTIONS)

nix_check = tools/nix-check $(if $(filter no,$(NIX_CHECK)),--skip)
nix-check: setup ## the Nix files, as far as there is a Nix: make nix-check [NIX_CHECK=no]
	@$(nix_check)

demo: setup ## all tiers of the lab recipe custom-html, from its published version to its head
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	PYTHONPATH=tests python -m lab.repository tests/lab/recipes/custom-html "$$folder/custom-html" >/dev/null; \
	recipeci --recipe custom-html --abra builtin --source "$$folder/custom-html" --images tests/lab/images \
	  --overlays tests/recipes

demo-bridge: setup images gitea ## a real Gitea on loopback, two pull requests, `!testme` under both, the two answers
	@PYTHONPATH=tests python -m lab.demo_bridge

# Both to their ends: what is wrong with the Nix files hides no test's failure.
tested = failed=0; $(nix_check) || failed=1; $(1) || failed=1; exit $$failed

test: lint images gitea ## everything: linters, Nix files, then all tests; prints the seed of what is random: make test [NIX_CHECK=no]
	@$(call tested,python -m pytest -m "not long" -n $(WORKERS) --dist worksteal)

test-long: lint images gitea ## the same with each belief about abra flipped alone, and 20 kills at random moments
	@$(call tested,RECIPECI_KILLS=20 python -m pytest -n $(WORKERS) --dist worksteal)

contract: setup ## what recipeci takes for granted of an abra, checked in a cell: make contract [ABRA=PATH|builtin]
	@recipeci doctor --abra $(or $(ABRA),builtin)

images: setup # once, before tests in parallel would queue for it
	@PYTHONPATH=tests python -m lab.prepare

gitea: setup # the same for the real Gitea: 5 minutes, once; without a Go toolchain its tests are skipped, which is said
	@PYTHONPATH=tests python -m lab.giteabuild

bench: images gitea ## how fast: ratios in one run, written to docs/benchmarks.md
	@PYTHONPATH=tests python bench/compare.py
