//! From results in our store to a pin that a service says it has: one call a step, each of which may be made again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use libp2p::Multiaddr;

use super::service::PinningService;
use super::trouble::Trouble;
use super::wire::{MAX_ADDRS, MAX_NAME, PinStatus, Status};
use super::{Pin, origins};
use crate::cas::store::Store;
use crate::job::ExecutionId;
use crate::publisher::dag;
use crate::publisher::ledger::{Course, Entry, Matter, Next};
use crate::transport::Dialer;

/// The wait until a service is asked again grows with the time that has passed, within these.
const POLLS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Which part of the time that has passed it is.
const PART: u32 = 10;
/// A pin that takes longer is given up. Its request stays with the service.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// How often a service may forget what it was asked for.
const MOST_LOST: u32 = 3;
/// The wait before it is asked anew.
const AFTER_LOSS: Duration = Duration::from_secs(5);

/// Takes pins further.
pub(in crate::publisher) struct PinCourse {
    service: PinningService,
    store: Arc<Store>,
    origins: Vec<String>,
    dial: Option<Dialer>,
}

impl PinCourse {
    /// With `service`, which fetches what is in `store` from us: at `peers`, or over connections that `dial` makes.
    pub(in crate::publisher) fn new(
        service: PinningService,
        store: Arc<Store>,
        peers: &[String],
        dial: Option<Dialer>,
    ) -> Self {
        let origins = origins::origins(peers, service.endpoint());
        Self { service, store, origins, dial }
    }

    /// What the service says of the pin, which it is told to make if it has none.
    fn find_or_make(&self, entry: &mut Entry, pin: &mut Pin, now_ms: u64) -> Result<PinStatus, Trouble> {
        let (cid, name) = (pin.cid.cid(), name(entry.execution));
        // It was asked before somebody was killed, or its answer was lost.
        if let Some(found) = self.service.find(cid, &name)? {
            return Ok(found);
        }
        if self.service.takes_archives() && !pin.uploaded {
            match dag::archive(&self.store, cid, |car| self.service.upload(cid, &name, car)) {
                Ok(()) => entry.step(now_ms, "uploaded", format!("to {}", self.service.host())),
                // Without it, the service fetches from us.
                Err(Trouble::Absent(why)) => entry.step(now_ms, "not uploaded", format!("there is no add-car ({why})")),
                Err(other) => return Err(other),
            }
            pin.uploaded = true;
        }
        let meta = BTreeMap::from([
            ("app", "bacalhau".to_owned()),
            ("job", entry.execution.job.to_string()),
            ("h1", entry.h1.clone()),
        ]);
        self.service.add(cid, &name, &self.origins, meta)
    }

    /// Begins to connect to who fetches it: it may not reach us. Who cannot be reached is no failure.
    fn connect(&self, delegates: &[String]) {
        let Some(dial) = &self.dial else { return };
        for addr in delegates.iter().take(MAX_ADDRS).filter_map(|text| text.parse::<Multiaddr>().ok()) {
            dial(&addr);
        }
    }

    fn heard(&self, entry: &mut Entry, pin: &mut Pin, status: &PinStatus, now_ms: u64) -> Next {
        pin.request = Some(status.request.clone());
        let details = status.details().map_or_else(String::new, |details| format!(": {details}"));
        let text = format!("request {} at {}{details}", status.request, self.service.host());
        entry.step(now_ms, &status.status.to_string(), text);
        if matches!(status.status, Status::Pinned | Status::Failed) {
            return Next::Ended;
        }
        self.connect(&status.delegates);
        let passed = Duration::from_millis(now_ms.saturating_sub(pin.began_ms));
        if passed > LONGEST {
            entry.fail(now_ms, "it was not pinned within 30 days");
            return Next::Ended;
        }
        Next::In((passed / PART).clamp(POLLS.0, POLLS.1))
    }
}

impl Course for PinCourse {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, String> {
        let Matter::Estuary(pin) = &entry.matter else { return Err("it is no pin".into()) };
        let mut pin = pin.clone();
        let asked = pin.request.clone();
        let answer = match &asked {
            Some(request) => self.service.status(request),
            None => self.find_or_make(entry, &mut pin, now_ms),
        };
        let next = match answer {
            Ok(status) => Ok(self.heard(entry, &mut pin, &status, now_ms)),
            Err(Trouble::Refused(why)) => {
                entry.fail(now_ms, why);
                Ok(Next::Ended)
            }
            Err(Trouble::Absent(why)) if asked.is_none() => {
                let endpoint = self.service.endpoint();
                entry.fail(now_ms, format!("there is no pinning service at {endpoint} ({why}): set estuary.endpoint"));
                Ok(Next::Ended)
            }
            Err(Trouble::Absent(why)) if pin.lost >= MOST_LOST => {
                entry.fail(now_ms, format!("the service has forgotten it again and again ({why})"));
                Ok(Next::Ended)
            }
            Err(Trouble::Absent(why)) => {
                entry.step(now_ms, "lost", format!("the service does not know it any more ({why})"));
                (pin.request, pin.lost) = (None, pin.lost + 1);
                Ok(Next::In(AFTER_LOSS))
            }
            Err(Trouble::Later(why, Some(pause))) => {
                entry.wait(now_ms, why);
                Ok(Next::In(pause))
            }
            Err(Trouble::Later(why, None)) => Err(why),
        };
        entry.matter = Matter::Estuary(pin);
        next
    }
}

/// By what a pin is found again: one for each execution.
fn name(execution: ExecutionId) -> String {
    let ExecutionId { job, shard, number } = execution;
    let name = format!("bacalhau-{job}-{shard}-{number}");
    debug_assert!(name.len() <= MAX_NAME, "{name}");
    name
}

impl fmt::Debug for PinCourse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinCourse")
            .field("service", &self.service)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
