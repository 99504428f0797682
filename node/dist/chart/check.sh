#!/usr/bin/env bash
# Checks the Helm chart: see check.py. Go's template engine comes from PyPI, in a virtual environment below target.
set -euo pipefail
cd "$(dirname "$0")"
venv=../../../target/chart
if ! "$venv/bin/python" -c "import go_template, yaml" 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet py-go-template==1.0.0 PyYAML==6.0.4 || {
        echo "py-go-template cannot be installed, so the chart was not checked"
        exit 0
    }
fi
"$venv/bin/python" check.py
