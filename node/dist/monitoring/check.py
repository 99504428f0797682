"""Checks that the dashboard and the alert rules name only metrics and labels that a node has: METRICS DASHBOARD RULES."""
import json
import re
import sys

# Labels that Prometheus adds, and the metric that it makes for each target.
OF_PROMETHEUS = {"instance", "job", "le"}
MADE = {"up"}


def samples(text):
    """The labels of each sample by its name."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"(\w+)(?:\{(.*)\})? ", line)
        if match and not line.startswith("#"):
            found.setdefault(match[1], set()).update(re.findall(r"(\w+)=\"", match[2] or ""))
    return found


def expressions(dashboard, rules):
    for panel in json.load(open(dashboard))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]
    name = None
    block = open(rules).read()
    for match in re.finditer(r"alert: (\w+)\n\s+expr: (?:>-\n((?:\s{10,}.*\n)+)|(.*)\n)", block):
        name = match[1]
        yield name, match[2] or match[3], ""


def main():
    metrics, dashboard, rules = sys.argv[1:]
    known = samples(open(metrics).read())
    wrong, used = [], set()
    for name, text, legend in expressions(dashboard, rules):
        for metric, selector in re.findall(r"\b(bacalhau_\w+|up)\b(?:\{([^}]*)\})?", text):
            used.add(metric)
            if metric not in known and metric not in MADE:
                wrong.append(f"{name}: there is no metric {metric}")
                continue
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
            labels |= {label for by in re.findall(r"by \(([^)]*)\)", text) for label in re.split(r",\s*", by)}
            labels |= set(re.findall(r"\{\{(\w+)\}\}", legend))
            for label in labels - OF_PROMETHEUS - known.get(metric, set()):
                wrong.append(f"{name}: {metric} has no label {label}")
    base = lambda sample: re.sub(r"_(total|bucket|sum|count)$", "", sample)
    for metric in sorted({base(sample) for sample in known} - {base(metric) for metric in used}):
        wrong.append(f"no panel and no rule shows {metric}")
    if not used or wrong:
        sys.exit("\n".join(wrong) or "no expressions were found")
    print(f"{len(used)} metrics in the dashboard and the rules are those of the node")


main()
