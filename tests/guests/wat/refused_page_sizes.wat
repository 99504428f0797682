;; A memory with pages of one byte.
(module (memory 1 (pagesize 1)) (func (export "_start")))
