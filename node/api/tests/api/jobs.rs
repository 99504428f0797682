//! Jobs from submission to their end, as a client sees them.

use bacalhau_receipt::{Publication, PublicationStep};

use super::*;
use bacalhau_job::EventKind;

#[test]
fn a_job_is_submitted_listed_described_and_taken_back() {
    let stage = Stage::new();
    let (owner, stranger) = (stage.client(1), stage.client(2));
    let mut labelled = spec();
    labelled.labels = vec!["mine".into()];
    let request = signed(labelled, 1, 1);
    let id = owner.submit(&request).unwrap();
    let other = stranger.submit(&signed(spec(), 2, 2)).unwrap();
    let ids =
        |params: ListParams| -> Vec<JobId> { stranger.jobs(&params).unwrap().jobs.iter().map(|job| job.id).collect() };
    assert_eq!(ids(ListParams::default()), [other, id]);
    assert_eq!(ids(ListParams { label: Some("mine".into()), ..ListParams::default() }), [id]);
    assert_eq!(
        ids(ListParams { client: Some(key(2).public().to_peer_id().to_string()), ..ListParams::default() }),
        [other]
    );
    assert_eq!(ids(ListParams { state: Some(JobState::Failed), ..ListParams::default() }), []);
    let first = owner.jobs(&ListParams { limit: Some(1), ..ListParams::default() }).unwrap();
    let next = first.next.map(|next| next.to_string());
    assert_eq!((first.jobs[0].id, ids(ListParams { after: next, ..ListParams::default() })), (other, vec![id]));

    let described = stranger.job(&id.short()).unwrap();
    assert!(!described.withheld);
    assert_eq!((&described.record.job.request, described.record.state), (&request, JobState::Bidding));
    assert_eq!(code(&stranger.job("zzzzzzzz").unwrap_err()), ErrorCode::NotFound);

    assert_eq!(code(&stranger.cancel(&id.to_string()).unwrap_err()), ErrorCode::NotOwner);
    assert_eq!(stranger.job(&id.to_string()).unwrap().record.state, JobState::Bidding);
    assert_eq!(owner.cancel(&id.short()).unwrap(), id);
    assert_eq!(owner.cancel(&id.short()).unwrap(), id, "twice is no error");
    assert_eq!(owner.job(&id.short()).unwrap().record.state, JobState::Cancelled);
    stage.fake.complete(&other, "h1:x");
    assert_eq!(code(&stranger.cancel(&other.to_string()).unwrap_err()), ErrorCode::Ended);
}

#[test]
fn a_request_that_nobody_signed_or_nobody_could_do_is_refused_before_the_node_hears_of_it() {
    let stage = Stage::new();
    let client = stage.client(1);
    let mut changed = signed(spec(), 1, 1);
    changed.request.nonce = "2".into();
    assert_eq!(code(&client.submit(&changed).unwrap_err()), ErrorCode::BadSignature);
    let mut endless = spec();
    endless.timeout_seconds = 0;
    let error = client.submit(&signed(endless, 1, 1)).unwrap_err();
    assert_eq!(code(&error), ErrorCode::Refused);
    assert!(error.to_string().contains("timeout_seconds is 0: give between 1 and 86400"), "{error}");
    let mut large = spec();
    large.labels = vec!["x".repeat(300 << 10)];
    assert_eq!(code(&client.submit(&signed(large.clone(), 1, 1)).unwrap_err()), ErrorCode::TooLarge);
    large.labels = vec!["x".repeat(3 << 20)];
    let json = serde_json::to_vec(&signed(large, 1, 1)).unwrap();
    let reply = stage.ask("POST", "/api/v1/jobs", &[JSON], &json);
    assert_eq!((reply.status(), reply.error().code), (413, ErrorCode::TooLarge));
    assert_eq!(client.jobs(&ListParams::default()).unwrap().jobs, []);
}

#[test]
fn a_node_that_is_not_ready_says_why() {
    let stage = Stage::new();
    let client = stage.client(1);
    assert!(client.health().unwrap().ok);
    *stage.fake.problem.lock().unwrap() = Some("no peers yet".into());
    let error = client.submit(&signed(spec(), 1, 1)).unwrap_err();
    let ClientError::Refused { status: 503, body, retry_after: Some(_) } = &error else { panic!("{error}") };
    assert_eq!((body.code, body.message.as_str()), (ErrorCode::Busy, "no peers yet"));
    let health = client.health().unwrap();
    let problems: Vec<_> = health.checks.iter().filter_map(|check| check.problem.as_deref()).collect();
    assert_eq!((health.ok, health.checks.len(), problems), (false, 3, vec!["no peers yet"]));
}

#[test]
fn nodes_are_shown() {
    let stage = Stage::new();
    let client = stage.client(1);
    let nodes = client.nodes().unwrap();
    assert_eq!((nodes.len(), &nodes[0]), (2, &client.node().unwrap()));
    assert_eq!(nodes[0].peer, bacalhau_testkit::records::requester());
}

#[test]
fn a_server_of_another_version_and_what_is_no_server_are_told_apart() {
    let server = |header: &'static str| {
        bacalhau_testkit::server::TestServer::start(move |_, stream| {
            bacalhau_testkit::server::respond(stream, "200 OK", &[header], b"{}")
        })
    };
    let said = |server: &bacalhau_testkit::server::TestServer| {
        ApiClient::new(server.url("").as_str(), key(1)).node().unwrap_err().to_string()
    };
    let newer = said(&server("bacalhau-api: 2"));
    assert!(newer.contains("has version 2 of the API, and this program has 1"), "{newer}");
    let other = said(&server("x: y"));
    assert!(other.contains("is not a bacalhau server"), "{other}");
    let nobody = ApiClient::new("http://127.0.0.1:1", key(1)).node().unwrap_err();
    assert!(matches!(&nobody, ClientError::Unreachable(..)), "{nobody}");
    let nonsense = ApiClient::new("not a url", key(1)).node().unwrap_err().to_string();
    assert!(nonsense.contains("not a url"), "{nonsense}");
}

#[test]
fn describe_has_what_providers_say_now_and_else_what_was_known() {
    let stage = Stage::new();
    let owner = stage.client(1);
    let mut private = spec();
    private.private = true;
    let id = owner.submit(&signed(private, 1, 1)).unwrap();
    let step = |at_ms, state: &str| PublicationStep { at_ms, state: state.into(), text: String::new() };
    let pin = |steps| Publication { publisher: "estuary".into(), steps, ..Publication::default() };
    let mut record = stage.fake.complete(&id, "h1:x");
    let execution = &mut record.shards[0].executions[0];
    execution.publications =
        vec![Publication { publisher: "ipfs".into(), ..Publication::default() }, pin(vec![step(1, "begun")])];
    stage.fake.commit(&record, EventKind::Ended(record.state), "published");
    let states = |client: &ApiClient| -> Vec<String> {
        let record = client.job(&id.to_string()).unwrap().record;
        let publications = &record.shards[0].executions[0].publications;
        let steps = publications.iter().flat_map(|publication| &publication.steps);
        steps.map(|step| step.state.clone()).collect()
    };
    assert_eq!(states(&owner), ["begun"], "the provider is gone: what was known last");
    *stage.fake.publications.lock().unwrap() = Some(vec![pin(vec![step(1, "begun"), step(2, "pinned")])]);
    assert_eq!(states(&owner), ["begun", "pinned"], "the provider has news");
    assert!(states(&stage.client(2)).is_empty(), "strangers see nothing of a private job");
    let known = stage.fake.store.job(&id).unwrap().unwrap();
    assert_eq!(known.shards[0].executions[0].publications.len(), 2, "publishers without news stay");
}
