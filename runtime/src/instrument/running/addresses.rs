//! Memories and tables with 64-bit addresses: operands of 64 bits are charged.

use super::*;

fn run_body(body: &str) -> End {
    run_everywhere(
        &format!("(module (memory $m i64 1 3) (memory $n 1) (table $t i64 2 9 funcref) (func (export \"f\") {body}))"),
        1000,
    )
}

#[test]
fn operands_of_64_bits_are_charged_like_others() {
    // Entering, the operands, and the operator.
    for (body, fuel) in [
        ("(memory.fill $m (i64.const 0) (i32.const 1) (i64.const 1000))", 1 + 3 + 1 + 1000),
        ("(memory.copy $m $m (i64.const 0) (i64.const 9) (i64.const 77))", 1 + 3 + 1 + 77),
        ("(memory.copy $m $n (i64.const 0) (i32.const 9) (i32.const 77))", 1 + 3 + 1 + 77),
        ("(table.fill $t (i64.const 0) (ref.null func) (i64.const 2))", 1 + 3 + 1 + 2),
        ("(drop (memory.grow $m (i64.const 2)))", 1 + 1 + 255 + 2 * 65_536),
        ("(drop (memory.grow $m (i64.const 3)))", 1 + 1 + 255),
        ("(drop (memory.grow $m (i64.const -1)))", 1 + 1 + 255),
        ("(drop (table.grow $t (ref.null func) (i64.const 7)))", 1 + 2 + 255 + 7 * 24),
        ("(drop (table.grow $t (ref.null func) (i64.const 0x100000000)))", 1 + 2 + 255),
        ("(drop (memory.size $m)) (drop (table.size $t))", 1 + 2),
    ] {
        let end = run_body(body);
        assert_eq!((end.results, end.fuel), (Ok(vec![]), fuel), "{body}");
    }
}

/// The counter does not wrap: more than there can be counts as 2 to the power of 62.
#[test]
fn an_operand_beyond_all_memory_is_charged_up_to_a_bound() {
    for (count, charged) in [
        ("0x10001", 0x10001),
        ("0x3fffffffffffffff", (1 << 62) - 1),
        ("0x4000000000000000", 1 << 62),
        ("0x7fffffffffffffff", 1 << 62),
        ("0x8000000000000000", 1 << 62),
        ("-1", 1 << 62),
    ] {
        let end = run_body(&format!("(memory.fill $m (i64.const 0) (i32.const 1) (i64.const {count}))"));
        assert_eq!((end.results, end.fuel), (Err(Some(Trap::MemoryOutOfBounds)), 1 + 3 + 1 + charged), "{count}");
    }
}

#[test]
fn what_is_outside_is_a_trap() {
    for (body, trap) in [
        ("(drop (i64.load $m (i64.const 0x100000000)))", Trap::MemoryOutOfBounds),
        ("(drop (i64.load $m offset=0xffffffffffffffff (i64.const 1)))", Trap::MemoryOutOfBounds),
        ("(drop (table.get $t (i64.const 0x100000000)))", Trap::TableOutOfBounds),
        ("(call_indirect $t (i64.const 0x100000001))", Trap::TableOutOfBounds),
        ("(table.fill $t (i64.const 1) (ref.null func) (i64.const 2))", Trap::TableOutOfBounds),
    ] {
        assert_eq!(run_body(body).results, Err(Some(trap)), "{body}");
    }
}

#[test]
fn the_maximum_of_a_memory_is_that_of_others() {
    let made = instrument(&wat::parse_str("(module (memory (export \"m\") i64 1 0x1000000000000))").unwrap()).unwrap();
    let module = Module::new(&engines()[0].1, &made).unwrap();
    let memory = module.get_export("m").unwrap();
    let memory = memory.unwrap_memory();
    assert!(memory.is_64());
    assert_eq!(memory.maximum(), Some(65_535));
}
