#!/usr/bin/env bash
# Installs packages, each into an empty directory (a wheel into a fresh virtual environment), runs the README's job with
# the installed command, compares the hash with the README's, and checks the receipt:
#
#   node/dist/try.sh target/packages/*.whl target/packages/*.deb target/packages/*.tar.gz
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")

job=$(sed -n 's/^    cargo run -- \(wasm run .*\)/\1/p' "$top/README.md" | head -1)
expected=$(grep -o 'h1:[A-Za-z0-9+/]*=' "$top/README.md" | head -1)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# has PREFIX: what a package brings beside the command.
has() {
    local file
    for file in share/man/man1/bacalhau{,-serve,-wasm-run}.1.gz share/bash-completion/completions/bacalhau \
        share/fish/vendor_completions.d/bacalhau.fish lib/systemd/system/bacalhau.service; do
        [[ -s $1/$file ]] || { echo "error: the package lacks $file" >&2 && exit 1; }
    done
}

for package; do
    dir=$root/$(basename "$package")
    mkdir "$dir"
    case $package in
    *.whl)
        python3 -m venv "$dir/venv"
        "$dir/venv/bin/pip" install --quiet --no-index "$package"
        bin=$dir/venv/bin
        ;;
    *.deb)
        dpkg-deb --extract "$package" "$dir"
        has "$dir/usr"
        grep -q "^ExecStart=/usr/bin/bacalhau " "$dir/usr/lib/systemd/system/bacalhau.service"
        "$dir/usr/bin/bacalhau" config show --config "$dir/etc/bacalhau/config.toml" >"$dir/shown"
        bin=$dir/usr/bin
        ;;
    *.tar.gz)
        tar --directory "$dir" --strip-components=1 --extract --file "$package"
        has "$dir"
        bin=$dir/bin
        ;;
    *) echo "error: $package is not a package that package.sh makes" >&2 && exit 2 ;;
    esac
    # As on a machine that has never run it.
    run() { (cd "$top" && env -i HOME="$dir/home" PATH="$bin:/usr/bin:/bin" bacalhau "$@"); }
    read -ra words <<<"${job/ -- / --output-dir $dir/out -- }"
    run "${words[@]}" >"$dir/summary"
    grep -qF "$expected" "$dir/summary" || { cat "$dir/summary" && echo "error: $package: not $expected" >&2 && exit 1; }
    run verify "$dir/out/receipt.json" >/dev/null
    echo "$(basename "$package"): $(run --version) runs the README's job: $expected"
done
