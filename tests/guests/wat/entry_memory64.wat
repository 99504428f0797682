;; Copies a text from a memory with 64-bit addresses to the one that WASI reads.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory $small (export "memory") 1)
  (memory $large i64 2)
  (data (memory $large) (i64.const 70000) "far away\n")
  (data (memory $small) (i32.const 0) "\10\00\00\00\09\00\00\00")
  (func (export "_start")
    (memory.copy $small $large (i32.const 16) (i64.const 70000) (i32.const 9))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
