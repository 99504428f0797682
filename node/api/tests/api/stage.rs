//! A node that does what a test says, behind the real server, and ways to ask it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bacalhau_receipt::{Outcome, Publication};
use bacalhau_tree::Link;
use tokio::net::TcpSocket;

use super::*;
use bacalhau_cas::store::{Options, Store};
use bacalhau_job::{EventKind, ExecutionQuery, ExecutionRecord, ExecutionState, ExecutionStatus, ShardState};
use bacalhau_protocol::{PROTOCOL_VERSION, Versions};
use bacalhau_testkit::records::{announced, ended, event, requester};

/// By shard, number of the execution, and whether it is standard error.
type Logs = BTreeMap<(u32, u16, bool), (Vec<u8>, bool)>;

/// What the node does besides what is in its store.
pub(super) struct Fake {
    pub(super) store: Arc<JobStore>,
    pub(super) data: Arc<Store>,
    /// What there is of each log, and whether it ends there.
    pub(super) logs: Mutex<Logs>,
    pub(super) results: Mutex<Option<ResultsDag>>,
    pub(super) problem: Mutex<Option<String>>,
    /// What providers say of publications.
    pub(super) publications: Mutex<Option<Vec<Publication>>>,
    /// Whoever submits waits for this.
    pub(super) gate: Mutex<()>,
    /// How many have come so far who submit.
    pub(super) come: AtomicUsize,
    dir: tempfile::TempDir,
}

/// A server.
pub(super) struct Stage {
    pub(super) fake: Arc<Fake>,
    pub(super) server: Option<ApiServer>,
    address: SocketAddr,
}

impl Backend for Fake {
    fn submit(&self, request: SignedRequest) -> Result<JobId, BackendError> {
        self.come.fetch_add(1, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        if let Some(problem) = self.problem.lock().unwrap().clone() {
            return Err(BackendError::Busy(problem));
        }
        let record = announced(request, 1000 + self.store.last_ms().unwrap());
        // The same request twice is one job.
        if self.store.job(&record.job.id).unwrap().is_none() {
            self.commit(&record, EventKind::Created, "taken");
        }
        Ok(record.job.id)
    }

    fn cancel(&self, job: &JobId, why: &str) -> Result<(), BackendError> {
        let record = ended(self.store.job(job).unwrap().unwrap(), ShardState::Cancelled, 9);
        self.commit(&record, EventKind::Ended(record.state), why);
        Ok(())
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Result<LogPart, BackendError> {
        let logs = self.logs.lock().unwrap();
        let log = logs.get(&(execution.shard, execution.number, stderr));
        let (bytes, ended) = log.ok_or_else(|| BackendError::Gone("the provider has no such log".into()))?;
        let bytes = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        // In small pieces.
        let piece = bytes[..bytes.len().min(3)].to_vec();
        Ok(LogPart { ended: *ended && piece.len() == bytes.len(), bytes: piece })
    }

    fn publications(&self, _: ExecutionId, _: libp2p_identity::PeerId) -> Option<Vec<Publication>> {
        self.publications.lock().unwrap().clone()
    }

    fn results(&self, _: &JobId, _: u32) -> Result<ResultsDag, BackendError> {
        self.results.lock().unwrap().clone().ok_or_else(|| BackendError::Gone("the results were deleted".into()))
    }

    fn add_data(&self, car: &mut dyn Read) -> Result<Vec<Link>, BackendError> {
        take_car(&self.data, car, 1_000)
    }

    fn executions(&self, query: &ExecutionQuery) -> ExecutionPage {
        let id = "a".repeat(32).parse::<JobId>().unwrap().execution(0, 1);
        let running = ExecutionStatus {
            id,
            requester: requester(),
            private: false,
            state: query.state.unwrap_or(ExecutionState::Running),
            started_ms: 5,
            ended_ms: None,
            outcome: None,
            why: None,
        };
        let limit = query.limit.min(2);
        ExecutionPage { executions: vec![running; limit], next: query.after.or(Some(limit as u64)) }
    }

    fn node(&self) -> NodeFacts {
        let versions = Versions { semver: "0.1.0".into(), protocol: PROTOCOL_VERSION, profiles: Vec::new() };
        NodeFacts {
            peer: requester(),
            name: Some("first".into()),
            labels: vec!["rack=1".into()],
            addrs: vec!["/ip4/127.0.0.1/tcp/1".into()],
            versions: Some(versions),
            connected: true,
            total: Some(Resources::default()),
            free: None,
        }
    }

    fn nodes(&self) -> Vec<NodeFacts> {
        let other = NodeFacts { peer: key(9).public().to_peer_id(), versions: None, total: None, ..self.node() };
        vec![self.node(), other]
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check { name: "network".into(), problem: self.problem.lock().unwrap().clone() }]
    }
}

impl Fake {
    /// Puts a job as it is now into the store.
    pub(super) fn commit(&self, record: &JobRecord, kind: EventKind, text: &str) {
        let events = [event(&record.job.id, 5, kind, text)];
        self.store.commit(&Batch { now_ms: 1, jobs: vec![record], events: &events, ..Batch::default() }).unwrap();
    }

    /// `job` with one execution, which runs.
    pub(super) fn run(&self, job: &JobId) -> JobRecord {
        let mut record = self.store.job(job).unwrap().unwrap();
        record.shards[0].state = ShardState::Running;
        record.state = JobState::InProgress;
        record.shards[0].executions = vec![ExecutionRecord {
            number: 1,
            peer: requester(),
            operator: None,
            state: ExecutionState::Running,
            accepted_ms: 1,
            ended_ms: None,
            h1: None,
            claim: None,
            outcome: None,
            fuel: None,
            why: Some("secret-why".into()),
            receipt: None,
            calls: None,
            publications: Vec::new(),
            memo: bacalhau_job::ExecutionMemo::default(),
        }];
        self.commit(&record, EventKind::Running, "secret-words");
        record
    }

    /// `job` with a result that stands.
    pub(super) fn complete(&self, job: &JobId, h1: &str) -> JobRecord {
        let mut record = ended(self.run(job), ShardState::Completed, 77);
        let shard = &mut record.shards[0];
        shard.published = Some(1);
        let execution = &mut shard.executions[0];
        execution.state = ExecutionState::Published;
        execution.h1 = Some(h1.into());
        execution.outcome = Some(Outcome::Exit(0));
        let places = vec!["/secret-place".into()];
        execution.publications = vec![Publication { places, ..Default::default() }];
        self.commit(&record, EventKind::Ended(record.state), "done");
        record
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::within(Limits { log_pause: Duration::from_millis(10), ..Limits::default() })
    }

    pub(super) fn within(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fake = Arc::new(Fake {
            publications: Mutex::default(),
            store: Arc::new(JobStore::in_memory().unwrap()),
            data: Store::open(&dir.path().join("store"), Options::default()).unwrap(),
            logs: Mutex::default(),
            results: Mutex::default(),
            problem: Mutex::default(),
            gate: Mutex::default(),
            come: AtomicUsize::new(0),
            dir,
        });
        let any = "0.0.0.0:0".parse().unwrap();
        let (backend, store) = (Arc::clone(&fake) as Arc<dyn Backend>, Arc::clone(&fake.store));
        let server = ApiServer::start(any, backend, store, Arc::default(), limits, Access::default()).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
        Self { fake, server: Some(server), address }
    }

    /// A client with a key of this number.
    pub(super) fn client(&self, number: u8) -> ApiClient {
        ApiClient::new(&format!("http://{}/", self.address), key(number))
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// A connection from another address of this machine.
    pub(super) fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(IpAddr::from(from), 0)).unwrap();
            socket.connect(self.address).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    pub(super) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        ask(self.connect(), method, path, headers, body)
    }
}

/// An answer, read until the server hangs up.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// One request, and the answer.
pub(super) fn ask(mut stream: TcpStream, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
    let mut lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    if !lines.contains("Transfer-Encoding") {
        write!(lines, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    // A server that has said no need not read to the end.
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap_or_default();
    Reply::read(stream)
}

impl Reply {
    pub(super) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        // A server that closes before it has read everything may cut the connection after its answer.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..length]);
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
        let body = bytes.split_off((end + 4).min(bytes.len()));
        Self { head: String::from_utf8(bytes).unwrap(), body }
    }

    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// What it says went wrong.
    pub(super) fn error(&self) -> ErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}
