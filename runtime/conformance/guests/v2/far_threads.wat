;; A shared memory with 64-bit addresses.
(module
  (memory (export "memory") i64 1 1 shared)
  (func (export "all") (result i64 i32 i32 i32 i64)
    (i64.atomic.rmw.add (i64.const 8) (i64.const 77))
    (memory.atomic.wait64 (i64.const 0) (i64.const 0) (i64.const 3))
    (memory.atomic.wait32 offset=8 (i64.const 0) (i32.const 9) (i64.const -1))
    (memory.atomic.notify (i64.const 8) (i32.const 1))
    (i64.atomic.load (i64.const 8)))
  (func (export "wait for ever") (result i32)
    (memory.atomic.wait64 (i64.const 16) (i64.const 0) (i64.const -1)))
  (func (export "outside") (result i32)
    (memory.atomic.wait64 (i64.const 0x100000000) (i64.const 0) (i64.const -1)))
  (func (export "unaligned") (drop (i64.atomic.load (i64.const 4)))))
