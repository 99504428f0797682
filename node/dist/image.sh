#!/usr/bin/env bash
# Builds a container image of a command that is built already, without a registry:
#
#   node/dist/image.sh BINARY [TAG]     by default the tag bacalhau:VERSION; DOCKER=podman builds with podman
#
# The image has the command, the shared libraries that it is linked with (none, if it is static), the certificates that this
# machine trusts, and a user. It runs on the processor of this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:?usage: node/dist/image.sh BINARY [TAG]}
docker=${DOCKER:-docker}
certificates=/etc/ssl/certs/ca-certificates.crt
[[ -x $binary ]] || { echo "error: $binary is not a command; build one: cargo build --release -p bacalhau" >&2 && exit 2; }
[[ -s $certificates ]] || { echo "error: $certificates is missing: apt-get install ca-certificates" >&2 && exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/data" "$root/tmp" "$root/etc"
chmod 1777 "$root/tmp"
install -D -m 755 "$binary" "$root/usr/bin/bacalhau"
strip --strip-debug "$root/usr/bin/bacalhau"
install -D -m 644 "$certificates" "$root$certificates"
install -D -m 644 "$here/config.toml" "$root/etc/bacalhau/config.toml"
echo 'bacalhau:x:65532:65532::/var/lib/bacalhau:/' >"$root/etc/passwd"
echo 'bacalhau:x:65532:' >"$root/etc/group"
# The loader among them. `ldd` fails for a static command.
{ ldd "$binary" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
    install -D -m 755 "$(realpath "$library")" "$root$library"
done

tag=${2:-bacalhau:$("$binary" --version | cut -d ' ' -f 2)}
cp "$here/Dockerfile" "$work/Dockerfile"
# Of two builders, the one without plugins; the file needs no more. Podman has no such switch.
DOCKER_BUILDKIT=0 "$docker" build --quiet --tag "$tag" "$work"
