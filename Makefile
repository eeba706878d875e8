# The two commands of the README are `make run` and `make test`; both do their own set-up.

VENV ?= .venv
PY = $(VENV)/bin/python
STAMP = .make
ARGS ?=
TEST_PROCESSES ?= 2

.PHONY: package run test lint types unit web web-check bench soak screenshots openapi docs setup setup-dev audit sbom clean help

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: setup web ## Start the server on http://127.0.0.1:6185
	@exec $(PY) -m astrbot_like run $(ARGS)

setup: $(STAMP)/installed

$(STAMP)/venv: scripts/find_python.sh
	@mkdir -p $(STAMP)
	@test -x $(PY) || { python=$$(scripts/find_python.sh) && echo "using $$python" && "$$python" -m venv $(VENV); }
	@touch $@

$(STAMP)/installed: $(STAMP)/venv pyproject.toml
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

setup-dev: $(STAMP)/installed-dev

$(STAMP)/installed-dev: $(STAMP)/installed pyproject.toml
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The web UI is built when its sources are newer than the last build. Without Node the server still starts and says so.
web: ## Build the web UI into the package
	@scripts/build_web.sh

test: setup-dev web ## Lint, types, import rules, unit, integration, plugin and browser tests
	@scripts/system_packages.sh chromium:chromium ffmpeg:ffmpeg redis-server:redis-server || true
	@$(MAKE) --no-print-directory lint types web-check
	@$(PY) -m pytest -n $(TEST_PROCESSES) --dist loadgroup $(ARGS)

lint: setup-dev ## Style and import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/lint-imports

types: setup-dev ## Static types
	@$(VENV)/bin/pyright --pythonpath $(PY)

web-check: web ## Lint, types and unit tests of the web UI
	@cd dashboard && npm run --silent lint && npm run --silent type-check && npm run --silent test:unit

unit: setup-dev ## Fast tests only
	@$(PY) -m pytest tests/unit -n $(TEST_PROCESSES) $(ARGS)

bench: setup-dev ## Measure and print the tables of docs/benchmarks.md
	@$(PY) -m astrbot_like bench $(ARGS)

soak: setup-dev ## The long fuzz, crash and soak runs (half an hour and more)
	@$(PY) -m pytest -m soak --timeout 14400 -n 0 $(ARGS)

screenshots: setup-dev web ## Pictures of every page in both languages, light, dark and phone size
	@$(PY) scripts/screenshots.py $(ARGS)

openapi: setup ## Write the contract and the frames' schemas
	@$(PY) -m astrbot_like openapi --write

audit: setup-dev ## Known vulnerabilities in what is installed and in the web UI
	@$(PY) -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7,<3' && $(PY) scripts/audit.py

sbom: setup-dev ## Bills of materials (CycloneDX) of the Python packages and of the web UI
	@$(PY) -m pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7,<8' && $(PY) -m scripts.sbom

package: setup-dev ## A wheel and a source distribution, with the web UI and the bundled plugins
	@scripts/build_web.sh --strict && mkdir -p build
	@$(PY) -m pip install --quiet --disable-pip-version-check 'build>=1.2,<2' && $(PY) -m build --outdir dist . >build/package.log \
		|| { tail -20 build/package.log; exit 1; }
	@ls dist

clean: ## Remove what was built
	@rm -rf $(STAMP) $(VENV) build dist astrbot_like/web dashboard/node_modules dashboard/dist
