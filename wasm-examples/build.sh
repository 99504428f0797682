#!/usr/bin/env bash
# Builds the example guests and puts them into modules/, where they are committed.
#   ./build.sh           build, check and copy
#   ./build.sh --check   build and check, copy nothing
# The check: no module holds a path of this machine, so that everybody who has the same toolchain gets the same bytes.
set -euo pipefail
cd "$(dirname "$0")"

case "${1-}" in
    "" | --check) ;;
    *) echo "usage: build.sh [--check]" >&2; exit 2 ;;
esac

target=wasm32-wasip1
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
# Encoded, because a path may hold spaces; the separator is the ASCII unit separator.
flags=(
    "--remap-path-prefix=$PWD=/examples"
    "--remap-path-prefix=$cargo_home=/cargo"
    "--remap-path-prefix=$sysroot=/rust"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}") \
    cargo build --release --locked --target "$target" --target-dir target

built=(hello word-count csv-report thumbnails log-search monte-carlo merkle-root)
for name in "${built[@]}"; do
    module=target/$target/release/$name.wasm
    for path in "$PWD" "$cargo_home" "$sysroot" "$HOME/"; do
        if grep --quiet --text --fixed-strings -- "$path" "$module"; then
            echo "$module holds the path $path of this machine; add it to the remapped prefixes" >&2
            exit 1
        fi
    done
    if [ "${1-}" != --check ]; then
        mkdir -p modules
        cp "$module" "modules/$name.wasm"
    fi
    printf '%9d  %s\n' "$(wc -c < "$module")" "$name.wasm"
done
