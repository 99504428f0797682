;; A bulk fill of a table that ends outside.
(module
  (table 2 funcref)
  (func (export "_start") (table.fill (i32.const 1) (ref.null func) (i32.const 2))))
