;; Address and offset add up to more than 32 bits: it must not wrap around to the start of memory.
(module
  (memory (export "memory") 1)
  (func (export "_start") (drop (i32.load offset=0xffffffff (i32.const 8)))))
