#!/usr/bin/env bash
# Gets the node that `tests/v8.rs` compares claims with, from npm, at the version pinned in package-lock.json, into target/v8 or
# BACALHAU_TEST_V8. Debian's node is older and has no exceptions. Without npm it says so; then the test says what it skips.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=${BACALHAU_TEST_V8:-$here/../../../target/v8}
mkdir -p "$place"
if ! command -v npm >/dev/null; then
    echo "npm is not installed, so no current V8 is compared with"
elif ! cmp -s "$here/package-lock.json" "$place/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$place"
    (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund)
    cp "$here/package-lock.json" "$place/installed.json"
fi
