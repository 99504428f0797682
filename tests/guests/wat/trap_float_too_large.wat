;; 2^32 has no value in 32 bits.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (f64.store (i32.const 0) (f64.const 4294967296))
    (drop (i32.trunc_f64_u (f64.load (i32.const 0))))))
