;; Writes eight million buffers of no bytes with each call, for ever: looking at them must cost fuel.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1024)
  (func (export "_start")
    (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 8388608) (i32.const 0))) (br 0))))
