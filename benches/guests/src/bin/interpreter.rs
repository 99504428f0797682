//! A small stack machine with a program that counts primes by trial division.

#[derive(Clone, Copy)]
enum Op {
    Push(i64),
    Load(usize),
    Store(usize),
    Add,
    Multiply,
    Remainder,
    Less,
    IsZero,
    Jump(usize),
    JumpIf(usize),
    Print,
    Halt,
}

#[derive(Default)]
struct Machine {
    stack: Vec<i64>,
    variables: [i64; 8],
    printed: Vec<i64>,
}

impl Machine {
    fn pop(&mut self) -> i64 {
        self.stack.pop().expect("the program keeps its stack in order")
    }

    fn binary(&mut self, operation: impl Fn(i64, i64) -> i64) {
        let right = self.pop();
        let left = self.pop();
        self.stack.push(operation(left, right));
    }

    fn run(&mut self, program: &[Op]) {
        let mut at = 0;
        loop {
            let op = program[at];
            at += 1;
            match op {
                Op::Push(value) => self.stack.push(value),
                Op::Load(variable) => self.stack.push(self.variables[variable]),
                Op::Store(variable) => self.variables[variable] = self.pop(),
                Op::Add => self.binary(i64::wrapping_add),
                Op::Multiply => self.binary(i64::wrapping_mul),
                Op::Remainder => self.binary(i64::wrapping_rem),
                Op::Less => self.binary(|left, right| i64::from(left < right)),
                Op::IsZero => {
                    let value = self.pop();
                    self.stack.push(i64::from(value == 0));
                }
                Op::Jump(target) => at = target,
                Op::JumpIf(target) => {
                    if self.pop() != 0 {
                        at = target;
                    }
                }
                Op::Print => {
                    let value = self.pop();
                    self.printed.push(value);
                }
                Op::Halt => return,
            }
        }
    }
}

/// Prints all primes below `limit`.
fn primes(limit: i64) -> Vec<Op> {
    const CANDIDATE: usize = 0;
    const DIVISOR: usize = 1;
    vec![
        Op::Push(2),
        Op::Store(CANDIDATE),
        // 2: the next candidate
        Op::Push(2),
        Op::Store(DIVISOR),
        // 4: is the divisor's square above it?
        Op::Load(CANDIDATE),
        Op::Load(DIVISOR),
        Op::Load(DIVISOR),
        Op::Multiply,
        Op::Less,
        Op::JumpIf(20),
        // 10: does the divisor divide it?
        Op::Load(CANDIDATE),
        Op::Load(DIVISOR),
        Op::Remainder,
        Op::IsZero,
        Op::JumpIf(22),
        Op::Load(DIVISOR),
        Op::Push(1),
        Op::Add,
        Op::Store(DIVISOR),
        Op::Jump(4),
        // 20: a prime
        Op::Load(CANDIDATE),
        Op::Print,
        // 22: go on
        Op::Load(CANDIDATE),
        Op::Push(1),
        Op::Add,
        Op::Store(CANDIDATE),
        Op::Load(CANDIDATE),
        Op::Push(limit),
        Op::Less,
        Op::JumpIf(2),
        Op::Halt,
    ]
}

fn interpret() -> i64 {
    let mut machine = Machine::default();
    machine.run(&primes(std::hint::black_box(30_000)));
    machine.printed.iter().fold(0, |sum: i64, prime| sum.wrapping_mul(31).wrapping_add(*prime))
}

bench_guests::guest!(interpret);
