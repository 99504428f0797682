#!/usr/bin/env bash
# Runs one job by the command and in the process of a program in Rust, C, Go and Python. All have one h1: and one claim.
#
#     runtime/five.sh BUILT PYTHON
#
# BUILT is a directory as `cargo build --locked --lib --bins --example embed` makes it: target/debug. PYTHON is an interpreter
# that has the package. Needs gcc, go and pkg-config.
set -euo pipefail
built=$(realpath "${1:?"usage: five.sh BUILT PYTHON"}")
# Not resolved: an interpreter of a virtual environment is a link.
python=$(realpath -s "${2:?"usage: five.sh BUILT PYTHON"}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
module=$here/../wasm-examples/modules/word-count.wasm
input=$here/../wasm-examples/data/texts
export BACALHAU_DIR=$work/data BACALHAU_CACHE_DIR=$work/cache

# One place, which go is told: what pkg-config says is no part of the key of its cache.
prefix=$built/prefix
"$here/capi/install.sh" "$prefix" "$built" >/dev/null
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib CGO_LDFLAGS=-L$prefix/lib
read -ra flags < <(pkg-config --cflags --libs bacalhau_runtime)
gcc -std=gnu11 "$here/capi/examples/run.c" "${flags[@]}" -o "$work/c"
(cd "$here/go" && GOFLAGS=-mod=mod GOTOOLCHAIN=local go build -o "$work/go" ./examples/run)

# What differs from the defaults.
job=$work/job.json
echo '{"args": ["--top", "3"], "env": {"LANG": "C"}, "seed": 7, "limits": {"fuel": 100000000000, "memory_bytes": 67108864}}' >"$job"
"$built/bacalhau" wasm run "$module" -i "$input:/inputs" --env LANG=C --seed 7 --fuel 100000000000 --memory 64MiB \
    --verifier noop --output-dir "$work/command" -- --top 3 >/dev/null 2>"$work/command.log" || {
    cat "$work/command.log" >&2
    exit 1
}
cp "$work"/command/receipt.json "$work/command.json"
"$built/examples/embed" "$module" "$input" "$work/rust.results" "$job" >"$work/rust.json"
"$work/c" "$module" "$input" "$work/c.results" "$job" >"$work/c.json"
"$work/go" "$module" "$input" "$work/go.results" "$job" >"$work/go.json"
"$python" "$here/../python/examples/run.py" "$module" "$input" "$work/python.results" "$job" >"$work/python.json"

"$python" - "$work" <<'PYTHON'
import pathlib
import sys

import bacalhau

work = pathlib.Path(sys.argv[1])
receipts = {}
for name in ("command", "rust", "c", "go", "python"):
    receipts[name] = bacalhau.parse_receipt((work / f"{name}.json").read_bytes())
    results = work / ("command/results" if name == "command" else f"{name}.results")
    h1 = receipts[name]["claim"]["h1"]
    found = bacalhau.dirhash(results, "results")
    if found != h1:
        sys.exit(f"{name}: the results have {found}, and the receipt {h1}")
for name, receipt in receipts.items():
    if receipt["claim"] != receipts["command"]["claim"]:
        sys.exit(f"{name}: {bacalhau.differences(receipts['command'], receipt)}")
print(f"one claim of {', '.join(receipts)}: {receipts['command']['claim']['h1']}")
PYTHON
