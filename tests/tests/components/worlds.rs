//! Generated worlds: a component that calls functions of random types of another one, and prints all that both of them saw
//! and allocated.

use std::fmt::Write as _;

use super::random::Random;
use super::types::{Ty, parts_layout};
use super::values::{Core, Encoding, Memory};

/// Functions of a world.
const FUNCTIONS: usize = 4;

/// Where values begin that are passed. What is logged begins at 64 KiB, what is allocated at 128 KiB.
const VALUES: u32 = 1024;

/// Where the caller has results written to.
const RESULTS: u32 = 64;

/// Memory, an allocator that logs its calls and gives nothing twice, and the log. What is given up is zeroed: an
/// implementation may have written there in vain.
pub(crate) const LIBRARY: &str = r#"(core module $L
    (memory (export "memory") 16)
    (global $log (export "log") (mut i32) (i32.const 0x10000))
    (global $top (export "top") (mut i32) (i32.const 0x20000))
    (func $put (export "put") (param i32)
        (i32.store (global.get $log) (local.get 0)) (global.set $log (i32.add (global.get $log) (i32.const 4))))
    (func (export "put64") (param i64)
        (call $put (i32.wrap_i64 (local.get 0))) (call $put (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
        (local $at i32)
        (call $put (i32.const 0x6c6c61)) (call $put (local.get $old)) (call $put (local.get $size))
        (call $put (local.get $align)) (call $put (local.get $new))
        (local.set $at (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $top (i32.add (local.get $at) (local.get $new)))
        (memory.copy (local.get $at) (local.get $old)
            (select (local.get $size) (local.get $new) (i32.lt_u (local.get $size) (local.get $new))))
        (memory.fill (local.get $old) (i32.const 0) (local.get $size))
        (local.get $at))
    (func (export "all") (param $at i32)
        (i32.store (local.get $at) (i32.const 0x10000))
        (i32.store offset=4 (local.get $at) (i32.sub (global.get $top) (i32.const 0x10000)))))
    (core instance $l (instantiate $L))
    (alias core export $l "memory" (core memory $memory))
    (alias core export $l "realloc" (core func $realloc))"#;

/// What core modules import of it.
pub(crate) const IMPORTS: &str = r#"
    (import "l" "memory" (memory 16)) (import "l" "put" (func $put (param i32)))
    (import "l" "put64" (func $put64 (param i64))) (import "l" "all" (func $all (param i32)))"#;

struct Function {
    params: Vec<Ty>,
    result: Option<Ty>,
}

impl Function {
    fn random(random: &mut Random) -> Self {
        let count = [0, 1, 1, 2, 3, 6][random.below(6)];
        let depth = random.below(4);
        let params = (0..count).map(|_| Ty::random(random, depth)).collect();
        Self { params, result: (random.below(4) > 0).then(|| Ty::random(random, depth)) }
    }

    fn flat_params(&self) -> Vec<&'static str> {
        self.params.iter().flat_map(Ty::flat).collect()
    }

    fn flat_result(&self) -> Vec<&'static str> {
        self.result.as_ref().map(Ty::flat).unwrap_or_default()
    }

    /// Its type, with the names of types that need some.
    fn text(&self, named: &mut Vec<String>) -> String {
        let mut text = String::new();
        for (index, param) in self.params.iter().enumerate() {
            let ty = param.text(named);
            write!(text, " (param \"p{index}\" {ty})").unwrap();
        }
        if let Some(result) = &self.result {
            let ty = result.text(named);
            write!(text, " (result {ty})").unwrap();
        }
        text
    }
}

/// A component as text. With `wrong`, some value is none of its type.
pub(crate) fn world(seed: u64, wrong: bool) -> String {
    let mut random = Random::new(seed);
    let functions: Vec<Function> = (0..FUNCTIONS).map(|_| Function::random(&mut random)).collect();
    let mut named = Vec::new();
    let texts: Vec<String> = functions.iter().map(|function| function.text(&mut named)).collect();
    let side = usize::from(wrong) * (1 + random.below(2));
    let callee = callee(&mut random, &functions, &texts, &named, u32::from(side == 1));
    let caller = caller(&mut random, &functions, &texts, &named, u32::from(side == 2));
    format!(
        "(component\n{}\n{callee}\n{caller}\n(instance $callee (instantiate $Callee))\n(instance $caller (instantiate \
         $Caller (with \"callee\" (instance $callee))))\n{})",
        super::driver::IMPORTS,
        super::driver::run("(func $caller \"transcript\")"),
    )
}

fn log(ty: &str, value: &str) -> String {
    match ty {
        "i32" => format!("(call $put {value})"),
        "f32" => format!("(call $put (i32.reinterpret_f32 {value}))"),
        "f64" => format!("(call $put64 (i64.reinterpret_f64 {value}))"),
        _ => format!("(call $put64 {value})"),
    }
}

fn data(memory: &Memory<'_>) -> String {
    let bytes: String = memory.bytes.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"));
    format!("(data (i32.const {}) \"{bytes}\")", memory.base)
}

fn core_type(params: &[&str], result: &[&str]) -> String {
    format!("(param {}) (result {})", params.join(" "), result.join(" "))
}

/// The component that is called: logs its arguments and answers with a random value.
fn callee(random: &mut Random, functions: &[Function], texts: &[String], named: &[String], wrong: u32) -> String {
    let encoding = Encoding::random(random);
    let mut memory = Memory { random, encoding, base: VALUES, bytes: Vec::new(), wrong };
    let (mut code, mut lifts) = (String::new(), String::new());
    for (index, (function, text)) in functions.iter().zip(texts).enumerate() {
        let mut params = function.flat_params();
        if params.len() > 16 {
            params = vec!["i32"];
        }
        let flat = function.flat_result();
        let (result, value) = match &function.result {
            Some(ty) if flat.len() > 1 => (vec!["i32"], format!("(i32.const {})", memory.value(ty))),
            Some(ty) => (flat, memory.flat(ty)[0].text()),
            None => (flat, String::new()),
        };
        let logs: String = params
            .iter()
            .enumerate()
            .map(|(at, ty)| log(ty, &format!("(local.get {at})")))
            .collect::<Vec<_>>()
            .join(" ");
        let after = result.first().map(|ty| log(ty, "(local.get 0)")).unwrap_or_default();
        write!(
            code,
            "(func (export \"f{index}\") {} {logs} {value})\n(func (export \"after{index}\") {} {after})\n",
            core_type(&params, &result),
            core_type(&result, &[]),
        )
        .unwrap();
        writeln!(
            lifts,
            "(func (export \"f{index}\") {text} (canon lift (core func $m \"f{index}\") (memory $memory) (realloc $realloc) \
             {} (post-return (func $m \"after{index}\"))))",
            encoding.text()
        )
        .unwrap();
    }
    let types: String = named.iter().enumerate().fold(String::new(), |text, (index, ty)| {
        text + &format!("(type $d{index} {ty}) (export $t{index} \"t{index}\" (type $d{index}))\n")
    });
    format!(
        "(component $Callee\n{types}\n{LIBRARY}\n(core module $M {IMPORTS}\n{}\n{code}(func (export \"all\") (result i32) \
         (call $all (i32.const 0)) (i32.const 0)))\n(core instance $m (instantiate $M (with \"l\" (instance \
         $l))))\n{lifts}\n(func (export \"all\") (result (list u8)) (canon lift (core func $m \"all\") (memory $memory))))",
        data(&memory)
    )
}

/// The component that calls: logs results, and returns its log and that of the other one.
fn caller(random: &mut Random, functions: &[Function], texts: &[String], named: &[String], wrong: u32) -> String {
    let encoding = Encoding::random(random);
    let mut memory = Memory { random, encoding, base: VALUES, bytes: Vec::new(), wrong };
    let (mut imports, mut calls, mut lowers, mut given) = (String::new(), String::new(), String::new(), String::new());
    for (index, function) in functions.iter().enumerate() {
        let tuple = Ty::Tuple(function.params.clone());
        let mut params = function.flat_params();
        let mut values: Vec<String> = if params.len() > 16 {
            params = vec!["i32"];
            vec![Core { ty: "i32", bits: u64::from(memory.value(&tuple)) }.text()]
        } else {
            function.params.iter().flat_map(|ty| memory.flat(ty)).map(|core| core.text()).collect()
        };
        let mut result = function.flat_result();
        let indirect = result.len() > 1;
        if indirect {
            result.clear();
            params.push("i32");
            values.push(format!("(i32.const {RESULTS})"));
        }
        writeln!(imports, "(import \"c\" \"f{index}\" (func $f{index} {}))", core_type(&params, &result)).unwrap();
        let call = format!("(call $f{index} {})", values.join(" "));
        calls += &result.first().map_or(call.clone(), |ty| log(ty, &call));
        if indirect {
            let (size, _) = parts_layout(&[function.result.clone().unwrap()]);
            for offset in 0..size {
                write!(calls, "(call $put (i32.load8_u (i32.const {})))", RESULTS + offset).unwrap();
            }
            write!(calls, "(memory.fill (i32.const {RESULTS}) (i32.const 0) (i32.const {size}))").unwrap();
        }
        calls += "\n";
        let lower = "(memory $memory) (realloc $realloc)";
        writeln!(lowers, "(core func $f{index} (canon lower (func $callee \"f{index}\") {lower} {}))", encoding.text())
            .unwrap();
        write!(given, " (export \"f{index}\" (func $f{index}))").unwrap();
    }
    let types: String = named.iter().enumerate().fold(String::new(), |text, (index, ty)| {
        text + &format!("(type $d{index} {ty}) (export \"t{index}\" (type $t{index} (eq $d{index})))\n")
    });
    let exports: String = texts
        .iter()
        .enumerate()
        .fold(String::new(), |all, (index, text)| all + &format!("(export \"f{index}\" (func {text}))\n"));
    format!(
        "(component $Caller\n(import \"callee\" (instance $callee {types} {exports} (export \"all\" (func (result (list \
         u8))))))\n{LIBRARY}\n{lowers}\n(core func $callee-all (canon lower (func $callee \"all\") (memory $memory) (realloc \
         $realloc)))\n(core module $M {IMPORTS}\n{imports}(import \"c\" \"all\" (func $callee-all (param i32)))\n{}\n(func \
         (export \"transcript\") (result i32)\n{calls}(call $callee-all (i32.const 0)) (call $all (i32.const 0)) (i32.const \
         0)))\n(core instance $m (instantiate $M (with \"l\" (instance $l)) (with \"c\" (instance {given} (export \"all\" (func \
         $callee-all))))))\n(func (export \"transcript\") (result (list u8)) (canon lift (core func $m \"transcript\") (memory \
         $memory))))",
        data(&memory)
    )
}
