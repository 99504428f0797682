//! Components: `bacalhau wasm lower`, and components where a command takes a module.

use serde_json::json;

use bacalhau_testkit::Lab;

/// A command that ends with an error, exit code 1, and what it imports.
fn component(import: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component {import}
            (core module $M (func (export "run") (result i32) (i32.const 1)))
            (core instance $m (instantiate $M))
            (func $run (result (result)) (canon lift (core func $m "run")))
            (instance $run (export "run" (func $run)))
            (export "wasi:cli/run@0.2.3" (instance $run)))"#
    ))
    .unwrap()
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("c.wasm", component(""));
    lab
}

#[test]
fn a_component_is_lowered_before_its_job_exists() {
    let lab = lab();
    let lowered = lab.expect_json(0, "wasm lower c.wasm -o m.wasm --output json");
    assert_eq!(lowered["bytes"], std::fs::metadata(lab.path("m.wasm")).unwrap().len());
    let end = lab.expect(10, "wasm run c.wasm -c 1 --output-dir out");
    assert!(end.stderr.contains("lowered the component"), "{}", end.stderr);
    lab.expect(10, "wasm run m.wasm -c 1 --output-dir again");
    let (receipt, again) = (lab.json("out/receipt.json"), lab.json("again/receipt.json"));
    assert_eq!(receipt["claim"], again["claim"]);
    assert_eq!(receipt["claim"]["job"]["module"], lowered["module"]);
    assert_eq!(receipt["claim"]["outcome"], json!({"exit": 1}));
    assert_eq!(receipt["unclaimed"]["component"], lowered["component"]);
    assert_eq!(again["unclaimed"].get("component"), None);
    lab.expect(0, "verify out/receipt.json");
}

#[test]
fn validate_describes_the_module_of_a_component() {
    let lab = lab();
    let answer = lab.expect_json(0, "wasm validate c.wasm --output json");
    let lowered = lab.expect_json(0, "wasm lower c.wasm -o m.wasm --output json");
    assert_eq!((&answer["component"], &answer["module"]), (&lowered["component"], &lowered["module"]));
    assert!(lab.expect(0, "wasm validate c.wasm").stdout.contains("\ncomponent  bafkrei"));
    assert_eq!(lab.expect_json(0, "wasm validate m.wasm --output json").get("component"), None);
}

#[test]
fn what_cannot_be_lowered_is_named() {
    let lab = lab();
    lab.write("http.wasm", component(r#"(import "wasi:http/types@0.2.0" (instance))"#));
    for line in ["wasm run http.wasm", "wasm lower http.wasm -o m.wasm"] {
        let end = lab.expect(3, line);
        assert!(end.stderr.contains("\"wasi:http/types@0.2.0\", and jobs have no network"), "{}", end.stderr);
    }
    let answer = lab.expect_json(3, "wasm validate http.wasm --output json");
    assert!(answer["problems"][0].as_str().unwrap().contains("wasi:http"), "{answer}");
    let end = lab.expect(3, "wasm lower hello.wat -o m.wasm");
    assert!(end.stderr.contains("hello.wat is not a component in binary form"), "{}", end.stderr);
    let size = std::fs::metadata(lab.path("c.wasm")).unwrap().len();
    let end = lab.expect(3, &format!("wasm lower c.wasm -o m.wasm --module-size {size}"));
    assert!(end.stderr.contains("more than the limit"), "{}", end.stderr);
    assert!(!lab.path("m.wasm").exists());
}

/// Jobs that name the place of a module need one there.
#[test]
fn jobs_that_are_written_down_name_modules() {
    let lab = lab();
    let end = lab.expect(3, "wasm run c.wasm --dry-run");
    assert!(end.stderr.contains("`bacalhau wasm lower`"), "{}", end.stderr);
}

#[test]
fn a_server_gets_the_module() {
    let lab = lab();
    let node = lab.serve("node", "");
    let lowered = lab.expect_json(0, "wasm lower c.wasm -o m.wasm --output json");
    let line = format!("wasm run c.wasm -c 1 --min-bids 1 --api-host {} --output-dir out", node.api);
    lab.expect(10, &line);
    assert_eq!(lab.json("out/receipt.json")["claim"]["job"]["module"], lowered["module"]);
}
