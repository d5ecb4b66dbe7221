# The commands of README.md. Each does its own set-up: a machine needs Debian 12, Python 3.11 and root, nothing else.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Nothing of a caller's Docker is used: neither its daemon nor its credentials.
unexport DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG

.PHONY: help setup demo test test-long lint bench clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile

setup: $(VENV)/.ready ## Python packages, Docker 26.1.5 in .venv/docker, Debian programs
	@tools/setup-docker $(VENV)/docker

$(VENV)/.ready: requirements.lock pyproject.toml
	@tools/setup-python $(PYTHON) $(VENV)

lint: setup ## ruff, mypy, shellcheck; last line `lint: PASS`
	@tools/lint

test: lint ## everything: linters, then all tests
	@python -m pytest -n 3
