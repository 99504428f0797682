#!/usr/bin/env bash
# Checks the alert rules and the dashboard against the metrics of real nodes: `check.sh [BACALHAU]`. Needs promtool (Debian:
# prometheus), curl and python3. BACALHAU is the program to check, target/debug/bacalhau by default.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bacalhau=${1:-${CARGO_TARGET_DIR:-$here/../../../target}/debug/bacalhau}

promtool check rules "$here/alerts.yml"
promtool test rules "$here/alerts.test.yml"

. "$here/../../../tests/devstack.sh"
devstack "$bacalhau" --nodes 3 --bad-actors 1

# Jobs with and without a verdict, so that each metric has values.
cat >"$dir/one.wat" <<'WAT'
(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 0))))
WAT
"$bacalhau" wasm run "$dir/one.wat" -c 3 --min-bids 3 --api-host "$api" --output-dir "$dir/out" >/dev/null
# An answer that a limit refuses: bacalhau_http_refused_total has no line before.
curl -s -o /dev/null -H 'Host: evil.example' "$api/api/v1/jobs"

for path in /metrics /debug/metrics; do
    curl -sf "$api$path" >"$dir/metrics"
    # The format of Prometheus has no line with the end, and counters with their suffix.
    grep -v '^# EOF' "$dir/metrics" | sed -E '/^# (TYPE|HELP) [a-z_0-9]+/{
        /^# TYPE [a-z_0-9]+ counter/s/^(# TYPE [a-z_0-9]+)/\1_total/
    }' >"$dir/plain"
    python3 - "$dir/plain" <<'PY'
import re, sys
path = sys.argv[1]
text = open(path).read()
counters = set(re.findall(r"^# TYPE (\w+)_total counter", text, re.M))
text = re.sub(r"^# HELP (\w+)", lambda m: f"# HELP {m[1]}_total" if m[1] in counters else m[0], text, flags=re.M)
open(path, "w").write(text)
PY
    promtool check metrics <"$dir/plain"
done
# A node that requests jobs and one that runs them have other metrics.
for node in $(python3 -c 'import json,sys; print(*(node["api"] for node in json.load(sys.stdin)["nodes"]))' <"$dir/stack.json"); do
    curl -sf "$node/metrics" >>"$dir/all"
done
python3 "$here/check.py" "$dir/all" "$here/dashboard.json" "$here/alerts.yml"
