;; Writes four bytes, of which the last lies outside. None of them may arrive, but nobody can look any more.
(module
  (memory (export "memory") 1)
  (func (export "_start") (i32.store (i32.const 65533) (i32.const -1))))
