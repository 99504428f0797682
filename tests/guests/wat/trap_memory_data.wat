;; An active data segment that does not fit: the trap comes before any function runs.
(module
  (memory (export "memory") 1)
  (data (i32.const 65535) "ab")
  (func (export "_start")))
