;; Divides by a zero that is read from memory.
(module
  (memory (export "memory") 1)
  (func (export "_start") (drop (i64.div_u (i64.const 1) (i64.load (i32.const 0))))))
