;; Grows a table by one until it is refused, then writes its size (32 bits) to stdout.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 0 funcref)
  (func (export "_start")
    (loop $more (br_if $more (i32.ne (table.grow (ref.null func) (i32.const 1)) (i32.const -1))))
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 4))
    (i32.store (i32.const 16) (table.size))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))
