# `make` lists what there is. Every target prepares what it needs: nothing has to be installed before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
AUDIT := .local/cache/audit

# Recipes name their program first, without a shell around it: then a signal to make reaches the program itself.
export PYTHONPATH := localstack:.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run up down demo status logs admin package deploy rollback destroy test bench chaos check openapi audit sbom lock localstack localstack-down localstack-status localstack-logs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## bring everything up, send an e-mail and a push, follow the logs; Ctrl-C removes it all
	@$(BIN)/python -m offline.stack run

up: $(READY) ## bring everything up and return; again: repair it, and apply changed settings
	@$(BIN)/python -m offline.stack up

down: $(READY) ## end everything, delete its data
	@$(BIN)/python -m offline.stack down

demo: $(READY) ## send an e-mail and a push through the stack that is up
	@$(BIN)/python -m offline.stack demo

status: $(READY) ## what runs, and what waits in the queues
	@$(BIN)/python -m offline.stack status

logs: $(READY) ## follow all logs
	@$(BIN)/python -m offline.stack logs

admin: $(READY) ## an administrator on the stack that is up: make admin EMAIL=ada@example.com
	@$(BIN)/python -m offline.stack admin

localstack: $(READY) ## deploy to a LocalStack on this machine, without Docker; again: repair it, and deploy what changed
	@$(BIN)/python -m offline.cloud up

localstack-down: $(READY) ## end LocalStack and all beside it, delete its data
	@$(BIN)/python -m offline.cloud down

localstack-status: $(READY) ## what runs there, and what waits in the queues
	@$(BIN)/python -m offline.cloud status

localstack-logs: $(READY) ## follow the logs of the deployed functions
	@$(BIN)/python -m offline.cloud logs

package: $(READY) ## build and check the deployment package: make package ARCHITECTURE=arm64 RUNTIME=3.13
	@$(BIN)/python -m infra.build.package --architecture "$(ARCHITECTURE)" --python "$(RUNTIME)"

deploy: $(READY) ## deploy to AWS: make deploy STAGE=dev; sizes with PROFILE=small|production
	@$(BIN)/python -m infra deploy --stage "$(STAGE)" --profile "$(PROFILE)"

rollback: $(READY) ## go back to an earlier release, with the schema of the present one: make rollback STAGE=dev TO=v1.2.3
	@$(BIN)/python -m infra rollback --stage "$(STAGE)" --profile "$(PROFILE)" --to "$(TO)"

destroy: $(READY) ## delete a stage with all its data: make destroy STAGE=dev CONFIRM=dev
	@$(BIN)/python -m infra destroy --stage "$(STAGE)" --confirm "$(CONFIRM)"

test: $(READY) ## every test, on servers of its own
	@$(BIN)/python -m pytest

bench: up ## the latency of an accept on the stack that is up, beside the raw limits of the same run
	@$(BIN)/python -m benchmarks.accept

chaos: $(READY) ## break every part while it accepts, and compare what was promised with what arrived: PROFILE=long SEED=7
	@$(BIN)/python -m tests.chaos

check: $(READY) ## style, types, layers, structure
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy app.py chalicelib infra localstack benchmarks tests
	@$(BIN)/lint-imports
	@$(BIN)/cfn-lint infra/templates/*.yaml
	@$(BIN)/python -m chalicelib.handlers.openapi --check
	@$(BIN)/python -m pytest -q tests/structure

openapi: $(READY) ## write chalicelib/openapi.json anew from the routes
	@$(BIN)/python -m chalicelib.handlers.openapi

audit: $(AUDIT)/.installed ## known vulnerabilities of what ships; one that cannot be looked up counts as one
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --requirement requirements.txt

sbom: $(AUDIT)/.installed ## .local/sbom.json: a CycloneDX bill of the materials that ship
	@$(AUDIT)/bin/cyclonedx-py requirements --output-reproducible --output-format JSON --output-file .local/sbom.json requirements.txt
	@echo "Written: .local/sbom.json"

lock: $(READY) ## resolve requirements*.in into requirements*.txt
	@$(BIN)/pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet $(LOCK) --output-file=requirements.txt requirements.in
	@$(BIN)/pip-compile --quiet $(LOCK) --output-file=requirements-dev.txt requirements-dev.in
	@$(BIN)/pip-compile --quiet $(LOCK) --output-file=requirements-audit.txt requirements-audit.in
	@$(BIN)/pip-compile --quiet $(LOCK) --output-file=localstack/requirements-runtime.txt localstack/requirements-runtime.in
	@$(BIN)/pip-compile --quiet $(LOCK) --output-file=localstack/requirements-localstack.txt localstack/requirements-localstack.in

LOCK := --allow-unsafe --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host

$(AUDIT)/.installed: requirements-audit.txt $(READY)
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/pip install --quiet -r requirements-audit.txt
	@touch $@

$(READY): requirements-dev.txt requirements.txt
	@echo "Preparing $(VENV) (once, about a minute) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Carillon needs Python 3.11 or later; choose one with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python cannot make virtual environments here. Run: sudo apt-get install -y python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet -r requirements-dev.txt
	@touch $@
