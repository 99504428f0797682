;; Wants 4 GiB before it runs at all.
(module (memory (export "memory") 65536) (func (export "_start")))
