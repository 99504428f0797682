#!/usr/bin/env bash
# Runs the examples as their documentation says, and compares what they print.
#
#     runtime/examples/check.sh BUILT
#
# BUILT is a directory with the command and the examples, as cargo makes it: target/debug.
set -euo pipefail
built=$(realpath "${1:?"usage: check.sh BUILT"}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../wasm-examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
module=$examples/modules/word-count.wasm
texts=$examples/data/texts

expect() {
    [[ $2 == "$3" ]] || {
        echo "$1 printed $2, and $3 is expected" >&2
        exit 1
    }
}

"$built/examples/embed" "$module" "$texts" "$work/results" >"$work/receipt.json"
h1=$(sed -n 's/^ *"h1": "\(.*\)",$/\1/p' "$work/receipt.json")
expect verify "$("$built/examples/verify" "$work/receipt.json" "$module" "/inputs=$texts")" "equal: $h1"
if "$built/examples/verify" "$work/receipt.json" "$module" "/inputs=$examples/modules" 2>"$work/error"; then
    echo "verify takes other inputs" >&2
    exit 1
fi
grep -q "but the job requires" "$work/error"

# The archive as an unsealed copy has it: a file.
BACALHAU_DIR=$work/data "$built/bacalhau" piece --car "$work/texts.car" "$texts" --output json >"$work/piece.json"
root=$(sed -n 's/^ *"\(bafy[a-z2-7]*\)"$/\1/p' "$work/piece.json")
said=$("$built/examples/car_pool" "$module" "$work/texts.car" "$root" "$root" 2>/dev/null)
expect car_pool "$said" "$root: exit 0, $h1"$'\n'"$root: exit 0, $h1"

said=$("$built/examples/service" "$examples/modules/hello.wasm" one two)
expect "service" "$(grep -c '^\(one\|two\): ' <<<"$said")" 2
echo "the examples print what is expected"
