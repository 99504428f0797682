//! The guest of the benchmarks does what it says, so that no benchmark measures a program that failed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_tests::{Run, for_each_bench, guests, tree};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_bench!(has_a_test);

#[test]
fn bench_files() {
    let inputs = tree(&[("big", "0123456789"), ("small", "abc")]);
    let says = |args: &[&str]| {
        let run = args.iter().fold(Run::of(guests::BENCH_FILES), |run, arg| run.arg(*arg));
        run.input("/inputs", inputs.path()).succeed()
    };
    assert_eq!(says(&["nothing"]).text("stdout"), "0\n");
    assert_eq!(says(&["read", "4"]).text("stdout"), "10\n");
    assert_eq!(says(&["read-small"]).text("stdout"), "13\n");
    assert_eq!(says(&["list"]).text("stdout"), "2\n");
    assert_eq!(says(&["write-small", "3"]).files().len(), 3 + 3);
    let wrote = says(&["write", "2", "65536"]);
    assert_eq!(wrote.text("stdout"), "2097152\n");
    assert_eq!(wrote.bytes("outputs/big").len(), 2 << 20);
}
