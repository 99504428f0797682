#!/bin/sh
# Builds the C guests, whose modules are committed because few machines have the compiler: on Debian 12
#   apt-get install clang lld wasi-libc libclang-rt-dev-wasm32
set -eu
cd "$(dirname "$0")"
for source in c_*.c; do
    clang --target=wasm32-wasi -Os -Wall -Werror -Wl,--strip-all -g0 -o "${source%.c}.wasm" "$source"
done
