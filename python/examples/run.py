"""Runs a job over a directory in this process, and prints the receipt.

    python run.py MODULE INPUT RESULTS [JOB.json]
"""

import json
import sys
from pathlib import Path

import bacalhau


def main(module: str, source: str, results: str, job_file: str | None = None) -> None:
    # The file has what differs from the defaults.
    job = json.loads(Path(job_file).read_bytes()) if job_file else {}
    result = bacalhau.Runtime().run(module, inputs={"/inputs": source}, results=results, **job)
    json.dump(result.receipt, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
