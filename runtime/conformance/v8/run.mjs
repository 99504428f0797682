// Runs the cases of a directory in V8 and prints a claim for each, as one line of JSON.
//
//   node run.mjs DIRECTORY
//
// DIRECTORY holds instrumented modules and `cases.json`: a list of { name, module, function, fuel, stack }, the last
// two as text. What would lose bits on its way through JavaScript stays out: functions take nothing and give, as
// exported globals hold, only i32 and i64. It knows nothing of the claims that are expected.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2];
const RESERVED = "__bacalhau";

// Words of V8 for traps. It has one sentence for a call of nothing and for one with another signature, and one for a
// conversion of NaN and for one of a float that is too large.
const TRAPS = [
  ["unreachable", "unreachable"],
  ["divide by zero", "division-by-zero"],
  ["remainder by zero", "division-by-zero"],
  ["divide result unrepresentable", "integer-overflow"],
  ["float unrepresentable in integer range", "float-unrepresentable"],
  ["memory access out of bounds", "memory-out-of-bounds"],
  ["data segment", "memory-out-of-bounds"],
  ["table index is out of bounds", "table-out-of-bounds"],
  ["table access out of bounds", "table-out-of-bounds"],
  ["element segment", "table-out-of-bounds"],
  ["function signature mismatch", "null-or-bad-signature"],
  ["rethrowing null value", "null-reference"],
  ["dereferencing a null pointer", "null-reference"],
  ["operation does not support unaligned accesses", "unaligned-atomic"],
  ["Atomics.wait cannot be called", "wait-on-unshared-memory"],
];

function endOf(error, exports) {
  if (error instanceof WebAssembly.Exception) return "trap uncaught-exception";
  if (!(error instanceof WebAssembly.RuntimeError)) return `host: ${error}`;
  const trap = TRAPS.find(([words]) => error.message.includes(words));
  if (!trap) return `host: ${error.message}`;
  const full = trap[1] === "unreachable" && exports[`${RESERVED}_stack`].value < 0n;
  return full ? "stack full" : `trap ${trap[1]}`;
}

function bits(value) {
  if (typeof value === "bigint") return `i64:${BigInt.asUintN(64, value).toString(16).padStart(16, "0")}`;
  if (Number.isInteger(value)) return `i32:${(value >>> 0).toString(16).padStart(8, "0")}`;
  throw new Error(`a value that loses its bits in JavaScript: ${value}`);
}

function isMutable(global) {
  try {
    global.value = global.value;
    return true;
  } catch {
    return false;
  }
}

function stateOf(exports) {
  const digest = createHash("sha256");
  const globals = {};
  for (const name of Object.keys(exports).filter((name) => !name.startsWith(RESERVED)).sort()) {
    const value = exports[name];
    if (value instanceof WebAssembly.Memory) {
      digest.update(`${name} ${value.buffer.byteLength}\n`);
      digest.update(new Uint8Array(value.buffer));
    } else if (value instanceof WebAssembly.Global && isMutable(value)) {
      globals[name] = bits(value.value);
    }
  }
  return { globals, memory: digest.digest("hex") };
}

function run({ name, module, ...limits }) {
  const claim = { case: name, end: "return", fuel: 0, ...stateOf({}), results: [] };
  let exports;
  try {
    exports = new WebAssembly.Instance(compile(module)).exports;
  } catch (error) {
    claim.end = endOf(error, {});
    return claim;
  }
  const counter = exports[`${RESERVED}_fuel`];
  const limit = BigInt(limits.fuel);
  counter.value = limit;
  exports[`${RESERVED}_stack`].value = BigInt(limits.stack);
  try {
    exports[`${RESERVED}_start`]?.();
    const result = exports[limits.function]();
    claim.results = (Array.isArray(result) ? result : result === undefined ? [] : [result]).map(bits);
  } catch (error) {
    claim.end = endOf(error, exports);
  }
  if (counter.value < 0n) {
    claim.end = "out of fuel";
    claim.results = [];
  }
  claim.fuel = Number(counter.value < 0n ? limit : limit - counter.value);
  Object.assign(claim, stateOf(exports));
  // A store that lies partly outside may have written the part inside.
  if (claim.end === "trap memory-out-of-bounds") claim.memory = stateOf({}).memory;
  return claim;
}

const compiled = new Map();
function compile(module) {
  if (!compiled.has(module)) compiled.set(module, new WebAssembly.Module(readFileSync(join(directory, module))));
  return compiled.get(module);
}

for (const limits of JSON.parse(readFileSync(join(directory, "cases.json"), "utf8"))) {
  console.log(JSON.stringify(run(limits)));
}
