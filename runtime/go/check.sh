#!/usr/bin/env bash
# Builds the package against the C library and tests it: vet, race detector, examples, and the command's own claims.
#
#     runtime/go/check.sh LIBRARIES [BACALHAU]
#
# LIBRARIES is a directory with libbacalhau_runtime_capi.so and .a, as `cargo build` leaves them in target/debug. BACALHAU is
# the command; its claim of a job is compared with that of the package.
set -euo pipefail
libraries=$(realpath "${1:?"usage: check.sh LIBRARIES [BACALHAU]"}")
[[ -z ${2-} ]] || BACALHAU=$(realpath "$2") && export BACALHAU=${BACALHAU-}
cd "$(dirname "$0")"
command -v go >/dev/null || {
    echo "there is no go: install it (Debian: golang-go) to test the package" >&2
    exit 1
}
# One place, which go is told: what pkg-config says is no part of the key of its cache.
prefix=$libraries/prefix
../capi/install.sh "$prefix" "$libraries"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib CGO_LDFLAGS=-L$prefix/lib GOFLAGS=-mod=mod GOTOOLCHAIN=local

unformatted=$(gofmt -l .)
[[ -z $unformatted ]] || {
    echo "not formatted: $unformatted" >&2
    exit 1
}
go vet ./...
go vet -tags nobacalhau ./...
CGO_ENABLED=0 go build ./...
# The client needs neither cgo nor the library.
CGO_ENABLED=0 go test -count=1 ./client
go test -count=1 ./...
go test -count=1 -race -short ./...
