# `make demo` and `make test` are all that a fresh machine needs: each makes .venv, installs, and does its job.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test test-all lint types bench docs accuracy clean

help:
	@echo "make demo      train and route a small mixture on handwritten digits"
	@echo "make test      ruff, mypy and the quick tests"
	@echo "make test-all  the same with the slow tests"
	@echo "make bench     measure against dense and Hugging Face"
	@echo "make lint      ruff and mypy only"
	@echo "make docs      write the generated pages of docs/ again"
	@echo "make accuracy  compare the simulator with measured tables (DATA=FOLDER) and write docs/accuracy.md"
	@echo "make clean     remove .venv and build/"

demo: $(STAMP)
	@echo "==> chunkc demo"
	@$(BIN)/chunkc demo

test: lint
	@echo "==> pytest (quick tests)"
	@$(BIN)/pytest -q -n 2

test-all: lint
	@echo "==> pytest (all tests)"
	@$(BIN)/pytest -q -n 2 -m ""

lint: $(STAMP) build/typing/chunkc
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@echo "==> mypy"
	@$(BIN)/mypy

bench: $(STAMP)
	@echo "==> benchmarks"
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.kernels
	@$(BIN)/python -m benchmarks.engine

docs: $(STAMP)
	@echo "==> docs"
	@$(BIN)/python docs/make_ops.py
	@$(BIN)/python docs/make_passes.py
	@$(BIN)/python docs/make_targets.py
	@$(BIN)/python docs/make_simulated.py

DATA ?= ../shared/data/measured
accuracy: $(STAMP)
	@echo "==> accuracy"
	@$(BIN)/python docs/make_accuracy.py --data $(DATA)

# Installed again only when what is to be installed changed.
$(STAMP): pyproject.toml constraints.txt
	@echo "==> installing into $(VENV) (the first time takes a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -c constraints.txt -e ".[test]"
	@touch $@

# mypy sees the checkout under its installed name through this link.
build/typing/chunkc:
	@mkdir -p build/typing
	@ln -sfn ../.. $@

clean:
	rm -rf $(VENV) build dist *.egg-info
