//! Bidders and requesters that would steer the draw. The attack of the last bidder that chooses its name, and that of the
//! fastest, are played a hundred times in `requester::tests::fair`; here the nodes are real.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bacalhau_job::{
    AnnouncedJob, BeaconChain, BidReceipt, Commitment, Deal, DrawMode, FairRound, FairTerms, Hash256, JobId, JobSpec,
    JobState, Randomness, Request, Requester, Secrets, SetEntry, ShardRuns, SignedCommitment, SignedRequest,
};
use bacalhau_network::{Heard, Network, Transport};
use bacalhau_p2p::{Budgets, Host, HostConfig, JobsConfig};
use bacalhau_protocol::{Announcement, Bid, Committed, Message, Reply, Reveal, Versions};
use bacalhau_requester::{RequesterConfig, repeat};
use bacalhau_runtime::{Job, Link, Profile};
use bacalhau_service::byzantine::Behaviour;
use bacalhau_verify::is_signed;
use blst::min_sig::SecretKey;
use libp2p::PeerId;
use libp2p::identity::Keypair;

use bacalhau_testkit::{
    BOUND, Lab, Node,
    cluster::{Ask, Net, SAID},
    until,
};

/// A peer that says what it likes, and keeps what it hears.
struct Peer {
    host: Host,
    network: Network,
    heard: Mutex<Receiver<Heard>>,
}

impl Peer {
    /// One that is connected to `node`.
    fn of(node: &Node) -> Self {
        let bootstrap = vec![node.peer.parse().unwrap()];
        let jobs = JobsConfig { bootstrap, reachable: true, ..JobsConfig::default() };
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let host = Host::start(&HostConfig { listen, jobs: Some(jobs), ..HostConfig::default() }).unwrap();
        let (hear, heard) = channel();
        let hear = Mutex::new(hear);
        let listener = move |heard: Box<Heard>| {
            let _ = hear.lock().unwrap().send(*heard);
            Ok(())
        };
        let network = Network::start(&host, std::sync::Arc::new(listener)).unwrap();
        until("the node is connected", || network.peers().iter().any(|peer| peer.peer.to_string() == node.id));
        Self { host, network, heard: Mutex::new(heard) }
    }

    fn me(&self) -> PeerId {
        self.host.peer_id()
    }

    fn keys(&self) -> &Keypair {
        self.host.identity().keypair()
    }

    fn secrets(&self, job: &JobId) -> Secrets {
        Secrets::new(&self.keys().sign(&Secrets::of_bidder(job)).unwrap())
    }

    fn say(&self, to: PeerId, message: &Message) {
        self.network.send(1, to, &[], message);
    }

    /// The next thing of which `found` makes something. Messages are answered.
    fn hear<T>(&self, what: &str, found: impl Fn(&Heard) -> Option<T>) -> T {
        let end = Instant::now() + BOUND;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let heard = self.heard.lock().unwrap().recv_timeout(left);
            let heard = heard.unwrap_or_else(|_| panic!("never: {what}"));
            let of = found(&heard);
            if let Heard::Message { reply, .. } = heard {
                reply.answer(Reply::Taken);
            }
            if let Some(of) = of {
                return of;
            }
        }
    }

    fn hear_message<T>(&self, what: &str, found: impl Fn(&Message) -> Option<T>) -> T {
        self.hear(what, |heard| if let Heard::Message { message, .. } = heard { found(message) } else { None })
    }
}

fn versions() -> Versions {
    Versions { semver: "0.1.0".into(), protocol: bacalhau_protocol::PROTOCOL_VERSION, profiles: vec![Profile::V1.id()] }
}

fn fair(concurrency: u16, min_bids: u16) -> Ask {
    let deal = Deal::new(concurrency, 0).unwrap().with_min_bids(min_bids).with_draw(Some(DrawMode::Fair));
    Ask { deal, ..Ask::of(concurrency, 0) }
}

#[test]
fn a_bidder_that_does_not_reveal_is_excluded_and_the_job_completes() {
    let config = RequesterConfig { fair_bidding_ms: 1_000, ..RequesterConfig::default() };
    let net = Net::with("honest honest honest silent-after-bid", config, &Budgets::default());
    let record = net.run_until(&fair(2, 0), |record| {
        record.fair.as_ref().unwrap().rounds[0].set.iter().any(|it| net.role_of(&it.peer) == Behaviour::SilentAfterBid)
    });
    assert_eq!((record.state, net.result(&record)), (JobState::Completed, SAID.to_owned()), "{record:#?}");
    assert_eq!(net.by(Behaviour::SilentAfterBid, &record).len(), 0, "{record:#?}");
    let round = &record.fair.as_ref().unwrap().rounds[0];
    assert_eq!(round.reveals.len() + 1, round.set.len(), "{record:#?}");
    assert!(!repeat(&record).unwrap().is_empty());
}

#[test]
fn the_fastest_bidders_do_not_win_each_draw() {
    const JOBS: usize = 8;
    let config = RequesterConfig { fair_bidding_ms: 700, ..RequesterConfig::default() };
    let net = Net::with("honest honest honest honest honest honest honest", config, &Budgets::default());
    let mut fastest = 0;
    for _ in 0..JOBS {
        let record = net.run(&fair(3, 7));
        assert_eq!(record.state, JobState::Completed, "{record:#?}");
        repeat(&record).unwrap();
        let shard = &record.shards[0];
        let ran: BTreeSet<PeerId> = shard.executions.iter().map(|it| it.peer).collect();
        let first: BTreeSet<PeerId> = shard.bids[..3].iter().map(|bid| bid.peer).collect();
        fastest += usize::from(ran == first);
    }
    // One of 35 sets of three. All eight once in 10^12 times, four of them once in 20,000.
    assert!(fastest < 4, "{fastest} of {JOBS}");
}

#[test]
fn a_bidder_that_is_left_out_holds_a_receipt_and_a_record_shows_who_was_drawn() {
    let lab = Lab::new();
    let one = lab.serve("one", "");
    let two = lab.serve("two", "");
    // Long enough for a peer that has just connected to hear the job.
    let draw = "--default-draw fair --fair-bidding-time 10s";
    let flags = format!("--compute=false {draw} --peer {} --peer {}", one.peer, two.peer);
    let requester = lab.serve("requester", &flags);
    let peer = Peer::of(&requester);
    let to: PeerId = requester.id.parse().unwrap();
    let id = lab.submit(&requester, "hello.wat -c 2 --min-bids 2");
    let job = peer.hear("the job is announced", |heard| match heard {
        Heard::Announced { announcement, .. } => announcement.job.full().cloned(),
        _ => None,
    });
    assert_eq!(job.id.to_string(), id);
    assert_eq!(job.fair.as_ref().unwrap().window_ms, 10_000, "the announcement says when bidding closes");
    let secrets = peer.secrets(&job.id);
    let bid = Bid { job: job.id, shards: vec![0], versions: versions(), claim: None, commit: Some(secrets.commit()) };
    peer.say(to, &Message::Bid(bid));
    let receipt = peer.hear_message("the bid has a receipt", |message| match message {
        Message::Receipt(receipt) => Some(receipt.clone()),
        _ => None,
    });
    let text = BidReceipt::text(&job.id, &peer.me(), &secrets.commit(), receipt.received_ms);
    assert!(is_signed(&to, &text, &receipt.signature), "anybody can check it");

    // Nothing of bids is shown before the draw.
    let before = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
    if before["shards"][0]["executions"].as_array().unwrap().is_empty() {
        assert_eq!(before["shards"][0]["bids"].as_array().unwrap().len(), 0, "{before:#}");
    }

    let committed = peer.hear_message("the set is committed", |message| match message {
        Message::Committed(committed) => Some(committed.clone()),
        _ => None,
    });
    let commitment = &committed.signed.commitment;
    assert!(is_signed(&to, &commitment.text(), &committed.signed.signature));
    let secret = secrets.reveal(commitment.round).unwrap();
    peer.say(to, &Message::Reveal(Reveal { job: job.id, round: commitment.round, secret }));
    until("the draw is made", || {
        let record = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
        !record["shards"][0]["executions"].as_array().unwrap().is_empty()
    });
    let drawn = lab.expect(0, &format!("describe {id} --draw --api-host {}", requester.api)).stdout;
    assert!(drawn.contains("secrets of requester and bidders"), "{drawn}");
    let record = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
    let bidders = record["fair"]["rounds"][0]["set"].as_array().unwrap();
    assert!(bidders.iter().any(|it| it["peer"] == peer.me().to_string()), "its bid is in the set: {record:#}");
}

/// Serves one answer to every question: a requester that shows another record than its own.
fn shows(record: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            let mut length = 0;
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nbacalhau-api: 1\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{record}", record.len());
        }
    });
    format!("http://{addr}")
}

#[test]
fn a_draw_that_was_changed_in_the_record_is_named_with_code_6() {
    let lab = Lab::new();
    let one = lab.serve("one", "");
    let flags = format!("--default-draw fair --fair-bidding-time 1s --peer {}", one.peer);
    let requester = lab.serve("requester", &flags);
    let run = format!("wasm run hello.wat -c 2 --min-bids 2 --api-host {} --output json", requester.api);
    let id = lab.expect_json(0, &run)["job"].as_str().unwrap().to_owned();
    let shown = lab.expect(0, &format!("describe {id} --api-host {}", requester.api)).stdout;
    assert!(shown.contains("fair: 1 draw"), "{shown}");
    let record = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
    let same = shows(record.to_string());
    let repeated = lab.expect_json(0, &format!("describe {id} --draw --api-host {same} --output json"));
    assert_eq!(repeated["draws"][0]["executions"], serde_json::json!([1, 2]), "{repeated:#}");

    let mut swapped = record.clone();
    let executions = swapped["shards"][0]["executions"].as_array_mut().unwrap();
    let (one, two) = (executions[0]["peer"].clone(), executions[1]["peer"].clone());
    (executions[0]["peer"], executions[1]["peer"]) = (two, one);
    let mut left_out = record.clone();
    left_out["fair"]["rounds"][0]["set"].as_array_mut().unwrap().pop();
    for (changed, expected) in [(swapped, "was drawn"), (left_out, "the set of bidders is not the one that was signed")]
    {
        let liar = shows(changed.to_string());
        let end = lab.expect(6, &format!("describe {id} --draw --api-host {liar}"));
        assert!(end.stderr.contains("cannot be repeated") && end.stderr.contains(expected), "{}", end.stderr);
    }
}

/// What a requester that cheats signs for a set of one bidder.
fn commit(peer: &Peer, job: &AnnouncedJob, bidder: PeerId, commit: Hash256, at_ms: u64) -> Committed {
    let shards = ShardRuns::of([0]);
    let set = [SetEntry { peer: bidder, shards: shards.clone(), commit }];
    let commitment = Commitment {
        job: job.id,
        round: 1,
        shards: shards.clone(),
        bidders: 1,
        root: FairRound::tree(&set).root(),
        commit: job.fair.as_ref().unwrap().commit,
        at_ms,
        randomness: Randomness::Reveal,
    };
    let signature = peer.keys().sign(&commitment.text()).unwrap();
    let signature = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = SignedCommitment { commitment, signature };
    Committed { signed, place: 0, shards, path: FairRound::tree(&set).path(0) }
}

#[test]
fn a_requester_that_signs_two_sets_for_one_draw_is_noticed() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let peer = Peer::of(&node);
    let spec = JobSpec {
        timeout_seconds: 60,
        ..JobSpec::wasm("data:,x", Job::new(Link::of_raw(b"x")), Deal::new(1, 0).unwrap())
    };
    let request = SignedRequest::sign(Request { spec, nonce: "1".into() }, &Keypair::generate_ed25519()).unwrap();
    let fair = Some(FairTerms { window_ms: 2_000, commit: Hash256::of(&[b"secret"]), beacon: None });
    let job = AnnouncedJob {
        id: JobId::of(&request, &peer.me()),
        request,
        requester: Requester { peer: peer.me(), addrs: peer.network.addrs().iter().map(ToString::to_string).collect() },
        shards: vec![Vec::new()],
        created_ms: 1,
        bidding_ms: 60_000,
        fair,
    };
    assert!(peer.network.wait_for_subscribers(1, BOUND), "the node hears announcements");
    peer.network.announce(&Announcement { job: job.clone().into(), versions: versions() }).unwrap();
    let bid = peer.hear_message("the node bids", |message| match message {
        Message::Bid(bid) => Some(bid.clone()),
        _ => None,
    });
    let bidder: PeerId = node.id.parse().unwrap();
    let commits = bid.commit.unwrap();
    peer.say(bidder, &Message::Committed(commit(&peer, &job, bidder, commits, 1)));
    let reveal = peer.hear_message("the node reveals", |message| match message {
        Message::Reveal(reveal) => Some(reveal.clone()),
        _ => None,
    });
    assert!(reveal.secret.is_of(&commits, 1));
    peer.say(bidder, &Message::Committed(commit(&peer, &job, bidder, commits, 2)));
    peer.hear_message("the node withdraws", |message| matches!(message, Message::Withdraw(_)).then_some(()));
    until("the node says so", || node.log().contains("signed two different sets of bidders for one draw"));
    // Both are in the log, with signatures: that is the proof.
    let log = node.log();
    assert!(log.contains("signature") && log.contains(&job.id.to_string()), "{log}");
}

/// A fake beacon: it has a key of its own, and signs the rounds that it is asked for when their time has come, or, where it
/// `lies`, always those after them. What drand serves are rounds of the past, and a draw needs one to come.
struct FakeBeacon {
    url: String,
    chain: BeaconChain,
}

impl FakeBeacon {
    fn start(lies: bool) -> Self {
        let key = SecretKey::key_gen(&[9; 32], &[]).unwrap();
        let public_key = hex(&key.sk_to_pk().compress());
        let genesis_seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 1_000;
        let group_hash = Hash256::of(&[b"a fake group"]);
        let chain =
            BeaconChain { public_key, period_seconds: 1, genesis_seconds, group_hash, beacon_id: "fake".into() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = chain.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                Self::answer(stream, &served, &key, lies);
            }
        });
        Self { url, chain }
    }

    fn answer(mut stream: TcpStream, chain: &BeaconChain, key: &SecretKey, lies: bool) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        while reader.read_line(&mut request).is_ok_and(|read| read > 2) {}
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let round =
            path.strip_prefix(&format!("/{}/public/", chain.hash())).and_then(|round| round.parse::<u64>().ok());
        let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let (status, body) = match round.filter(|round| chain.time_ms(*round) <= now_ms) {
            Some(round) => {
                let message = Hash256::of(&[&(round + u64::from(lies)).to_be_bytes()]);
                let domain = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
                let signature = hex(&key.sign(message.as_bytes(), domain, &[]).compress());
                ("200 OK", serde_json::json!({ "round": round, "randomness": "", "signature": signature }).to_string())
            }
            None => ("425 Too Early", String::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
        let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
    }

    /// What a relay of this chain serves at `/info`.
    fn info(&self) -> String {
        let BeaconChain { public_key, period_seconds, genesis_seconds, group_hash, beacon_id } = &self.chain;
        serde_json::json!({
            "public_key": public_key,
            "period": period_seconds,
            "genesis_time": genesis_seconds,
            "hash": self.chain.hash(),
            "groupHash": group_hash,
            "schemeID": "bls-unchained-g1-rfc9380",
            "metadata": { "beaconID": beacon_id },
        })
        .to_string()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_round_of_a_beacon_decides_and_the_record_shows_its_signature() {
    let lab = Lab::new();
    let beacon = FakeBeacon::start(false);
    lab.write("chain.json", beacon.info());
    let one = lab.serve("one", "--beacon-chain chain.json");
    let two = lab.serve("two", "--beacon-chain chain.json");
    // One that does not know the chain takes no part.
    let three = lab.serve("three", "");
    let flags = format!(
        "--default-draw fair --fair-bidding-time 1s --beacon-chain chain.json --beacon-url {} --compute=false --peer {} --peer {} --peer {}",
        beacon.url, one.peer, two.peer, three.peer
    );
    let requester = lab.serve("requester", &flags);
    let run = format!("wasm run hello.wat -c 2 --min-bids 2 --api-host {} --output json", requester.api);
    let id = lab.expect_json(0, &run)["job"].as_str().unwrap().to_owned();
    let drawn = lab.expect(0, &format!("describe {id} --draw --api-host {}", requester.api)).stdout;
    assert!(drawn.contains("beacon round "), "{drawn}");
    until("the third node says why it does not bid", || three.log().contains("which this node does not know"));

    let mut record = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
    let round = &mut record["fair"]["rounds"][0]["beacon"];
    let signature = round["signature"].as_str().unwrap().replace('7', "8");
    round["signature"] = signature.into();
    let liar = shows(record.to_string());
    let end = lab.expect(6, &format!("describe {id} --draw --api-host {liar}"));
    assert!(
        end.stderr.contains("the signature of round") && end.stderr.contains("cannot be repeated"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_beacon_whose_signature_does_not_verify_is_named_and_draws_nothing() {
    let lab = Lab::new();
    let beacon = FakeBeacon::start(true);
    lab.write("chain.json", beacon.info());
    let flags =
        format!("--default-draw fair --fair-bidding-time 500ms --beacon-chain chain.json --beacon-url {}", beacon.url);
    let requester = lab.serve("requester", &flags);
    let end = lab.run_of("client", &format!("wasm run hello.wat -c 1 --api-host {}", requester.api));
    assert_eq!(end.code, 5, "{}{}", end.stdout, end.stderr);
    let text = format!("{}{}", end.stdout, end.stderr);
    let expected =
        format!("of beacon chain {}: it does not verify against the chain's public key", beacon.chain.hash());
    assert!(text.contains("127.0.0.1: the signature of round") && text.contains(&expected), "{text}");
}
