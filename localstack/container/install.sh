#!/bin/bash
# Runs in LocalStack's container before LocalStack starts: installs our plug-in into it, and makes the interpreter that
# functions run in. Setuptools writes beside what it builds, and the sources are mounted to be read only.
set -euo pipefail
scratch=$(mktemp -d)
cp -r /opt/carillon/source/plugin /opt/carillon/source/offline "$scratch"
/opt/code/localstack/.venv/bin/python -m pip install --quiet "$scratch/plugin"
/opt/code/localstack/.venv/bin/python -m venv --clear /opt/carillon/runtime
/opt/carillon/runtime/bin/python -m pip install --quiet --no-deps -r /opt/carillon/source/requirements-runtime.txt
