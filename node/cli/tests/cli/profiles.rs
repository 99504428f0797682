//! The profile of a job: by itself the oldest that has the module's language.

use bacalhau_runtime::Profile;
use bacalhau_testkit::Lab;

/// Catches what it throws, and says so in its exit code.
const THROWS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (tag $t (param i32)) (memory (export "memory") 1)
    (func $throw (throw $t (i32.const 7)))
    (func (export "_start")
        (call $exit (block $h (result i32) (try_table (catch $t $h) (call $throw)) (i32.const 1)))))"#;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("throws.wat", THROWS);
    lab
}

#[test]
fn the_module_decides() {
    let lab = lab();
    let said = lab.expect_json(10, "wasm run throws.wat --output-dir out --output json");
    assert_eq!(said["verified"], true, "{said}");
    let claim = &lab.json("out/receipt.json")["claim"];
    assert_eq!(
        (&claim["outcome"]["exit"], &claim["job"]["profile"]),
        (&7.into(), &Profile::V2.id().to_string().into())
    );
    lab.expect(0, "verify out/receipt.json");
    let end = lab.expect(0, "wasm run hello.wat --output-dir hello");
    assert!(end.stdout.contains("profile    v1 ("), "{}", end.stdout);
    let end = lab.expect(0, "wasm validate throws.wat");
    assert!(end.stdout.contains("profile    v2\n"), "{}", end.stdout);
}

#[test]
fn another_can_be_asked_for() {
    let lab = lab();
    let end = lab.expect(0, "wasm run hello.wat --profile v2 --output-dir out");
    assert!(end.stdout.contains("profile    v2 ("), "{}", end.stdout);
    let fuel = |text: &str| text.lines().find(|line| line.starts_with("fuel ")).map(str::to_owned);
    let first = lab.expect(0, "wasm run hello.wat --output-dir out1");
    assert_eq!(fuel(&end.stdout), fuel(&first.stdout), "what V1 has costs the same under V2");

    let end = lab.expect(3, "wasm run throws.wat --profile v1 --output-dir out2");
    assert!(end.stderr.contains("run it with --profile v2"), "{}", end.stderr);
    let end = lab.expect(2, "wasm run hello.wat --profile v3");
    assert!(end.stderr.contains("this version has the profiles v1 and v2"), "{}", end.stderr);
}

/// A job in a file gets its profile from the module too, or by name.
#[test]
fn jobs_in_files_have_one_too() {
    let lab = lab();
    let profile = |job: &str| {
        lab.write("job.json", format!(r#"{{"engine": {{"wasm": {job}}}}}"#));
        let spec = lab.expect_json(0, "create job.json --dry-run --output json");
        spec["engine"]["wasm"]["job"]["profile"].as_str().unwrap().to_owned()
    };
    let [v1, v2] = [Profile::V1, Profile::V2].map(|profile| profile.id().to_string());
    assert_eq!(profile(r#"{"module": "throws.wat"}"#), v2);
    assert_eq!(profile(r#"{"module": "hello.wat"}"#), v1);
    assert_eq!(profile(r#"{"module": "hello.wat", "job": {"profile": "v2"}}"#), v2);
    assert_eq!(profile(&format!(r#"{{"module": "hello.wat", "job": {{"profile": "{v2}"}}}}"#)), v2);
}
