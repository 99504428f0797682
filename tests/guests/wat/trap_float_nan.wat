;; Not a number has no value in any integer type.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (f32.store (i32.const 0) (f32.const nan))
    (drop (i64.trunc_f32_s (f32.load (i32.const 0))))))
