# Sourced by scripts that check the API of real nodes: `devstack BACALHAU FLAGS…` starts nodes in one process, which end with
# the script. $dir is then a temporary directory for the script, and $api the URL of the API.
devstack() {
    local program=$1
    shift
    dir=$(mktemp -d)
    export BACALHAU_DIR=$dir/client
    "$program" devstack --job-selection-data-locality anywhere --output json "$@" >"$dir/stack.json" 2>"$dir/log" &
    stack=$!
    trap 'kill "$stack" 2>/dev/null; wait "$stack" 2>/dev/null || true; rm -rf "$dir"' EXIT
    for _ in $(seq 600); do
        [[ -s $dir/stack.json ]] && break
        kill -0 "$stack" || { cat "$dir/log"; exit 1; }
        sleep 0.1
    done
    api=$(python3 -c 'import json,sys; print(json.load(sys.stdin)["api"])' <"$dir/stack.json")
}
