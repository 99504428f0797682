//! `bacalhau publications`: publications that continue after their jobs have ended, from the ledger of the data
//! directory; also waits for those that still need this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bacalhau_runtime::{Publication, PublicationStep};
use clap::Args;
use serde::Serialize;

use super::content::Content;
use super::exit::{Exit, Failure};
use super::interrupt;
use super::output::{self, Format, Paint, Render};
use super::progress_output::Ui;
use super::publish::{self, Durable};
use super::settings::{Files, PublishingSettings};
use super::text::{self, harmless};
use bacalhau_job::{JobRecord, PublisherKind};
use bacalhau_p2p::Host;
use bacalhau_publisher::{Driver, Entry, LEDGER_DIR, Ledger, PublishPlaces, PublisherState};
use bacalhau_service::{node::Node, serving};

/// Poll interval for changes by other processes.
const LOOK: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "Examples:
  bacalhau publications
      the state of all publications by estuary, filecoin and pdp from this data directory
  bacalhau publications jkxe5v2q --wait
      continues those of one job until they have ended, and shows progress
  bacalhau publications --output json";

/// Show asynchronous publications (estuary, filecoin, pdp), and continue them
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Publications {
    /// Show only publications whose name contains this text, such as a job id prefix
    name: Option<String>,

    /// Continue them, or watch the server that does, until all have ended
    #[arg(long)]
    wait: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    settings: PublishingSettings,

    #[command(flatten)]
    content: Content,
}

/// The list.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct List {
    publications: Vec<Shown>,
}

/// A publication.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    job: String,
    shard: u32,
    execution: u16,
    /// Name of its last step.
    state: String,
    /// Whether it has ended.
    ended: bool,
    /// Whether results must still be fetched from this machine.
    needs_node: bool,
    h1: String,
    publication: Publication,
}

impl Publications {
    /// Prints the publications.
    ///
    /// # Errors
    /// When no name matches, or a publisher is not configured.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.content.place.path()?;
        let ledger = Ledger::open(data_dir.join(LEDGER_DIR))?;
        let ui = Ui::new(false);
        let mut entries = self.entries(&ledger, &ui)?;
        if let Some(name) = self.name.as_ref().filter(|_| entries.is_empty()) {
            return Err(Failure::usage(format!(
                "no publication has {name:?} in its name; list all with: bacalhau publications"
            )));
        }
        if self.wait && entries.iter().any(|entry| !entry.ended) {
            let names: Vec<String> = entries.iter().map(Entry::name).collect();
            // A running server continues them itself.
            let serves = serving::find(&data_dir).is_some_and(|addresses| addresses.api.is_some());
            let driving = if serves { None } else { Some(self.drive(&entries, &ledger, &ui)?) };
            watch(&ledger, &names, &ui, |entry| entry.ended)?;
            drop(driving);
            entries = self.entries(&ledger, &ui)?;
        }
        let failed = self.wait && entries.iter().any(Entry::has_failed);
        output::print(self.output, &List { publications: entries.into_iter().map(Shown::from).collect() })?;
        Ok(if failed { Exit::Unpublished } else { Exit::Success })
    }

    fn entries(&self, ledger: &Ledger, ui: &Ui) -> Result<Vec<Entry>, Failure> {
        let mut listing = ledger.entries()?;
        for damaged in listing.damaged {
            ui.say(format!("note: {damaged}"));
        }
        let is_wanted = |entry: &Entry| self.name.as_ref().is_none_or(|name| entry.name().contains(name.as_str()));
        listing.entries.retain(is_wanted);
        Ok(listing.entries)
    }

    /// Continues publications until they end, and serves their data meanwhile.
    fn drive(&self, entries: &[Entry], ledger: &Ledger, ui: &Arc<Ui>) -> Result<(Driver, Node), Failure> {
        let open = entries.iter().filter(|entry| !entry.ended);
        let kinds: Vec<PublisherKind> = open
            .map(|entry| match entry.state {
                PublisherState::Estuary(_) => PublisherKind::Estuary,
                PublisherState::Filecoin(_) => PublisherKind::Filecoin,
                PublisherState::Pdp(_) => PublisherKind::Pdp,
            })
            .collect();
        let data_dir = self.content.place.path()?;
        let mut places = PublishPlaces {
            peers: serving::find(&data_dir).unwrap_or_default().peers,
            ledger: Some(ledger.clone()),
            ..PublishPlaces::default()
        };
        let durable = Durable { settings: &self.settings, layers: self.files.layers()?, data_dir: &data_dir };
        publish::add_durable(&mut places, &kinds, durable)?;
        let mut config = self.content.config(ui, Vec::new())?;
        config.dials = places.pinning.is_some();
        let node = Node::start(config)?;
        Ok((drive(&places, ledger, Some(&node))?, node))
    }
}

fn drive(places: &PublishPlaces, ledger: &Ledger, node: Option<&Node>) -> Result<Driver, Failure> {
    let dial = node.and_then(Node::host).map(Host::dialer);
    Ok(Driver::start(ledger.clone(), places.tasks(node.map(Node::store), dial))?)
}

/// Waits until the publications of `record` do not need `node` any more, and updates the record. Returns whether there
/// was anything to wait for.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn settle(
    places: &PublishPlaces,
    node: Option<&Node>,
    record: &mut JobRecord,
    ui: &Arc<Ui>,
) -> Result<bool, Failure> {
    let Some(ledger) = &places.ledger else { return Ok(false) };
    let job = record.job.id;
    let mut published = Vec::new();
    for (index, shard) in (0..).zip(&mut record.shards) {
        let execution =
            shard.published.and_then(|number| shard.executions.iter_mut().find(|execution| execution.number == number));
        published.extend(execution.map(|execution| (job.execution(index, execution.number), execution)));
    }
    let entries = || published.iter().flat_map(|(id, _)| ledger.of(*id)).collect::<Vec<_>>();
    let names: Vec<String> = entries().iter().map(Entry::name).collect();
    if names.is_empty() {
        return Ok(false);
    }
    let driver = drive(places, ledger, node)?;
    let waiting = Arc::new(AtomicBool::new(true));
    let (waits, said, short) = (Arc::clone(&waiting), Arc::clone(ui), job.short());
    interrupt::ends(move || {
        if waits.load(Ordering::Relaxed) {
            said.say(format!(
                "the results are stored but not published yet; continue with: bacalhau publications {short} --wait"
            ));
        }
    });
    watch(ledger, &names, ui, |entry| entry.ended || !entry.needs_node)?;
    waiting.store(false, Ordering::Relaxed);
    drop(driver);
    let news = entries();
    for (id, execution) in published {
        for known in &mut execution.publications {
            let is_it = |entry: &&Entry| entry.execution == id && entry.publication.publisher == known.publisher;
            if let Some(new) = news.iter().find(is_it) {
                known.clone_from(&new.publication);
            }
        }
    }
    Ok(true)
}

/// Shows progress of the publications until all are `over`.
fn watch(ledger: &Ledger, names: &[String], ui: &Ui, over: impl Fn(&Entry) -> bool) -> Result<(), Failure> {
    let mut shown: Vec<Option<PublicationStep>> = vec![None; names.len()];
    loop {
        let changes = ledger.changes();
        let mut all = true;
        for (name, shown) in names.iter().zip(&mut shown) {
            let Some(entry) = ledger.get(name)? else { continue };
            let steps = &entry.publication.steps;
            let known = steps.iter().rposition(|step| shown.as_ref() == Some(step)).map_or(0, |index| index + 1);
            // A new reason replaces the last one; only the new part is printed.
            let first = if shown.is_some() && known == 0 { steps.len().saturating_sub(1) } else { known };
            for step in &steps[first..] {
                let line = format!("{}: {}", entry.state.publisher(), in_words(step));
                ui.status(&line, &line);
            }
            *shown = steps.last().cloned();
            all &= over(&entry);
        }
        if all {
            ui.done();
            return Ok(());
        }
        ledger.wait(changes, LOOK);
    }
}

/// The last step of a publication, on one line.
pub(super) fn last(publication: &Publication) -> Option<String> {
    publication.steps.last().map(in_words)
}

fn in_words(PublicationStep { state, text, .. }: &PublicationStep) -> String {
    harmless(format!("{state}  {text}").trim_end())
}

/// Whether a publication has failed.
pub(super) fn has_failed(publication: &Publication) -> bool {
    publication.steps.last().is_some_and(|step| step.state == Entry::FAILED)
}

impl From<Entry> for Shown {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name(),
            job: entry.execution.job.to_string(),
            shard: entry.execution.shard,
            execution: entry.execution.number,
            state: entry.state().into(),
            ended: entry.ended,
            needs_node: entry.needs_node,
            h1: entry.h1,
            publication: entry.publication,
        }
    }
}

impl Render for List {
    fn table(&self, paint: Paint) -> String {
        let mut text = String::new();
        for Shown { name, state, ended, publication, .. } in &self.publications {
            let state = harmless(state);
            let state = match ended {
                true if has_failed(publication) => paint.red(&state),
                true => paint.green(&state),
                false => paint.yellow(&format!("{state} (continues)")),
            };
            text.extend([name.as_str(), "  ", &state, "\n"]);
            if let Some(cid) = publication.cid {
                text.extend(["  ", &cid.to_string(), "\n"]);
            }
            for step in &publication.steps {
                text.extend(["  ", &text::instant(step.at_ms), "  ", &in_words(step), "\n"]);
            }
        }
        text
    }
}
