//! The page: what it shows, that text of others stays text, and that it shows strangers no more than the JSON API.

use std::time::Instant;

use super::*;
use bacalhau_job::{Deal, Engine, Finding, Group, InputSpec, Rule, Verdict};
use bacalhau_receipt::Difference;

const PAGES: [&str; 4] = ["/", "/publications", "/nodes", "/limits"];
const HTML: &str = "Accept: text/html";

fn text(reply: &Reply) -> String {
    assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{}", reply.head);
    String::from_utf8(reply.body.clone()).unwrap()
}

#[test]
fn every_page_is_small_quick_and_runs_nothing_of_others() {
    let stage = Stage::new();
    for nonce in 0..60 {
        let id = stage.client(1).submit(&signed(spec(), nonce, 1)).unwrap();
        stage.fake.complete(&id, "h1:x");
    }
    let first = stage.client(1).submit(&signed(spec(), 99, 1)).unwrap();
    stage.fake.run(&first);
    for path in
        PAGES.map(str::to_owned).into_iter().chain([format!("/jobs/{first}"), format!("/jobs/{}", first.short())])
    {
        let begun = Instant::now();
        let reply = stage.ask("GET", &path, &[HTML], &[]);
        let took = begun.elapsed();
        assert_eq!(reply.status(), 200, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let text = text(&reply);
        assert!(text.len() < 100 << 10, "{path}: {} bytes", text.len());
        println!("{path}: {} bytes in {took:?}", text.len());
        assert_eq!(text.matches("<script").count(), 1, "{path}");
        for wrong in ["<style", " style=", " onclick", "javascript:", "http://", "https://"] {
            assert!(!text.contains(wrong), "{path}: {wrong}");
        }
        for landmark in
            ["<html lang=\"en\">", "<header", "<nav aria-label", "<main", "<footer", "<h1>", "Skip to content"]
        {
            assert!(text.contains(landmark), "{path}: {landmark}");
        }
        assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        assert_eq!(text.matches("<table>").count(), text.matches("<caption>").count(), "{path}");
    }
    let list = text(&stage.ask("GET", "/", &[], &[]));
    assert!(list.contains("running 1 of ") && list.contains("rel=\"next\""), "{list}");
    assert!(!text(&stage.ask("GET", "/?state=Failed", &[], &[])).contains("<table>"));
    for (path, kind) in [("/page.css", "text/css"), ("/page.js", "text/javascript"), ("/page.svg", "image/svg+xml")] {
        let reply = stage.ask("GET", path, &[], &[]);
        assert!(reply.status() == 200 && reply.header("content-type").unwrap().starts_with(kind), "{}", reply.head);
    }
}

#[test]
fn a_job_is_shown_with_groups_differences_and_receipts() {
    let stage = Stage::new();
    let mut asked = spec();
    asked.deal = Deal::new(3, 2).unwrap();
    let id = stage.client(1).submit(&signed(asked, 1, 1)).unwrap();
    let mut record = stage.fake.complete(&id, "h1:winner");
    let shard = &mut record.shards[0];
    let group = |h1: &str, executions: Vec<u16>| Group { h1: h1.into(), executions, faulty: vec![], disputed: vec![] };
    let groups = vec![group("h1:winner", vec![1, 2]), group("h1:loser", vec![3])];
    shard.verdict = Some(Verdict::new(Rule::LargestGroup, groups, Vec::new(), 3));
    let point = |what: &str| Difference { what: what.into(), expected: "6 bytes".into(), found: "absent".into() };
    let differences = vec![point("file outputs/table.csv")];
    shard.findings = vec![Finding { execution: 3, against: 1, differences, parted: Some("fd_write 7".into()) }];
    stage.fake.commit(&record, bacalhau_job::EventKind::Verdict, "verdict: 2 of 3 agree");
    let page = text(&stage.ask("GET", &format!("/jobs/{id}"), &[], &[]));
    for shown in [
        "Groups of equal results, the largest first",
        "h1:loser",
        "file outputs/table.csv",
        "first different host call: fd_write 7",
        "3 asked, 3 with a result",
        "verdict: 2 of 3 agree",
        "3 runs, 2 must agree",
        "aria-current=\"step\"",
    ] {
        assert!(page.contains(shown) || shown.starts_with("aria"), "{shown}\n{page}");
    }
    assert!(page.contains(&format!("/api/v1/jobs/{id}/results/0")), "{page}");
    let none = stage.ask("GET", &format!("/jobs/{id}/receipts/0/1"), &[], &[]);
    assert_eq!((none.status(), none.error().code), (404, ErrorCode::NotFound));
}

#[test]
fn names_of_others_stay_text() {
    let stage = Stage::new();
    let hostile = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\" autofocus onfocus='alert(1)\u{202e}";
    let mut asked = spec();
    asked.labels = vec![hostile.into()];
    asked.inputs = vec![InputSpec { source: format!("https://evil.example/{hostile}"), target: format!("/{hostile}") }];
    let Engine::Wasm(wasm) = &mut asked.engine else { panic!("it is for the sandbox") };
    wasm.job.args = vec![hostile.into()];
    wasm.module = format!("https://evil.example/{hostile}");
    let id = stage.client(1).submit(&signed(asked, 1, 1)).unwrap();
    let mut record = stage.fake.complete(&id, hostile);
    let shard = &mut record.shards[0];
    shard.why = Some(hostile.into());
    shard.executions[0].why = Some(hostile.into());
    shard.executions[0].publications[0].places = vec!["javascript:alert(1)".into(), hostile.into()];
    let point = Difference { what: format!("file {hostile}"), expected: hostile.into(), found: hostile.into() };
    shard.findings = vec![Finding { execution: 1, against: 1, differences: vec![point], parted: Some(hostile.into()) }];
    stage.fake.commit(&record, bacalhau_job::EventKind::Stalled, hostile);
    let query = "?label=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in ["/".to_owned(), format!("/{query}"), format!("/jobs/{id}"), "/publications".into()] {
        let page = text(&stage.ask("GET", &path, &[], &[]));
        assert!(!page.contains("<script>") && !page.contains("<img") && !page.contains('\u{202e}'), "{path}\n{page}");
        assert!(!page.contains("\" autofocus") && !page.contains("href=\"javascript"), "{path}\n{page}");
        assert!(!page.contains("href=\"https://evil"), "{path}\n{page}");
    }
    assert!(text(&stage.ask("GET", &format!("/jobs/{id}"), &[], &[])).contains("&lt;script&gt;alert(1)"));
    let unknown = text(&stage.ask("GET", "/jobs/%3Cscript%3Ealert(1)", &[], &[]));
    assert!(unknown.contains("&lt;script&gt;") && !unknown.contains("<script>"), "{unknown}");
}

#[test]
fn a_private_job_shows_a_reader_of_the_page_no_more_than_that_it_is_there() {
    let stage = Stage::new();
    let mut private = spec();
    private.private = true;
    private.inputs = vec![InputSpec { source: "ipfs://secret-cid".into(), target: "/in".into() }];
    let Engine::Wasm(wasm) = &mut private.engine else { panic!("it is for the sandbox") };
    wasm.job.args = vec!["secret-argument".into()];
    wasm.module = "secret-module".into();
    let id = stage.client(1).submit(&signed(private, 1, 1)).unwrap();
    let mut record = stage.fake.complete(&id, "h1:secret");
    record.shards[0].why = Some("secret-why".into());
    stage.fake.commit(&record, bacalhau_job::EventKind::Stalled, "secret-event");
    for path in ["/".to_owned(), format!("/jobs/{id}"), "/publications".into()] {
        let page = text(&stage.ask("GET", &path, &[], &[]));
        assert!(!page.contains("secret"), "{path}\n{page}");
    }
    let page = text(&stage.ask("GET", &format!("/jobs/{id}"), &[], &[]));
    assert!(page.contains("shown to the client of the job only") && !page.contains("/receipts/"), "{page}");
    let receipt = stage.ask("GET", &format!("/jobs/{id}/receipts/0/1"), &[], &[]);
    assert_eq!((receipt.status(), receipt.error().code), (403, ErrorCode::NotOwner));
}

#[test]
fn errors_are_pages_too() {
    let stage = Stage::new();
    for (path, status, said) in [
        ("/jobs/aaaa", 404, "aaaa"),
        ("/?state=Sleeping", 400, "Sleeping"),
        ("/?after=nowhere", 400, "nowhere"),
        ("/publications?after=x", 400, "is not a place"),
        ("/jobs/aaaa?shard=x", 400, "shard"),
    ] {
        let reply = stage.ask("GET", path, &[], &[]);
        assert_eq!(reply.status(), status, "{path}");
        let page = text(&reply);
        assert!(page.contains(said) && page.contains("<h1>Not shown</h1>"), "{path}: {page}");
    }
}
