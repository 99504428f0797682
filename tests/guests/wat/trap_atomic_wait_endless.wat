;; Waits for another thread, which a job does not have.
(module
  (memory (export "memory") 1 1 shared)
  (func (export "_start") (drop (memory.atomic.wait64 (i32.const 8) (i64.const 0) (i64.const -1)))))
