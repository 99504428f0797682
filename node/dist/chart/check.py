"""Checks the chart: renders it by Go's own template engine, and compares what comes out with the published schema of
Kubernetes, with itself, with the keys of the configuration, and with the jobs that a node makes. Helm itself is not used.

    python3 check.py        needs PyYAML, py-go-template and kubernetes-validate
"""
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import go_template
import kubernetes_validate
import yaml

CHART = Path(__file__).resolve().parent / "bacalhau"
REPOSITORY = CHART.parents[3]
# Version of the schema, which is the one of the API that the node uses.
SCHEMA = "1.33"
# What Helm adds to the values of the user.
RELEASE = {"Name": "front", "Namespace": "jobs"}
CASES = {
    "defaults": {},
    "everything": {
        "shared": {"existingClaim": "nfs", "path": "/shared"},
        "inputs": [{"claim": "sectors", "path": "/var/lib/data"}, {"claim": "more", "path": "/more"}],
        "unsealedPath": "/var/lib/data/{{.Cid}}",
        "config": "[swarm]\nreachable = true\n",
        "data": {"storageClass": "fast"},
        "api": {"allowFrom": [{"podSelector": {"matchLabels": {"app": "client"}}}]},
    },
    "without a network policy": {"networkPolicy": {"enabled": False}},
}


def merged(values, more):
    both = dict(values)
    for key, value in more.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def rendered(values):
    """The objects of all templates, by kind and name."""
    objects = {}
    for template in sorted((CHART / "templates").glob("*.yaml")):
        text = go_template.render(template, {"Values": values, "Release": RELEASE}).decode()
        assert "<no value>" not in text, f"{template.name} uses a value that does not exist:\n{text}"
        for found in yaml.safe_load_all(text):
            if found:
                key = found["kind"], found["metadata"]["name"]
                assert key not in objects, f"{key} is there twice"
                assert found["metadata"]["labels"]["app.kubernetes.io/instance"] == "front"
                kubernetes_validate.validate(found, SCHEMA, strict=True)
                objects[key] = found
    return objects


def known_keys():
    """Keys of the configuration, from the commented default file."""
    keys, section = set(), ""
    for line in (REPOSITORY / "node/dist/config.toml").read_text().splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.match(r"(?:# )?(\w+) = ", line):
            keys.add((section, found[1]))
    return keys


def check_config(text, keys):
    config = tomllib.loads(text)
    for section, values in config.items():
        for key in values:
            assert (section, key) in keys, f"{section}.{key} is not a key of the configuration"
    return config


def check_pod(pod, claims):
    volumes = {volume["name"] for volume in pod["volumes"]} | claims
    for container in pod["containers"]:
        paths = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert len(paths) == len(set(paths)), f"a path is mounted twice: {paths}"
        for mount in container["volumeMounts"]:
            assert mount["name"] in volumes, f"there is no volume {mount['name']}"
        ports = {port["name"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
    return paths, ports


def check(values, keys):
    objects = rendered(values)
    node = objects["StatefulSet", "front"]["spec"]
    labels = node["template"]["metadata"]["labels"]
    assert node["selector"]["matchLabels"].items() <= labels.items()
    claims = {template["metadata"]["name"] for template in node["volumeClaimTemplates"]}
    paths, ports = check_pod(node["template"]["spec"], claims)
    config = check_config(objects["ConfigMap", "front"]["data"]["config.toml"], keys)
    claim, shared = config["kubernetes"]["shared"].split("=")
    assert shared in paths and config["cluster"]["dir"].startswith(shared + "/")
    assert claim == values["shared"]["existingClaim"] or ("PersistentVolumeClaim", claim) in objects
    for data in config["kubernetes"].get("data", []):
        assert data.split("=")[1] in paths, f"the node does not mount {data}"
    worker = config["kubernetes"]["service_account"]
    for account in (worker, node["template"]["spec"]["serviceAccountName"]):
        assert objects["ServiceAccount", account]["automountServiceAccountToken"] is False
    binding = objects["RoleBinding", "front"]
    assert [it["name"] for it in binding["subjects"]] == ["front"], "workers have no role"
    granted = {
        (resource, verb)
        for rule in objects["Role", binding["roleRef"]["name"]]["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    source = (REPOSITORY / "node/kubernetes/src/lib.rs").read_text()
    used = {("jobs", verb) for verb in re.findall(r"self\.jobs\s*\.(create|get|watch|delete)\(", source)}
    used |= {(api, "list") for api in re.findall(r"self\.all\(&self\.(jobs|pods)\)", source)}
    assert granted == used, f"the role grants {granted}, and the node uses {used}"
    for (kind, _), found in objects.items():
        if kind == "Service":
            assert found["spec"]["selector"].items() <= labels.items()
            assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports
    if values["networkPolicy"]["enabled"]:
        policy = objects["NetworkPolicy", "front-worker"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"] and not policy["ingress"] and not policy["egress"]
        manifest = (REPOSITORY / "node/kubernetes/src/manifest.rs").read_text()
        for label, value in policy["podSelector"]["matchLabels"].items():
            assert re.search(rf'"{label}", "{value}"', manifest), f"workers do not have the label {label}={value}"
        assert not policy["podSelector"]["matchLabels"].items() <= labels.items(), "the node is not a worker"
    else:
        assert not any(kind == "NetworkPolicy" for kind, _ in objects)
    return len(objects)


def the_values():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def main():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'^version = "(.*)"', (REPOSITORY / "Cargo.toml").read_text(), re.M)[1]
    assert chart["appVersion"] == version, f"appVersion is {chart['appVersion']}, and the workspace has {version}"
    values, keys = the_values(), known_keys()
    for name, more in CASES.items():
        count = check(merged(merged(values, {"image": "registry.example/bacalhau:1"}), more), keys)
        print(f"{name}: {count} objects")
    job = json.loads((REPOSITORY / "node/kubernetes/tests/job.json").read_text())
    kubernetes_validate.validate(job, SCHEMA, strict=True)
    print("the job of an execution: as the schema wants it")
    # The engine ends its process at an error.
    ended = subprocess.run(
        [sys.executable, "-B", "-c", "import check; check.rendered(check.the_values())"],
        cwd=CHART.parent, capture_output=True, text=True,
    )
    assert ended.returncode and "set image" in ended.stderr, f"without an image: {ended}"
    print("without an image: rejected")


if __name__ == "__main__":
    sys.exit(main())
