"""An S3 server (moto's), told what to hold line by line: `bucket NAME`, `put BUCKET KEY FILE`,
`marker BUCKET KEY`, `keys BUCKET`."""

import json
import sys

import boto3
from moto.server import ThreadedMotoServer


def say(value):
    print(json.dumps(value), flush=True)


server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://{host}:{port}"
client = boto3.client(
    "s3",
    endpoint_url=address,
    region_name="us-east-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
)
say({"addr": address})
for line in sys.stdin:
    try:
        verb, bucket, *rest = line.rstrip("\n").split(" ", 3)
        if verb == "bucket":
            client.create_bucket(Bucket=bucket)
            say({})
        elif verb == "put":
            key, path = rest
            with open(path, "rb") as file:
                client.put_object(Bucket=bucket, Key=key, Body=file.read())
            say({})
        elif verb == "marker":
            client.put_object(Bucket=bucket, Key=f"{rest[0]}/", Body=b"")
            say({})
        elif verb == "keys":
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            say({"keys": [entry["Key"] for page in pages for entry in page.get("Contents", [])]})
        else:
            say({"error": f"unknown: {verb}"})
    except Exception as error:  # The test shows it.
        say({"error": repr(error)})
