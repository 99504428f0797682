;; A bulk copy that begins outside.
(module
  (memory (export "memory") 1)
  (func (export "_start") (memory.copy (i32.const 0) (i32.const 65537) (i32.const 0))))
