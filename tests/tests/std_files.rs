//! What the standard libraries of Rust and C do with files, as programs meet it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_runtime::Outcome;
use bacalhau_tests::{Run, for_each_c, for_each_std, guests, small_tree, succeed};

macro_rules! has_a_test {
    ($name:ident) => {
        #[expect(unused_imports, reason = "does not compile when the guest has no test")]
        use self::$name as _;
    };
}
for_each_std!(has_a_test);
for_each_c!(has_a_test);

succeed! {
    std_directories = STD_DIRECTORIES
    std_links = STD_LINKS
    std_metadata = STD_METADATA
    std_open_options = STD_OPEN_OPTIONS
    std_read_write = STD_READ_WRITE
    std_rename_remove = STD_RENAME_REMOVE
    c_directories = C_DIRECTORIES
    c_links = C_LINKS
    c_time = C_TIME
}

#[test]
fn std_read_only() {
    let inputs = small_tree();
    let ended = Run::of(guests::STD_READ_ONLY).input("/inputs", inputs.path()).succeed();
    assert_eq!(ended.text("outputs/f"), "mine now");
    assert_eq!(std::fs::read(inputs.path().join("f")).unwrap(), b"input\n");
}

#[test]
fn std_stdio() {
    let ended = Run::of(guests::STD_STDIO).succeed();
    assert_eq!(ended.bytes("stdout"), b"one\ntwo \xff\xfe");
    assert_eq!(ended.text("stderr"), "uno\ndue!\n");
    assert_eq!(ended.text("exitCode"), "0");
    assert_eq!(ended.files(), ["exitCode", "stderr", "stdout"]);
}

#[test]
fn std_main_error() {
    let ended = Run::of(guests::STD_MAIN_ERROR).end();
    assert_eq!(ended.outcome(), Outcome::Exit(1));
    assert_eq!(ended.text("exitCode"), "1");
    assert!(ended.text("stderr").contains("NotFound"), "{}", ended.text("stderr"));
}

#[test]
fn c_files() {
    let inputs = small_tree();
    Run::of(guests::C_FILES).input("/inputs", inputs.path()).succeed();
}

#[test]
fn c_environment() {
    let inputs = small_tree();
    let run = Run::of(guests::C_ENVIRONMENT).arg("first").arg("two words").env("KEY", "value");
    let ended = run.input("/inputs", inputs.path()).end();
    assert_eq!((ended.outcome(), ended.text("stderr").as_str()), (Outcome::Exit(42), "to stderr\n"));
    assert_eq!(ended.text("stdout"), "first|value\n");
}
