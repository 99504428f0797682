//! Streams of JSON, one value a line.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use ureq::BodyReader;

use super::{ApiClient, ClientError, with_query};
use bacalhau_api::{EventParams, LogLine, LogParams};
use bacalhau_job::{JobId, JobState};
use bacalhau_store::StoredEvent;

/// Maximum length of a line in bytes.
const MAX_LINE_BYTES: u64 = 16 << 20;
/// Maximum reconnections without progress in between.
const TRIES: u32 = 5;

/// The lines of one answer.
struct Lines {
    base: String,
    reader: BufReader<BodyReader<'static>>,
}

impl Lines {
    fn open(client: &ApiClient, path: &str, job: &JobId) -> Result<Self, ClientError> {
        let response = client.ask(path, Some(job))?;
        Ok(Self { base: client.base.clone(), reader: BufReader::new(response.into_body().into_reader()) })
    }

    /// The next value; `None` at the end.
    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            let mut line = Vec::new();
            let read = self.reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            let broken = |why: String| ClientError::Broken(self.base.clone(), why);
            if read.map_err(|error| broken(error.to_string()))? == 0 {
                return Ok(None);
            }
            // An empty line is a keep-alive.
            if line != b"\n" {
                return serde_json::from_slice(&line).map(Some).map_err(|error| broken(error.to_string()));
            }
        }
    }
}

/// The events of a job until it has ended.
pub struct EventStream {
    client: ApiClient,
    job: JobId,
    after: u64,
    lines: Option<Lines>,
    over: bool,
}

impl EventStream {
    pub(super) fn new(client: ApiClient, job: JobId, after: u64) -> Result<Self, ClientError> {
        let mut stream = Self { client, job, after, lines: None, over: false };
        stream.connect()?;
        Ok(stream)
    }

    fn connect(&mut self) -> Result<(), ClientError> {
        let params = EventParams { after: self.after, limit: None, follow: true };
        let path = with_query(&format!("/jobs/{}/events", self.job), &params);
        self.lines = Some(Lines::open(&self.client, &path, &self.job)?);
        Ok(())
    }

    fn read(&mut self) -> Result<Option<StoredEvent>, ClientError> {
        if self.lines.is_none() {
            self.connect()?;
        }
        let read = self.lines.as_mut().map_or(Ok(None), Lines::next);
        match read {
            Ok(None) => {
                self.lines = None;
                // A stopping server ends its streams.
                let state: JobState = self.client.job(&self.job.to_string())?.record.state;
                if state.is_final() {
                    return Ok(None);
                }
                Err(ClientError::Broken(self.client.base.clone(), "the stream ended before the job".into()))
            }
            Err(error) => {
                self.lines = None;
                Err(error)
            }
            event => event,
        }
    }
}

impl Iterator for EventStream {
    type Item = Result<StoredEvent, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut tries = 0;
        while !self.over {
            match self.read() {
                Ok(Some(event)) => {
                    self.after = event.number;
                    return Some(Ok(event));
                }
                Ok(None) => self.over = true,
                Err(error) if may_come_back(&error) && tries < TRIES => {
                    tries += 1;
                    sleep(Duration::from_millis(100 << tries));
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").field("job", &self.job).field("after", &self.after).finish_non_exhaustive()
    }
}

/// A followed log. A broken connection is replaced at the same offset.
pub struct LogLines {
    client: ApiClient,
    job: JobId,
    /// The offset is that of the next byte.
    params: LogParams,
    lines: Option<Lines>,
    over: bool,
}

impl LogLines {
    pub(super) fn new(client: ApiClient, job: JobId, params: LogParams) -> Result<Self, ClientError> {
        let params = LogParams { follow: true, ..params };
        let mut log = Self { client, job, params, lines: None, over: false };
        log.connect()?;
        Ok(log)
    }

    fn connect(&mut self) -> Result<(), ClientError> {
        let path = with_query(&format!("/jobs/{}/logs", self.job), &self.params);
        self.lines = Some(Lines::open(&self.client, &path, &self.job)?);
        Ok(())
    }

    fn broken(&self, why: &dyn Display) -> ClientError {
        ClientError::Broken(self.client.base.clone(), why.to_string())
    }

    /// The next line of the connection, which is opened if necessary.
    fn line(&mut self) -> Result<LogLine, ClientError> {
        if self.lines.is_none() {
            self.connect()?;
        }
        let line = self.lines.as_mut().map_or(Ok(None), Lines::next);
        line?.ok_or_else(|| self.broken(&"the stream ended before the program"))
    }

    fn read(&mut self, line: &LogLine) -> Result<Option<Vec<u8>>, ClientError> {
        // An error answer is final.
        if let Some(problem) = &line.problem {
            return Err(self.broken(problem));
        }
        let bytes = BASE64_STANDARD.decode(&line.base64).map_err(|error| self.broken(&error))?;
        self.params.offset = line.offset.saturating_add(bytes.len() as u64);
        self.over = line.ended;
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

impl Iterator for LogLines {
    type Item = Result<Vec<u8>, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut tries = 0;
        while !self.over {
            let line = match self.line() {
                Err(error) if may_come_back(&error) && tries < TRIES => {
                    self.lines = None;
                    tries += 1;
                    sleep(Duration::from_millis(100 << tries));
                    continue;
                }
                line => line,
            };
            match line.and_then(|line| self.read(&line)) {
                Ok(Some(bytes)) => return Some(Ok(bytes)),
                Ok(None) => tries = 0,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Whether to reconnect after this error.
fn may_come_back(error: &ClientError) -> bool {
    error.is_broken() || matches!(error, ClientError::Unreachable(..))
}

impl std::fmt::Debug for LogLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogLines").field("over", &self.over).finish_non_exhaustive()
    }
}
