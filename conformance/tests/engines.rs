//! Every case, on every engine of this machine: equal claims.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use bacalhau_conformance::{Backend, corpus};
use std::collections::BTreeMap;

#[test]
fn smoke() {
    for (group, cases) in corpus::groups().unwrap() {
        let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for backend in Backend::all() {
            let t = std::time::Instant::now();
            let mut last = (Vec::new(), None);
            for case in &cases {
                if last.0 != case.wasm {
                    last = (case.wasm.clone(), Some(backend.compile(&case.instrumented().unwrap())));
                }
                match last.1.as_ref().unwrap() {
                    Ok(compiled) => all.entry(&case.name).or_default().push(compiled.run(case).line()),
                    Err(e) => eprintln!("{} {}: {e}", case.name, backend.name),
                }
            }
            eprintln!("{group} {} {} {:?}", backend.name, cases.len(), t.elapsed());
        }
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for (name, lines) in all {
            *ends
                .entry(lines[0].split("\"end\":").nth(1).unwrap().split(',').next().unwrap().to_owned())
                .or_default() += 1;
            if lines.iter().any(|l| *l != lines[0]) {
                eprintln!("{name}: {lines:#?}")
            }
        }
        eprintln!("{ends:#?}");
    }
}

#[test]
fn missing() {
    eprintln!("{:?}", Backend::missing());
}
