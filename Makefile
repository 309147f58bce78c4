# Duet's doors. Everything is made in .venv/ and var/; both can be deleted at any time.
PYTHON ?= python3
PORT ?= 8000
CLIPS ?=
LENGTH ?= 10
RUN := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help venv setup demo test check bench calibration slow sights gpu

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

venv: .venv/.installed ## Install Python packages into .venv

setup: venv ## Install everything that demo and tests need, system packages included
	@.ci/system-packages

demo: venv ## Run the whole line here: PORT=8000, CLIPS=folder of your own videos, LENGTH=seconds a clip
	@.ci/system-packages --no-browser
	@exec $(RUN) manage.py demo --port "$(PORT)" --length "$(LENGTH)" $(if $(CLIPS),--clips "$(CLIPS)")

test: setup ## Run every test, browser included; says what it skips and why
	@.ci/test

check: setup ## ruff, mypy, import directions, migrations, Django's deploy check, compose file, tree size
	@.ci/check

bench: venv ## Compare with peers in one run and print ratios
	@$(RUN) -m tests.benchmarks.win_rates
	@$(RUN) -m tests.benchmarks.ranking
	@$(RUN) -m tests.benchmarks.report
	@$(RUN) -m tests.benchmarks.decoding
	@$(RUN) -m tests.benchmarks.systems
	@$(RUN) -m tests.benchmarks.million

calibration: venv ## Simulated preferences over 100 seeds (slow)
	@$(RUN) -m pytest -m calibration

slow: setup ## Whole trainings, evaluations, and a million answers
	@$(RUN) -m pytest -q -m slow

sights: setup ## Shoot every page: raters' into docs/rater, researchers' into docs/admin
	@$(RUN) -m pytest -q -m sights tests/e2e/test_sights.py tests/e2e/test_desk_sights.py

gpu: venv ## What needs a CUDA device
	@$(RUN) -m pytest -m gpu

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Duet needs Python 3.11 or later and $(PYTHON) is older; name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) .ci/install
	@touch $@
