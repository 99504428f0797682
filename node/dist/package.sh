#!/usr/bin/env bash
# Builds packages of the command into target/packages:
#
#   node/dist/package.sh [wheel] [deb] [archive]    by default all three, each from a release build
#   node/dist/package.sh --trial BINARY             a .deb of a command that is built already, for tests: not compressed
#
# wheel     the package for Python with the command, manylinux, needs maturin (pip install maturin)
# deb       needs dpkg-dev
# archive   a static command, needs musl-tools and the target *-unknown-linux-musl
#
# try.sh installs a package into an empty directory and runs a job with it.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR=$target
packages=$target/packages
# Nothing in a package depends on the time at which it is made.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
mkdir -p "$packages"
work=$(mktemp -d)
data=python/bacalhau._native.data
trap 'rm -rf "$work" "$data"' EXIT

need() { command -v "$1" >/dev/null || { echo "error: $1 is missing: $2" >&2 && exit 2; }; }

# release [--target TARGET]: builds the command.
release() { cargo build --profile dist --locked --package bacalhau --features docker "$@"; }

version() { "$1" --version | cut -d ' ' -f 2; }

# stage BINARY PREFIX: the command and what belongs to it.
stage() {
    local share=$2/share
    install -D -m 755 "$1" "$2/bin/bacalhau"
    strip --strip-debug "$2/bin/bacalhau"
    "$1" man "$share/man/man1"
    gzip --no-name --best "$share"/man/man1/*
    mkdir -p "$share"/bash-completion/completions "$share"/{fish/vendor_completions.d,zsh/site-functions}
    "$1" completion bash >"$share/bash-completion/completions/bacalhau"
    "$1" completion fish >"$share/fish/vendor_completions.d/bacalhau.fish"
    "$1" completion zsh >"$share/zsh/site-functions/_bacalhau"
    install -D -m 644 node/dist/bacalhau.service "$2/lib/systemd/system/bacalhau.service"
    install -D -m 644 -t "$share/doc/bacalhau" node/dist/config.toml LICENSE-APACHE LICENSE-MIT
    gzip --no-name --best <CHANGELOG.md >"$share/doc/bacalhau/changelog.gz"
    chmod -R u=rwX,go=rX "$2"
}

wheel() {
    need maturin "pip install maturin"
    release
    # Beside the package, the wheel has the command: maturin takes it from here.
    local scripts=$data/scripts
    install -D -m 755 "$target/dist/bacalhau" "$scripts/bacalhau"
    strip --strip-debug "$scripts/bacalhau"
    (cd python && maturin build --profile dist --out "$packages")
}

# deb BINARY COMPRESSION
deb() {
    need dpkg-shlibdeps "apt-get install dpkg-dev"
    local tree=$work/deb version
    version=$(version "$1")
    stage "$1" "$tree/usr"
    mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
    sed -i "s|/usr/local/bin/|/usr/bin/|" "$tree/usr/lib/systemd/system/bacalhau.service"
    local doc=$tree/usr/share/doc/bacalhau
    install -d "$tree/etc/bacalhau"
    mv "$doc/config.toml" "$tree/etc/bacalhau/"
    cat - LICENSE-MIT >"$doc/copyright" <<END
Upstream: https://github.com/bacalhau-project/bacalhau
Licensed under Apache-2.0 (/usr/share/common-licenses/Apache-2.0) or MIT, at your option:

END
    rm "$doc"/LICENSE-*

    # dpkg-shlibdeps wants a source package around it.
    mkdir -p "$work/source/debian" "$tree/DEBIAN"
    touch "$work/source/debian/control"
    local depends
    depends=$(cd "$work/source" && dpkg-shlibdeps -O "$tree/usr/bin/bacalhau")
    cat >"$tree/DEBIAN/control" <<END
Package: bacalhau
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The bacalhau contributors <noreply@github.com>
Section: net
Priority: optional
Homepage: https://github.com/bacalhau-project/bacalhau
Installed-Size: $(du -sk "$tree/usr" | cut -f 1)
Depends: ${depends#*=}
Recommends: ca-certificates
Description: WebAssembly programs next to data, with verified results
 Runs a WebAssembly program on several nodes, next to the data that it reads,
 and accepts a result when enough independent executions agree on its hash.
 The service is neither enabled nor started by the installation.
END
    echo /etc/bacalhau/config.toml >"$tree/DEBIAN/conffiles"
    local script
    for script in postinst prerm postrm; do
        install -m 755 "node/dist/deb/$script" "$tree/DEBIAN/$script"
    done
    (cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    dpkg-deb --root-owner-group "$2" --build "$tree" "$packages/bacalhau_${version}_$(dpkg --print-architecture).deb"
}

# archive BINARY
archive() {
    local name
    name=bacalhau-$(version "$1")-$musl
    stage "$1" "$work/$name"
    tar --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --create "$name" | gzip --no-name --best >"$packages/$name.tar.gz"
}

if [[ ${1-} == --trial ]]; then
    [[ -x ${2-} ]] || { echo "error: ${2-} is not a command: build it, or give its path" >&2 && exit 2; }
    deb "$2" -Znone
    exit
fi

musl=$(uname -m)-unknown-linux-musl
(($#)) || set -- wheel deb archive
for package; do
    case $package in
    wheel) wheel ;;
    deb)
        release
        deb "$target/dist/bacalhau" -Zxz
        ;;
    archive)
        need musl-gcc "apt-get install musl-tools"
        rustup target add "$musl"
        release --target "$musl"
        archive "$target/$musl/dist/bacalhau"
        ;;
    *) echo "error: no such package: $package (wheel, deb or archive)" >&2 && exit 2 ;;
    esac
done
(cd "$packages" && sha256sum bacalhau* >SHA256SUMS)
ls -lh "$packages"
