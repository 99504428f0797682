;; Asks for a page again and again, long after the answer is no: only fuel ends it.
(module
  (memory (export "memory") 1)
  (func (export "_start") (loop (drop (memory.grow (i32.const 1))) (br 0))))
