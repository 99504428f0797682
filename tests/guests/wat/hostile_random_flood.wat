;; Asks the host for 64 MiB of random bytes, for ever: work of the host must cost fuel too.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1024)
  (func (export "_start")
    (loop (drop (call $random (i32.const 0) (i32.const 67108864))) (br 0))))
