"""Runs the module of a job on standard input, as JSON, with wasmtime, and prints its exit code."""

import json, sys

from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig

job = json.load(sys.stdin)
config = Config()
config.wasm_exceptions = True
config.wasm_threads = True
config.cache = True
engine = Engine(config)
module = Module.from_file(engine, job["module"])
store = Store(engine)
wasi = WasiConfig()
wasi.argv = job["argv"]
wasi.stdout_file = job["out"]
for host, guest in job["dirs"]:
    wasi.preopen_dir(host, guest)
store.set_wasi(wasi)
linker = Linker(engine)
linker.define_wasi()
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
    code = 0
except ExitTrap as ended:
    code = ended.code
print(code)
