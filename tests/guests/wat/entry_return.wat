;; A plain return is exit code 0.
(module (func (export "_start")))
