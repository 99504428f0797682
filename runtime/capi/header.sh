#!/usr/bin/env bash
# Compares the header of the C interface with the one that cbindgen writes from the source; `--bless` writes it.
#     runtime/capi/header.sh [--bless]
set -euo pipefail
cd "$(dirname "$0")"
version=0.29.4
cbindgen=${CBINDGEN:-$(command -v cbindgen || true)}
if [[ -z $cbindgen ]]; then
    root=${CARGO_TARGET_DIR:-../../target}/tools
    # It runs for a second, so it is built quickly. What is installed already is not built again.
    cargo install cbindgen --version "$version" --locked --debug --quiet --root "$root"
    cbindgen=$root/bin/cbindgen
fi
[[ $("$cbindgen" --version) == "cbindgen $version" ]] || {
    echo "$cbindgen is not cbindgen $version: another version writes another header" >&2
    exit 1
}
if [[ ${1-} == --bless ]]; then
    "$cbindgen" --config cbindgen.toml --output include/bacalhau_runtime.h .
else
    "$cbindgen" --config cbindgen.toml --output include/bacalhau_runtime.h --verify .
fi
