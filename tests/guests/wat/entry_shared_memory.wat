;; As linked for wasi-threads: the memory is imported, and initialized by the first thread.
(module
  (import "env" "memory" (memory 1 4 shared))
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (data $text "one thread\n")
  (func $initialize
    (if (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))
      (then (drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1))))
      (else
        (memory.init $text (i32.const 64) (i32.const 0) (i32.const 11))
        (i32.atomic.store (i32.const 0) (i32.const 2))
        (drop (memory.atomic.notify (i32.const 0) (i32.const -1))))))
  (start $initialize)
  (func (export "wasi_thread_start") (param i32 i32) unreachable)
  (func (export "_start")
    (if (i32.ne (call $spawn (i32.const 64)) (i32.const -6)) (then unreachable))
    (if (i32.ne (memory.atomic.wait32 (i32.const 0) (i32.const 2) (i64.const 1000000000)) (i32.const 2))
      (then unreachable))
    (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))
    (i32.store (i32.const 8) (i32.const 64))
    (i32.store (i32.const 12) (i32.const 11))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))
