#!/usr/bin/env bash
# Builds the support module into ../support.wasm, where it is committed.
#   ./build.sh           build, check and copy
#   ./build.sh --check   build, and compare with the committed file
# The bytes depend on the Rust release, not on the machine or the directory; the committed ones were built with Rust 1.95.0.
set -euo pipefail
cd "$(dirname "$0")"

case "${1-}" in
    "" | --check) ;;
    *) echo "usage: build.sh [--check]" >&2; exit 2 ;;
esac

target=wasm32-wasip1
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
# No C library and no start files: all that it imports is preview 1.
flags=(
    "--remap-path-prefix=$PWD=/support"
    "--remap-path-prefix=$cargo_home=/cargo"
    "--remap-path-prefix=$sysroot=/rust"
    "-Clink-self-contained=no"
    "-Clink-arg=--no-entry"
    "-Clink-arg=-zstack-size=16384"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}") \
    cargo build --release --locked --target "$target" --target-dir "${SUPPORT_TARGET_DIR:-target}"

module=${SUPPORT_TARGET_DIR:-target}/$target/release/support.wasm
for path in "$PWD" "$cargo_home" "$sysroot" "$HOME/"; do
    if grep --quiet --text --fixed-strings -- "$path" "$module"; then
        echo "$module holds the path $path of this machine; add it to the remapped prefixes" >&2
        exit 1
    fi
done
if [ "${1-}" = --check ]; then
    cmp "$module" ../support.wasm
else
    cp "$module" ../support.wasm
fi
printf '%9d  support.wasm\n' "$(wc -c < "$module")"
