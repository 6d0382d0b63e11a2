# Everything runs in .venv, which `make install` makes from the lock file with Python 3.11+ and pip.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow lint format check bench bench-nights bench-lists bench-days spark bench-spark quality compare docs pictures numbering vendor sample lock clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## make .venv with everything that development needs

.venv/installed: locks/requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: install  ## install, then scan the synthetic records of sample_data/
	$(BIN)/cdr-anomaly scan sample_data/calls --entities sample_data/entities.csv --rows 12

# A worker a core; the one that ends first takes over tests of the other one.
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses logical --dist worksteal

test: install  ## install, then run the tests, but for the slow ones
	TZ=UTC $(PYTEST) -m "not slow"

test-slow: install  ## run the tests that take minutes: kills, browsers, Spark, whole cities
	TZ=Asia/Shanghai $(PYTEST) -m slow

lint: install  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install  ## mend what can be mended of the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test test-slow  ## all that CI checks

N ?= 10_000_000
bench: install .venv-peers/installed  ## time a scan beside its peers; make bench N=100_000_000
	PYTHONPATH=. $(BIN)/python benchmarks/run.py --calls $(N) --peers .venv-peers/bin/python $(if $(BEFORE),--before $(BEFORE))
	PYTHONPATH=. $(BIN)/python benchmarks/steps.py
	PYTHONPATH=. $(BIN)/python benchmarks/start_up.py

bench-nights: install  ## time nights with little and with much to remember
	PYTHONPATH=. $(BIN)/python benchmarks/nights.py --folder .bench-nights
	rm -rf .bench-nights

LINES ?= 50_000
bench-lists: install  ## time who works one list with whom; make bench-lists LINES=5_000
	PYTHONPATH=. $(BIN)/python benchmarks/lists.py --lines $(LINES)

bench-days: install  ## time as many calls on one day and on a year of days
	PYTHONPATH=. $(BIN)/python benchmarks/days.py

spark: .venv/spark  ## install Spark into .venv, so that its tests are not skipped; Java is yours

.venv/spark: locks/spark.lock .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

SIZES ?= 10_000_000 50_000_000
bench-spark: spark  ## time Spark beside the local engine, and write the figures of docs/scale.md
	PYTHONPATH=. $(BIN)/python benchmarks/spark.py --calls $(SIZES)

SICHUAN ?= ../shared/data/sichuan/sichuan_features.parquet
quality: install .venv-quality/installed  ## write docs/quality.md: how good the lists are, beside peers
	PYTHONPATH=. $(BIN)/python -m benchmarks.quality --peers .venv-quality/bin/python --sichuan $(SICHUAN)

.venv-quality/installed: benchmarks/peers/quality-requirements.txt
	$(PYTHON) -m venv .venv-quality
	.venv-quality/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.venv-peers/installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

compare: install  ## compare what is found with what the tagged commit finds, frame by frame
	$(BIN)/python -m tools.compare_with_tag

numbering: install  ## make the numbering tables again from phonenumbers
	$(BIN)/python tools/numbering_tables.py

pictures: install  ## take the pictures of pages that docs/ shows, in a browser
	TZ=UTC PICTURES=docs $(BIN)/python -m pytest --quiet tests/reports/html/test_screenshots.py

vendor: install  ## fetch the scripts that pages hold, from npm
	$(BIN)/python tools/vendor.py

docs: install  ## write the reference pages and the picture again
	$(BIN)/python tools/reference.py

sample: install  ## make sample_data/ again, the same bytes on the same Polars and NumPy
	$(BIN)/cdr-anomaly simulate --out sample_data --days 36 --lines 1600 --seed 1

lock: install  ## resolve the dependencies again
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev pyproject.toml --output-file locks/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra spark --constraint locks/requirements.lock pyproject.toml --output-file locks/spark.lock

clean:  ## remove what was made
	rm -rf .venv .venv-peers .venv-quality .bench-nights .bench-quality .venv-tagged .net .mypy_cache .pytest_cache .ruff_cache .hypothesis
