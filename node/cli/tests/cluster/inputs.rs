//! Inputs of executions on workers, what comes back, and the log meanwhile.

use std::fs;

use bacalhau_job::JobState;
use bacalhau_testkit::{Lab, pattern, until, watch::Watch};

use crate::slurm::Slurm;

/// Hashes of all files below `/inputs`.
const MERKLE_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/merkle-root.wasm");

#[test]
fn the_claim_is_the_same_on_a_worker_and_on_one_machine_whatever_the_input_comes_from() {
    let Some(slurm) = Slurm::start("inputs on workers of Slurm") else { return };
    let (lab, cid) = Lab::with_tree();
    lab.write(&format!("unsealed/{cid}/a.txt"), "a\n");
    lab.write(&format!("unsealed/{cid}/sub/big.bin"), pattern(600_000, 1));
    let blocks = lab.serve_blocks("maker", "");
    let template = lab.path("unsealed").join("{{.Cid}}");
    let flags = format!("--allow-listed-local-paths {}", lab.path("tree").display());
    let with = |flags: &str| format!("{flags} --ipfs-connect {}", blocks.peer);
    let alone = lab.serve("alone", &with(&format!("{flags} --job-selection-data-locality anywhere")));
    let front = slurm.serve(&lab, "front", &with(&flags));
    let unsealed = slurm.serve(&lab, "unsealed", &format!("{flags} --filecoin-unsealed-path {}", template.display()));
    let claim = |node: &bacalhau_testkit::Node, input: &str| {
        let line = format!("{MERKLE_ROOT} -c 1 --verifier noop -i {input}:/inputs");
        let ended = Watch::begin(node, &lab.submit(node, &line)).end(node);
        ended.assert_state(JobState::Completed);
        let receipt = ended.record.shards[0].executions[0].receipt.clone().unwrap();
        assert_eq!(receipt.signatures.len(), 1, "the front node has signed");
        assert_eq!(receipt.signatures[0].signer, node.id);
        receipt
    };
    let path = format!("file://{}", lab.path("tree").display());
    for input in [format!("ipfs://{cid}"), format!("ipfs://{cid}/sub"), "data:,hello".into(), path] {
        let (here, there) = (claim(&alone, &input), claim(&front, &input));
        assert_eq!(here.claim, there.claim, "{input}");
        assert_eq!(here.unclaimed.input_sources, there.unclaimed.input_sources, "{input}");
        assert!(!there.unclaimed.module_source.unwrap_or_default().contains("shared"), "{input}");
    }
    let receipt = claim(&unsealed, &format!("ipfs://{cid}"));
    assert_eq!(receipt.claim, claim(&alone, &format!("ipfs://{cid}")).claim);
    let services = &receipt.unclaimed.input_services["/inputs"];
    assert_eq!(services[0].driver, "unsealed", "it is read where it lies: {services:?}");
    assert_eq!(slurm.executions(), 0);
}

#[test]
fn results_reach_the_client_and_the_log_is_read_meanwhile() {
    let Some(slurm) = Slurm::start("results of workers of Slurm") else { return };
    let lab = Lab::new();
    // Says hello, and goes on for ever.
    lab.write(
        "endless.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00")
            (data (i32.const 16) "hello\n")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                loop $again br $again end))"#,
    );
    let node = slurm.serve(&lab, "front", "");
    let at = format!("--api-host {}", node.api);
    let job = lab.submit(&node, "endless.wat -c 1 --verifier noop");
    until("the log", || lab.run(&format!("logs {job} {at}")).stdout == "hello\n");
    lab.expect(0, &format!("cancel {job} {at}"));
    lab.expect(0, &format!("wasm run echo.wat -c 1 --verifier noop {at} --output-dir out -- a b"));
    assert!(!fs::read(lab.path("out/results/stdout")).unwrap().is_empty());
}
