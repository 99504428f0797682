#!/usr/bin/env bash
# Makes components of modules for preview 1, with the adapter of the Bytecode Alliance that jco brings
# (wasi_snapshot_preview1.command.wasm, Apache-2.0 WITH LLVM-exception). They are committed.
set -euo pipefail
cd "$(dirname "$0")"
for name in c_directories c_links c_time; do
    npx --yes @bytecodealliance/jco@1.35.0 new "../../../guests/c/$name.wasm" --wasi-command -o "$name.wasm"
done
