#!/usr/bin/env bash
# Holds the API of a real node to its OpenAPI description with schemathesis, for a bounded time: `contract.sh [BACALHAU]`.
# Needs `st` (pip install schemathesis==4.32.5) and python3. BACALHAU is the program to check, target/debug/bacalhau by default.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bacalhau=$(realpath "${1:-${CARGO_TARGET_DIR:-$here/../../target}/debug/bacalhau}")
. "$here/../../tests/devstack.sh"
devstack "$bacalhau" --nodes 2

# A job, so that there is something to describe.
printf '(module (memory (export "memory") 1) (func (export "_start")))' >"$dir/one.wat"
"$bacalhau" wasm run "$dir/one.wat" -c 2 --api-host "$api" --output-dir "$dir/out" >/dev/null

cd "$dir"
st --config-file "$here/schemathesis.toml" run "$api/api/v1/openapi.json" --url "$api" --checks all \
    --phases examples,coverage,fuzzing --max-examples 25 --max-time "${SECONDS_AT_MOST:-120}" --continue-on-failure --no-color
