#!/usr/bin/env bash
# Checks the Helm chart: see check.py. Go's template engine and the schemas of Kubernetes come from PyPI, into a virtual
# environment below target.
set -euo pipefail
cd "$(dirname "$0")"
venv=../../../target/chart
if ! "$venv/bin/python" -c "import go_template, kubernetes_validate, yaml" 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet py-go-template==1.0.0 PyYAML==6.0.4 kubernetes-validate==1.37.0 || {
        echo "py-go-template or kubernetes-validate cannot be installed, so the chart was not checked"
        exit 0
    }
fi
"$venv/bin/python" check.py
