;; Has nothing to call.
(module (func (export "run")))
