//! Jobs and requesters that hold a provider's capacity without using it.

use bacalhau_testkit::{Lab, until};

/// Two jobs that wait for bids that never come, and an honest one behind them, where `provider` says what the provider has.
fn freeze(provider: &str) {
    let lab = Lab::new();
    let provider = lab.serve("provider", &format!("--requester=false {provider}"));
    let peer = format!("--compute=false --peer {}", provider.peer);
    let attacker = lab.serve("attacker", &format!("{peer} --bidding-time 10m"));
    for client in ["one", "two"] {
        let line = format!("wasm run hello.wat -c 1 --min-bids 80 --id-only --api-host {}", attacker.api);
        let end = lab.run_of(client, &line);
        assert_eq!(end.code, 0, "{}", end.stderr);
    }
    until("the provider offers for the attacker's job", || {
        let list = lab.expect_json(0, &format!("list --output json --api-host {}", attacker.api));
        list.as_array().is_some_and(|jobs| jobs.len() == 2) && attacker.log().contains("bids 1/80")
    });
    let honest = lab.serve("honest", &format!("{peer} --bidding-time 1m"));
    let end = lab.run_of("client", &format!("wasm run hello.wat -c 1 --output-dir out --api-host {}", honest.api));
    assert_eq!(end.code, 0, "{}\n{}\n{}", end.stdout, end.stderr, provider.log());
}

#[test]
fn two_announcements_whose_bids_never_suffice_do_not_freeze_a_provider() {
    freeze("--limit-total-cpu 1 --offer-time 3s");
}

#[test]
fn a_requesters_unanswered_offers_leave_the_rest_of_the_node_to_others() {
    // Nothing lapses here: what is left is left by the shares.
    freeze("--limit-total-cpu 2 --offer-time 10m --requester-offers 50");
}

#[test]
fn a_job_that_waits_for_more_bids_than_nodes_can_give_is_refused_with_the_numbers() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let end = lab.run_of("client", &format!("wasm run hello.wat --min-bids 60000 --api-host {}", node.api));
    assert_ne!(end.code, 0, "{}", end.stdout);
    for part in ["60000 bids", "1 nodes", "the maximum is 80"] {
        assert!(end.stderr.contains(part), "{}", end.stderr);
    }
}
