;; A reactor: `compute` says what `_initialize` has left in memory. `_start` would trap.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\0c\00\00\00not yet set\n")
  (data $ready "initialized\n")
  (func (export "_initialize") (memory.init $ready (i32.const 16) (i32.const 0) (i32.const 12)))
  (func (export "compute")
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)) (then unreachable)))
  (func (export "_start") unreachable))
