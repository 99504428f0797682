;; An atomic load at an odd address.
(module (memory (export "memory") 1) (func (export "_start") (drop (i32.atomic.load (i32.const 1)))))
