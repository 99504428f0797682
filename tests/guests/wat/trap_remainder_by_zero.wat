;; The remainder of a division by zero is a trap too.
(module
  (memory (export "memory") 1)
  (func (export "_start") (drop (i32.rem_s (i32.const 1) (i32.load (i32.const 0))))))
