#!/usr/bin/env bash
# Makes components in Python and JavaScript for the tests, with componentize-py from PyPI and componentize-js from npm, into
# target/components. What is there already is kept. Without pip or npm it says so; then the tests say what they skip.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
place=$here/../../../../target/components
mkdir -p "$place"
place=$(cd "$place" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ -e $place/python.wasm && -e $place/javascript.wasm ]]; then
    exit
fi
if ! command -v npm >/dev/null; then
    echo "npm is not installed, so no component in Python or JavaScript is run"
    exit
fi
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$work" \
    @bytecodealliance/jco@1.35.0 @bytecodealliance/componentize-js@0.23.0
# The interfaces of WASI 0.2 come with jco.
released=$work/node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12
mkdir -p "$work/wit/deps"
cp -r "$released"/wasi-{cli,clocks,filesystem,io,random,sockets} "$work/wit/deps/"
printf 'package test:app;\nworld app { include wasi:cli/command@0.2.12; }\n' > "$work/wit/world.wit"

if ! python3 -m venv "$work/venv"; then
    echo "venv is not installed, so no component in Python is run"
else
    "$work/venv/bin/pip" install --quiet componentize-py==0.25.1
    (cd "$here" && "$work/venv/bin/componentize-py" --wit-path "$work/wit" --world app \
        componentize app --output "$work/python.wasm")
    mv "$work/python.wasm" "$place"
fi
cat > "$work/make.mjs" <<'JS'
import { componentize } from "@bytecodealliance/componentize-js";
import { writeFileSync } from "fs";
const [source, wit, output] = process.argv.slice(2);
const disableFeatures = ["http", "fetch-event"];
const { component } = await componentize({ sourcePath: source, witPath: wit, worldName: "app", disableFeatures });
writeFileSync(output, component);
JS
node "$work/make.mjs" "$here/app.js" "$work/wit" "$work/javascript.wasm"
mv "$work/javascript.wasm" "$place"
