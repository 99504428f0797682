;; Wants a function that WASI does not have.
(module (import "wasi_snapshot_preview1" "fd_wriet" (func)) (func (export "_start")))
