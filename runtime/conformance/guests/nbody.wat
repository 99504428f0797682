;; Three bodies under gravity: square roots and divisions, every step stored where the next one loads it.
;; A body is x y vx vy mass, 40 bytes.
(module
  (memory (export "memory") 1)
  (func $place (param $at i32) (param $x f64) (param $y f64) (param $vx f64) (param $vy f64) (param $mass f64)
    (f64.store (local.get $at) (local.get $x))
    (f64.store offset=8 (local.get $at) (local.get $y))
    (f64.store offset=16 (local.get $at) (local.get $vx))
    (f64.store offset=24 (local.get $at) (local.get $vy))
    (f64.store offset=32 (local.get $at) (local.get $mass)))
  (func $pull (param $a i32) (param $b i32) (local $dx f64) (local $dy f64) (local $square f64) (local $force f64)
    (local.set $dx (f64.sub (f64.load (local.get $b)) (f64.load (local.get $a))))
    (local.set $dy (f64.sub (f64.load offset=8 (local.get $b)) (f64.load offset=8 (local.get $a))))
    (local.set $square (f64.add (f64.mul (local.get $dx) (local.get $dx)) (f64.mul (local.get $dy) (local.get $dy))))
    (local.set $force (f64.div (f64.mul (f64.load offset=32 (local.get $b)) (f64.const 0.01))
      (f64.mul (local.get $square) (f64.sqrt (local.get $square)))))
    (f64.store offset=16 (local.get $a)
      (f64.add (f64.load offset=16 (local.get $a)) (f64.mul (local.get $dx) (local.get $force))))
    (f64.store offset=24 (local.get $a)
      (f64.add (f64.load offset=24 (local.get $a)) (f64.mul (local.get $dy) (local.get $force)))))
  (func $move (param $a i32)
    (f64.store (local.get $a) (f64.add (f64.load (local.get $a)) (f64.mul (f64.load offset=16 (local.get $a)) (f64.const 0.01))))
    (f64.store offset=8 (local.get $a)
      (f64.add (f64.load offset=8 (local.get $a)) (f64.mul (f64.load offset=24 (local.get $a)) (f64.const 0.01)))))
  (func $steps (param $n i32) (local $a i32) (local $b i32)
    (loop $step
      (local.set $a (i32.const 0))
      (loop $body
        (local.set $b (i32.const 0))
        (loop $other
          ;; A body pulls at itself too: 0/0, which is to be the same NaN everywhere when $n is odd.
          (if (i32.or (i32.ne (local.get $a) (local.get $b)) (i32.and (local.get $n) (i32.const 1)))
            (then (call $pull (local.get $a) (local.get $b))))
          (br_if $other (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 40))) (i32.const 120))))
        (call $move (local.get $a))
        (br_if $body (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 40))) (i32.const 120))))
      (br_if $step (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 2))) (i32.const 0)))))
  (func $world
    (call $place (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 1000))
    (call $place (i32.const 40) (f64.const 10) (f64.const 0) (f64.const 0) (f64.const 1) (f64.const 1))
    (call $place (i32.const 80) (f64.const -3.5) (f64.const 20) (f64.const 0.7) (f64.const 0) (f64.const 0.125)))
  (func (export "orbit") (call $world) (call $steps (i32.const 800)))
  (func (export "nan") (call $world) (call $steps (i32.const 9))))
