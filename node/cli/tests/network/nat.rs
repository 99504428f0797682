//! Nodes that nobody can connect to: a requester and a provider, each behind a router that translates addresses, and a
//! relay between them. And nodes that nobody has told of each other, in one local network. Where networks cannot be made,
//! the tests say so and what they skip.

use serde_json::Value;

use crate::space::Space;
use bacalhau_testkit::{Lab, Node, finish, until};

/// A home network behind its router.
struct Home {
    home: Space,
    _router: Space,
}

impl Home {
    /// Number `number`, with a link to `public`.
    fn new(number: u8, public: &Space) -> Result<Self, String> {
        let home = Space::new(&format!("home{number}"))?;
        let router = Space::new(&format!("router{number}"))?;
        let (gateway, outside) = (format!("10.0.{number}.1"), format!("198.18.{number}.1"));
        home.link(("uplink", &format!("10.0.{number}.2/24")), &router, ("home", &format!("{gateway}/24")))?;
        home.ip(&format!("route add default via {gateway}"))?;
        let (far, near) = (format!("{outside}/24"), format!("198.18.{number}.2/24"));
        router.link(("uplink", &near), public, (&format!("home{number}"), &far))?;
        router.ip(&format!("route add default via {outside}"))?;
        router.run("sysctl -q net.ipv4.ip_forward=1")?;
        router.run("iptables -t nat -A POSTROUTING -o uplink -j MASQUERADE")?;
        // As home routers do; who is refused with a packet gives up, where who is not answered tries again.
        router.run("iptables -A INPUT -i uplink -m conntrack --ctstate NEW -j DROP")?;
        Ok(Self { home, _router: router })
    }
}

/// Runs a command of a client in `space`, which has to succeed.
fn json(lab: &Lab, space: &Space, line: &str) -> Value {
    let end = finish(space.inside(&lab.command_of("client", &format!("{line} --output json"))), line);
    assert_eq!(end.code, 0, "{line}\n{}\n{}", end.stdout, end.stderr);
    serde_json::from_str(&end.stdout).unwrap()
}

fn homes() -> Result<(Space, Home, Home), String> {
    let public = Space::new("public")?;
    public.run("sysctl -q net.ipv4.ip_forward=1")?;
    let (one, two) = (Home::new(1, &public)?, Home::new(2, &public)?);
    Ok((public, one, two))
}

#[test]
fn nodes_behind_two_routers_run_a_job_and_reach_each_other_directly() {
    let (public, one, two) = match homes() {
        Ok(made) => made,
        Err(why) => {
            eprintln!("skipped: nodes behind NAT: {why}; it needs root, iproute2 and iptables");
            return;
        }
    };
    let lab = Lab::new();
    let ports = "--swarm-port 0 --api-port 0 --log-level debug";
    let relay = public.node(
        &lab,
        "relay",
        &format!("serve --host 198.18.1.1 {ports} --compute=false --reachable --relay-server --peer none"),
    );
    let behind = format!("{ports} --peer {0} --relay {0}", relay.peer);
    let requester = one.home.node(&lab, "requester", &format!("serve --host 10.0.1.2 --compute=false {behind}"));
    let provider = two.home.node(&lab, "provider", &format!("serve --host 10.0.2.2 {behind}"));
    let run = format!("wasm run hello.wat -c 1 --api-host {} --output-dir out", requester.api);
    assert_eq!(json(&lab, &one.home, &run)["claim"]["outcome"]["exit"], 0);
    assert_eq!(std::fs::read_to_string(lab.path("out/results/stdout")).unwrap(), "hello\n");
    let direct = |node: &Node, other: &Node| {
        let log = node.log();
        log.lines().any(|line| line.contains("reached directly") && line.contains(&other.id))
    };
    until("they reach each other directly", || direct(&requester, &provider) || direct(&provider, &requester));
}

#[test]
fn nodes_of_a_local_network_find_each_other() {
    let made = Space::new("here").and_then(|here| {
        let there = Space::new("there")?;
        here.link(("lan", "198.18.9.1/24"), &there, ("lan", "198.18.9.2/24"))?;
        for space in [&here, &there] {
            space.ip("route add default dev lan")?;
        }
        Ok((here, there))
    });
    let (here, there) = match made {
        Ok(made) => made,
        Err(why) => return eprintln!("skipped: nodes of a local network: {why}; it needs root and iproute2"),
    };
    let lab = Lab::new();
    let flags = "--swarm-port 0 --api-port 0 --peer none --mdns --log-level debug";
    let requester = here.node(&lab, "requester", &format!("serve --host 198.18.9.1 --compute=false {flags}"));
    let provider = there.node(&lab, "provider", &format!("serve --host 198.18.9.2 {flags}"));
    until("the local network is found", || {
        let nodes = json(&lab, &here, &format!("node list --api-host {}", requester.api));
        nodes.to_string().contains(&provider.id)
    });
    let run = format!("wasm run hello.wat -c 1 --api-host {} --output-dir out", requester.api);
    assert_eq!(json(&lab, &here, &run)["claim"]["outcome"]["exit"], 0);
    // Each has the other try whether it can be reached.
    until("it is known that others can connect", || provider.log().contains("others can connect here"));
}
