;; Wants a function of JavaScript.
(module (import "env" "alert" (func)) (func (export "_start")))
