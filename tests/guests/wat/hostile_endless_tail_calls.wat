;; Two functions that tail-call each other for ever: no stack grows, only fuel ends it.
(module
  (func $ping (return_call $pong))
  (func $pong (return_call $ping))
  (func (export "_start") (call $ping)))
