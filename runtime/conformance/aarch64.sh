#!/usr/bin/env bash
# The whole matrix on aarch64: builds `conformance` for it, runs it under emulation, and compares its claims with those of
# this machine as files. Installs nothing; says what to install.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=aarch64-unknown-linux-gnu
sysroot=/usr/aarch64-linux-gnu
missing=()
command -v qemu-aarch64 >/dev/null || missing+=(qemu-user)
command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu)
[[ -e $sysroot/lib/ld-linux-aarch64.so.1 ]] || missing+=(libc6-dev-arm64-cross)
if ((${#missing[@]})); then
    echo "to run this on Debian: apt-get install ${missing[*]}" >&2
    exit 1
fi
if [[ ! -d $(rustc --print target-libdir --target $target) ]]; then
    echo "to run this: rustup target add $target" >&2
    exit 1
fi

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
out=${CARGO_TARGET_DIR:-target}

# With all packages in view, so that what tests have built is used.
cargo build --locked --example conformance
"$out/debug/examples/conformance" claims --out "$out/claims-here.jsonl"
echo "built and run here after $SECONDS s"

# The profile of the tests, so that procedural macros and build scripts are those that are built already.
cargo build --locked --target $target -p bacalhau-conformance --no-default-features --example conformance
echo "built for $target after $SECONDS s"
# A process for each engine: the emulator keeps memory of modules that are gone, some 18 GB for all engines.
emulated() { qemu-aarch64 -L $sysroot "$out/$target/debug/examples/conformance" "$@"; }
: >"$out/claims-aarch64.jsonl"
for engine in $(emulated engines); do
    emulated claims --engine "$engine" --out "$out/claims-of-engine.jsonl"
    cat "$out/claims-of-engine.jsonl" >>"$out/claims-aarch64.jsonl"
done
echo "run under emulation after $SECONDS s"

"$out/debug/examples/conformance" compare "$out/claims-here.jsonl" "$out/claims-aarch64.jsonl"
