//! How nodes get to each other: over QUIC, by what other nodes know, through relays, and again after they were lost.

use super::*;

#[test]
fn quic_carries_everything() {
    let one = Node::start(&config("/ip4/127.0.0.1/udp/0/quic-v1", JobsConfig::default()));
    let two = Node::start(&config("", knowing(&[&one])));
    assert!(one.addr().to_string().contains("/quic-v1/p2p/"));
    two.says(&one, 1);
    assert!(one.network.wait_for_subscribers(1, SOON));
    let announced = announcement(one.peer(), "1");
    one.network.announce(&announced).unwrap();
    assert_eq!(two.hears_job().0, announced);
}

#[test]
fn a_bootstrap_peer_that_was_lost_is_dialed_again() {
    let identity = Identity::ephemeral();
    let mut settings = HostConfig { identity, ..config(TCP, JobsConfig::default()) };
    let hub = Node::start(&settings);
    let (peer, addr) = (hub.peer(), hub.addr());
    let node = Node::start(&config("", knowing(&[&hub])));
    let connected = || node.network.peers().iter().any(|info| info.peer == peer);
    until(connected);
    drop(hub);
    until(|| !connected());
    let mut listen = addr;
    listen.pop();
    settings.listen = vec![listen];
    // The system gives the port back when the threads of the first have ended.
    let started = std::cell::RefCell::new(None);
    until(|| {
        *started.borrow_mut() = Host::start(&settings).ok();
        started.borrow().is_some()
    });
    until(connected);
}

#[test]
fn one_who_was_not_there_at_first_is_found_as_soon_as_it_is() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let addr: Multiaddr = format!("/ip4/127.0.0.1/tcp/{free}").parse().unwrap();
    let node = Node::start(&config("", JobsConfig { bootstrap: vec![addr.clone()], ..JobsConfig::default() }));
    let late = Node::start(&HostConfig { listen: vec![addr], ..config("", JobsConfig::default()) });
    until(|| node.network.peers().iter().any(|info| info.peer == late.peer()));
}

#[test]
fn a_third_node_is_found_by_what_the_bootstrap_node_knows() {
    let hub = Node::start(&config(TCP, JobsConfig { reachable: true, ..JobsConfig::default() }));
    let (one, two) = (Node::start(&config(TCP, knowing(&[&hub]))), Node::start(&config(TCP, knowing(&[&hub]))));
    let identified =
        |by: &Node, who: &Node| by.network.peers().iter().any(|info| info.peer == who.peer() && !info.agent.is_empty());
    until(|| identified(&hub, &two) && identified(&one, &hub));
    one.network.send(1, two.peer(), &[], &running(1));
    let (from, _, reply) = two.hears_message();
    assert_eq!(from, one.peer());
    reply.answer(Reply::Taken);
    assert_eq!(one.hears_answer(1), Ok(Reply::Taken));
}

#[test]
fn one_that_nobody_can_connect_to_is_reached_through_a_relay() {
    let relay = Node::start(&config(TCP, JobsConfig { relay: true, reachable: true, ..JobsConfig::default() }));
    let hidden = Node::start(&config("", JobsConfig { relays: vec![relay.addr()], ..JobsConfig::default() }));
    assert!(hidden.host.listen_addrs().is_empty());
    until(|| !hidden.network.addrs().is_empty());
    let addrs = hidden.network.addrs();
    assert!(addrs[0].to_string().ends_with(&format!("/p2p-circuit/p2p/{}", hidden.peer())), "{addrs:?}");
    let client = Node::start(&config("", JobsConfig::default()));
    client.network.send(1, hidden.peer(), &addrs, &running(1));
    let (from, _, reply) = hidden.hears_message();
    assert_eq!(from, client.peer());
    reply.answer(Reply::Taken);
    assert_eq!(client.hears_answer(1), Ok(Reply::Taken));
}
