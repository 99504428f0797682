//! Functions whose frames are large for their price: many operands, locals, parameters and results across a call, and
//! values that only an optimizer keeps, since the program recomputes them each time.

use super::super::dice::Dice;
use super::super::node::Type;

/// Arguments of a sink: few, so that the height of the operand stack stays low.
const SINK: usize = 6;

/// One function of the recursion.
struct Frame<'a> {
    dice: &'a mut Dice,
    params: Vec<Type>,
    /// The type of the kept values, or any.
    favourite: Option<Type>,
    body: String,
}

/// Generates an infinite recursion of one to three functions.
pub(super) fn module(dice: &mut Dice) -> String {
    let favourite =
        dice.pick(&[None, Some(Type::I32), Some(Type::I64), Some(Type::F32), Some(Type::F64), Some(Type::V128)]);
    let count = usize::try_from(dice.pick(&[1, 1, 2, 3])).unwrap_or(1);
    let signatures: Vec<(Vec<Type>, Vec<Type>)> = (0..count)
        .map(|_| {
            let params = dice.pick(&[2, 3, 6, 12, 40]);
            let results = dice.pick(&[0, 0, 1, 3, 20]);
            (types(dice, params, favourite), types(dice, results, favourite))
        })
        .collect();
    let mut text = String::from(
        "(module (import \"host\" \"mark\" (func $mark)) (memory 1) (global $go (mut i32) (i32.const 1))\n",
    );
    for ty in Type::ALL {
        text += &format!(
            "(global ${ty} (mut {ty}) {}) (func $sink_{ty} (param{}))\n",
            ty.zero(),
            format!(" {ty}").repeat(SINK)
        );
    }
    for index in 0..count {
        let (params, results) = &signatures[index];
        let next = (index + 1) % count;
        let frame = Frame { dice, params: params.clone(), favourite, body: String::new() };
        let body = frame.write(next, &signatures[next]);
        text += &format!("(func $f{index} {} {}\n{body})\n", declare(params), list("result", results));
    }
    let (params, results) = &signatures[0];
    let args: String = params.iter().map(|ty| format!("({ty}.load (i32.const 0))")).collect();
    text + &format!("(func (export \"run\") (call $f0 {args}) {}))\n", "drop ".repeat(results.len()))
}

fn types(dice: &mut Dice, count: u64, favourite: Option<Type>) -> Vec<Type> {
    (0..count).map(|_| favourite.unwrap_or_else(|| dice.pick(&Type::ALL))).collect()
}

fn list(word: &str, types: &[Type]) -> String {
    format!("({word}{})", types.iter().map(|ty| format!(" {ty}")).collect::<String>())
}

fn declare(params: &[Type]) -> String {
    params.iter().enumerate().map(|(index, ty)| format!("(param $p{index} {ty})")).collect()
}

impl Frame<'_> {
    /// The body: something to keep, around a call of the next function.
    fn write(mut self, next: usize, (params, results): &(Vec<Type>, Vec<Type>)) -> String {
        let kept = self.dice.pick(&[5, 50, 400, 1_500, 4_000]);
        let shape = self.dice.below(6);
        let own: Vec<Type> = (0..kept).map(|_| self.ty()).collect();
        let args: String = params.iter().map(|ty| self.operand(*ty)).collect();
        let call = format!("(call $f{next} {args}) {}\n", "drop ".repeat(results.len()));
        match shape {
            // The same values in every iteration of a loop: an optimizer computes them once, before it.
            0 | 1 => {
                self.body += "(loop $again (call $mark)\n";
                self.body += &call;
                self.sinks(&own, 0);
                self.body += "(br_if $again (global.get $go)))\n";
            }
            // The same values before and after the call.
            2 => {
                self.body += "(call $mark)\n";
                self.sinks(&own, 0);
                self.body += &call;
                self.sinks(&own, 0);
            }
            // Operands below a call, of which a switch picks one.
            3 => {
                self.body += "(call $mark)\n";
                let few: Vec<Type> = own.into_iter().take(400).collect();
                for (index, ty) in few.iter().enumerate() {
                    let value = self.fresh(*ty, index);
                    self.body += &value;
                }
                self.body += &call;
                self.body += &few.iter().rev().map(|ty| format!("global.set ${ty} ")).collect::<String>();
            }
            // Locals across the call.
            4 => {
                let few: Vec<Type> = own.into_iter().take(400).collect();
                let locals: String = few.iter().enumerate().map(|(n, ty)| format!("(local $l{n} {ty})")).collect();
                let mut body = format!("{locals}\n(call $mark)\n");
                for (index, ty) in few.iter().enumerate() {
                    body += &format!("(local.set $l{index} {})\n", self.fresh(*ty, index));
                }
                body += &call;
                for (index, ty) in few.iter().enumerate() {
                    body += &format!("(global.set ${ty} (local.get $l{index}))");
                }
                self.body = body;
            }
            // A switch whose arms all call and keep the same values.
            _ => {
                self.body += "(block $a (block $b (block $c (br_table $a $b $c (global.get $go))) (call $mark)\n";
                self.sinks(&own, 0);
                self.body += ")\n";
                self.body += &call;
                self.sinks(&own, 0);
                self.body += ")(call $mark)\n";
                self.sinks(&own, 0);
                self.body += &call;
                self.sinks(&own, 0);
            }
        }
        self.body + "unreachable"
    }

    fn ty(&mut self) -> Type {
        self.favourite.unwrap_or_else(|| self.dice.pick(&Type::ALL))
    }

    /// Passes values, each computed by one operator, to empty functions.
    fn sinks(&mut self, types: &[Type], from: usize) {
        for (group, types) in types.chunks(SINK).enumerate() {
            // A sink has one type.
            let ty = types[0];
            let values: String = (0..SINK).map(|index| self.same(ty, from + group * SINK + index)).collect();
            self.body += &format!("(call $sink_{ty} {values})\n");
        }
    }

    /// A value unknown at compile time: a parameter or a value from memory.
    fn operand(&mut self, ty: Type) -> String {
        let fitting: Vec<usize> = (0..self.params.len()).filter(|index| self.params[*index] == ty).collect();
        if fitting.is_empty() {
            return format!("({ty}.load (i32.const 8))");
        }
        format!("(local.get $p{})", self.dice.pick(&fitting))
    }

    /// Value number `index`, by one operator from a parameter, equal at each occurrence.
    fn same(&self, ty: Type, index: usize) -> String {
        let fitting: Vec<usize> = (0..self.params.len()).filter(|param| self.params[*param] == ty).collect();
        let Some(param) = fitting.get(index % fitting.len().max(1)) else {
            return format!("({ty}.load (i32.const {}))", index * 16 % 60_000);
        };
        let number = index / fitting.len() + 3;
        match ty {
            Type::I32 | Type::I64 => format!("({ty}.mul (local.get $p{param}) ({ty}.const {}))", number * 2 + 1),
            Type::F32 | Type::F64 => format!("({ty}.mul (local.get $p{param}) ({ty}.const {number}.5))"),
            Type::V128 => {
                let other = fitting[number % fitting.len()];
                let op = [
                    "i32x4.add",
                    "f64x2.mul",
                    "i16x8.mul",
                    "f32x4.add",
                    "v128.xor",
                    "i8x16.sub",
                    "f64x2.sub",
                    "i64x2.add",
                ];
                let by = format!("(i32x4.splat (i32.const {number}))");
                let by = if number < 20 { format!("(local.get $p{other})") } else { by };
                format!("({} (local.get $p{param}) {by})", op[number % op.len()])
            }
        }
    }

    /// A value that cannot be computed anew behind a call.
    fn fresh(&mut self, ty: Type, index: usize) -> String {
        if self.dice.chance(50) {
            return format!("({ty}.load (i32.const {}))\n", index * 16 % 60_000);
        }
        self.same(ty, index)
    }
}
