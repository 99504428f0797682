;; Wants ten million elements before it runs at all.
(module (table 10000000 funcref) (func (export "_start")))
