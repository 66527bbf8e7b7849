# make setup   what is missing: .venv with the console script, Asterisk, Debian packages for the tests
# make demo    a whole hotline with simulated callers and agents; SECONDS=60 stops it by itself
# make test    the whole suite, on a real Asterisk
# make chaos   that traffic while daemon, links, database, phones and Asterisk fail at random; SECONDS=300 SEED=n
# make soak    that traffic for MINUTES=30: memory, open files, tasks and the like over time, and their slopes
# make bench   the benchmark against app_queue and a bare Dial; QUICK=1 takes a short look
# make faults  runs the tests about faults alone, and writes docs/faults.md from what they measured
# make audit   known weaknesses of what requirements.lock names; exit 3: the advisories cannot be reached
# make lint    ruff, mypy --strict, import contracts
# make prompts speaks asterisk-conf/sounds/prompts.yaml anew
# make states  draws docs/states.md from the tables of the brain
# make lock    renews requirements.lock from pyproject.toml

.DEFAULT_GOAL := setup
.PHONY: setup demo test chaos soak bench faults lint audit prompts states lock
# A shell may have SECONDS of its own (bash counts them); only `make demo SECONDS=…` or `make chaos SECONDS=…` is meant.
SECONDS_GIVEN := $(if $(filter command line,$(origin SECONDS)),$(SECONDS))

# Where a shell forbids bytecode, every start of a daemon would compile all of it again: a second of its start.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# Most of the time tests wait for calls to go their way: three workers keep two cores two thirds busy.
# Long files come first as they stand (e2e before unit), so that no worker is left alone with one of them in the end.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder
SETUP := python3 acd/lab/setup.py

setup:
	@$(SETUP) venv asterisk

demo:
	@$(SETUP) venv asterisk
	@$(BIN)/python -m acd.lab.demo $(if $(SECONDS_GIVEN),--seconds $(SECONDS_GIVEN))

test:
	@$(SETUP) venv asterisk tests
	@$(BIN)/pytest $(or $(ARGS),$(SPREAD))

chaos:
	@$(SETUP) venv asterisk
	@$(BIN)/python -m acd.lab.chaos --seconds $(or $(SECONDS_GIVEN),300) $(if $(SEED),--seed $(SEED))

soak:
	@$(SETUP) venv asterisk
	@$(BIN)/python -m acd.lab.soak --minutes $(or $(MINUTES),30)

bench: export QUICK := $(QUICK)
bench:
	@$(SETUP) venv asterisk
	@$(BIN)/python -m acd.lab.bench $(ARGS)

faults:
	@$(SETUP) venv asterisk tests
	@$(BIN)/pytest -m fault --faults-table=docs/faults.md $(or $(ARGS),$(SPREAD))

lint:
	@$(SETUP) venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

audit:
	@$(SETUP) venv audit
	@$(BIN)/python -m acd.lab.audit

prompts:
	@$(SETUP) venv prompts
	@$(BIN)/python -m acd.lab.prompts

states:
	@$(SETUP) venv
	@$(BIN)/python -m acd.lab.states

lock:
	@$(SETUP) lock
