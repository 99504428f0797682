//! Every path with what it answers, and what is no path.

use super::*;

#[test]
fn every_path_answers_and_what_is_none_says_so_in_json() {
    let stage = Stage::new();
    let id = stage.client(1).submit(&signed(spec(), 1, 1)).unwrap();
    let job = format!("/api/v1/jobs/{id}");
    let table: [(&str, &str, u16, Option<ErrorCode>); 36] = [
        ("GET", "/livez", 200, None),
        ("HEAD", "/livez", 200, None),
        ("GET", "/readyz", 200, None),
        ("GET", "/readyz?verbose", 200, None),
        ("GET", "/healthz?verbose=1", 200, None),
        ("GET", "/metrics", 200, None),
        ("GET", "/debug/metrics", 200, None),
        ("GET", "/api/v1/openapi.json", 200, None),
        ("GET", "/api/v1/node", 200, None),
        ("GET", "/api/v1/nodes", 200, None),
        ("GET", "/api/v1/jobs", 200, None),
        ("GET", "/api/v1/jobs?state=InProgress&limit=5&label=a&id=b", 200, None),
        ("GET", "JOB", 200, None),
        ("GET", "JOB/events?after=0&limit=3", 200, None),
        ("GET", "JOB/results", 200, None),
        ("GET", "JOB/logs", 409, Some(ErrorCode::NotYet)),
        ("GET", "JOB/logs?shard=1", 404, Some(ErrorCode::NotFound)),
        ("GET", "JOB/logs?execution=7", 404, Some(ErrorCode::NotFound)),
        ("GET", "JOB/logs?execution=x", 400, Some(ErrorCode::BadRequest)),
        ("GET", "JOB/results/0", 409, Some(ErrorCode::NotYet)),
        ("GET", "JOB/results/1", 404, Some(ErrorCode::NotFound)),
        ("GET", "JOB/results/-1", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs/aaaa0", 404, Some(ErrorCode::NotFound)),
        ("GET", "/api/v1/jobs/%ff", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?state=running", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?client=me", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?after=1", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?limit=-1", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?limit=1001", 400, Some(ErrorCode::BadRequest)),
        ("GET", "JOB/events?after=9223372036854775808", 400, Some(ErrorCode::BadRequest)),
        ("GET", "/api/v1/jobs?order=up", 400, Some(ErrorCode::BadRequest)),
        ("POST", "/api/v1/jobs", 400, Some(ErrorCode::BadRequest)),
        ("PUT", "/api/v1/jobs", 405, Some(ErrorCode::MethodNotAllowed)),
        ("GET", "/api/v1/data", 405, Some(ErrorCode::MethodNotAllowed)),
        ("GET", "/nothing", 404, Some(ErrorCode::NoSuchRoute)),
        ("GET", "/api/v2/jobs", 404, Some(ErrorCode::NoSuchRoute)),
    ];
    for (method, path, status, code) in table {
        let path = path.replace("JOB", &job);
        let reply = stage.ask(method, &path, &[], &[]);
        assert_eq!(reply.status(), status, "{method} {path}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(code.map(|_| reply.error().code), code, "{method} {path}");
        assert_eq!(reply.header("bacalhau-api"), Some("1"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
    let told = String::from_utf8(stage.ask("GET", "/metrics", &[], &[]).body).unwrap();
    assert!(told.contains("bacalhau_jobs_submitted_total 1"), "{told}");
    let line = "bacalhau_http_requests_total{route=\"/api/v1/jobs/{id}\",method=\"GET\",status=\"200\"} 1";
    assert!(told.lines().any(|there| there == line), "routes are patterns, however many jobs there are: {told}");
    assert_eq!(stage.ask("GET", "/metrics", &[], &[]).header("content-type"), Some(bacalhau_metrics::CONTENT_TYPE));
    assert_eq!(stage.ask("GET", "/api/v1/openapi.json", &[], &[]).body, openapi().as_bytes());
}

#[test]
fn a_node_with_a_problem_lives_and_is_not_ready() {
    let stage = Stage::new();
    *stage.fake.problem.lock().unwrap() = Some("no peers yet".into());
    assert_eq!(stage.ask("GET", "/livez", &[], &[]).status(), 200);
    for path in ["/readyz", "/healthz"] {
        let reply = stage.ask("GET", path, &[], &[]);
        let health: Health = serde_json::from_slice(&reply.body).unwrap();
        let check = Check { name: "network".into(), problem: Some("no peers yet".into()) };
        assert_eq!((reply.status(), health), (503, Health { ok: false, checks: vec![check] }), "{path}");
    }
}
