;; Says "first" in the start section and "second" in `_start`.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00\16\00\00\00\07\00\00\00first\nsecond\n")
  (func $say (param i32)
    (if (call $write (i32.const 1) (local.get 0) (i32.const 1) (i32.const 64)) (then unreachable)))
  (func $first (call $say (i32.const 0)))
  (start $first)
  (func (export "_start") (call $say (i32.const 8))))
