#!/bin/bash
# Runs in LocalStack's container before LocalStack starts: installs our plug-in into it, and makes the interpreter that
# functions run in: of the version that deploys, which the image does not have. Setuptools writes beside what it builds, and
# the sources are mounted to be read only.
set -euo pipefail
scratch=$(mktemp -d)
cp -r /opt/carillon/source/plugin /opt/carillon/source/offline "$scratch"
/opt/code/localstack/.venv/bin/python -m pip install --quiet "$scratch/plugin" uv
uv=/opt/code/localstack/.venv/bin/uv
"$uv" venv --quiet --clear --no-project --python "$CARILLON_PYTHON" /opt/carillon/runtime
"$uv" pip install --quiet --no-deps --python /opt/carillon/runtime/bin/python -r /opt/carillon/source/requirements-runtime.txt
