;; The quotient of the smallest integer and -1 does not fit. The dividend comes from memory, so that nothing is folded.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\00\00\80")
  (func (export "_start") (drop (i32.div_s (i32.load (i32.const 0)) (i32.const -1)))))
