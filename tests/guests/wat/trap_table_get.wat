;; A table access past the end.
(module
  (table 1 funcref)
  (func (export "_start") (drop (table.get (i32.const 1)))))
