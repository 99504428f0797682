;; Integer mixing in the manner of a hash function: rotations, additions and shifts over a buffer, again and again.
(module
  (memory (export "memory") 1)
  (func $fill (local $i i32)
    (loop $next
      (i32.store (local.get $i) (i32.mul (i32.add (local.get $i) (i32.const 1)) (i32.const 0x9e3779b9)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 4096)))))
  (func $round (param $a i32) (param $b i32) (param $w i32) (result i32)
    (i32.add
      (i32.xor
        (i32.xor (i32.rotr (local.get $a) (i32.const 6)) (i32.rotr (local.get $a) (i32.const 11)))
        (i32.rotr (local.get $a) (i32.const 25)))
      (i32.add (local.get $w)
        (i32.xor (i32.and (local.get $a) (local.get $b))
          (i32.and (i32.xor (local.get $a) (i32.const -1)) (i32.shr_u (local.get $w) (i32.const 3)))))))
  (func (export "run") (result i64) (local $i i32) (local $n i32) (local $a i32) (local $b i32)
    (call $fill)
    (local.set $a (i32.const 0x6a09e667))
    (local.set $b (i32.const 0xbb67ae85))
    (loop $pass
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $b (call $round (local.get $a) (local.get $b) (i32.load (local.get $i))))
        (local.set $a (i32.add (i32.rotl (local.get $a) (i32.const 5)) (local.get $b)))
        (i32.store (local.get $i) (local.get $a))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 4096))))
      (br_if $pass (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 40))))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $a)) (i64.const 32)) (i64.extend_i32_u (local.get $b)))))
