//! Many clients at once, each of which brings a directory along.

use std::fs;
use std::thread;

use bacalhau_testkit::{End, Lab};

/// Four times as many as a server takes archives at a time.
const CLIENTS: usize = 16;

#[test]
fn sixteen_clients_at_once_are_all_served() {
    let lab = Lab::new();
    for number in 0..CLIENTS {
        for file in 0..4 {
            lab.write(&format!("input-{number}/{file}"), vec![u8::try_from(number).unwrap(); 1 << 20]);
        }
    }
    let stack = lab.node("stack", "devstack --nodes 1 --job-selection-data-locality anywhere");
    let ends: Vec<End> = thread::scope(|scope| {
        let run = |number| {
            let line = format!(
                "wasm run hello.wat -c 1 -i input-{number}:/inputs --output-dir out-{number} --api-host {}",
                stack.api
            );
            // All with the key of one client, which does not exist yet.
            let lab = &lab;
            scope.spawn(move || lab.run_of("client", &line))
        };
        let commands: Vec<_> = (0..CLIENTS).map(run).collect();
        commands.into_iter().map(|command| command.join().unwrap()).collect()
    });
    for (number, end) in ends.iter().enumerate() {
        assert_eq!(end.code, 0, "{number}: {}", end.stderr);
        let stdout = fs::read_to_string(lab.path(&format!("out-{number}/results/stdout"))).unwrap();
        assert_eq!(stdout, "hello\n", "{number}");
    }
    let jobs = lab.expect_json(0, &format!("list --all --output json --api-host {}", stack.api));
    assert_eq!(jobs.as_array().unwrap().len(), CLIENTS, "each client has one job");
}
