#!/usr/bin/env bash
# Installs the C library, its header and its pkg-config file below PREFIX.
#
#     runtime/capi/install.sh PREFIX [LIBRARIES]
#
# LIBRARIES is a directory with libbacalhau_runtime_capi.so and .a that are built already; by default they are built, in
# release mode. DESTDIR is put before PREFIX, as for make.
set -euo pipefail
prefix=${1:?"usage: install.sh PREFIX [LIBRARIES]"}
cd "$(dirname "$0")"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' ../../Cargo.toml | head -n 1)
abi=1
if [[ -n ${2-} ]]; then
    libraries=$2
else
    cargo build --locked --profile dist -p bacalhau-runtime-capi
    libraries=${CARGO_TARGET_DIR:-../../target}/dist
fi
to=${DESTDIR-}$prefix
mkdir -p "$to/lib/pkgconfig" "$to/include"
install -m 755 "$libraries/libbacalhau_runtime_capi.so" "$to/lib/libbacalhau_runtime.so.$abi.$version"
ln -sf "libbacalhau_runtime.so.$abi.$version" "$to/lib/libbacalhau_runtime.so.$abi"
ln -sf "libbacalhau_runtime.so.$abi" "$to/lib/libbacalhau_runtime.so"
install -m 644 "$libraries/libbacalhau_runtime_capi.a" "$to/lib/libbacalhau_runtime.a"
install -m 644 include/bacalhau_runtime.h "$to/include/bacalhau_runtime.h"
cat > "$to/lib/pkgconfig/bacalhau_runtime.pc" <<PC
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: bacalhau_runtime
Description: A deterministic WebAssembly sandbox
Version: $version
Libs: -L\${libdir} -lbacalhau_runtime
Libs.private: -lpthread -ldl -lm
Cflags: -I\${includedir}
PC
echo "installed libbacalhau_runtime.so.$abi ($version) below $to"
