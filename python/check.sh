#!/usr/bin/env bash
# Checks the Python package: builds the wheel by the profile for development, installs it into a fresh virtual environment, and
# runs there: types (mypy, stubtest), tests (pytest), the example, and one job beside the other languages.
#
#   python/check.sh [WHEEL] [-- PYTEST ARGS]    with a wheel, that one is checked
#
# The tests of the client need a server: the command that BACALHAU names, or target/debug/bacalhau, or that of the wheel.
# Without one they say what they skip. Needs python3 with venv, and PyPI.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-$here/../target}")
export CARGO_TARGET_DIR=$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wheel=
if (($#)) && [[ $1 != -- ]]; then
    wheel=$(realpath "$1")
    shift
fi
[[ ${1-} != -- ]] || shift

python3 -m venv "$work/venv"
bin=$work/venv/bin
"$bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
if [[ -z $wheel ]]; then
    (cd "$here" && "$bin/maturin" build --profile dev --out "$work/wheel")
    wheel=$(echo "$work"/wheel/*.whl)
fi
"$bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"

# Not from here: what is installed is meant, and not what lies beside this script.
cp -r "$here/tests" "$here/examples" "$here/pyproject.toml" "$work"
cd "$work"
export BACALHAU_CACHE_DIR=$work/cache BACALHAU_DIR=$work/data BACALHAU_TOP=$here/..
if [[ -z ${BACALHAU-} && ! -x $bin/bacalhau && -x $target/debug/bacalhau ]]; then
    export BACALHAU=$target/debug/bacalhau
fi
echo "== types"
"$bin/mypy" --package bacalhau
MYPYPATH=tests "$bin/mypy" tests examples
"$bin/stubtest" bacalhau._native
echo "== tests"
"$bin/pytest" "$@"
echo "== example"
(cd examples && MPLBACKEND=agg "$bin/python" orders.py "$work/orders.png")
[[ -s $work/orders.png ]]
echo "== one job from five languages"
debug=$target/debug
if [[ -x $debug/bacalhau && -x $debug/examples/embed && -e $debug/libbacalhau_runtime_capi.so ]] && command -v go pkg-config >/dev/null; then
    "$here/../runtime/five.sh" "$debug" "$bin/python"
else
    echo "skipped: go, pkg-config, and what \`cargo build --lib --bins --example embed\` makes are needed"
fi
