;; Ends the program from the start section, with code 7: `_start` is never called.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $first (call $exit (i32.const 7)))
  (start $first)
  (func (export "_start") unreachable))
