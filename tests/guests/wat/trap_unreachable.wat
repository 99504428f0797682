;; What `abort` compiles to.
(module (func (export "_start") unreachable))
