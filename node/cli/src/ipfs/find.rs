//! `bacalhau ipfs find`: the providers of a CID that routers name, and whether they answer.

use clap::Args;
use serde::Serialize;

use super::super::columns::Columns;
use super::super::content::Content;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::text;
use bacalhau_cas::CidPath;
use bacalhau_exchange::{Answered, FoundProvider};

const EXAMPLES: &str = "\
Examples:
  bacalhau ipfs find bafybei…
  bacalhau ipfs find bafybei… --ipfs-router https://cid.contact --output json";

/// Print the providers of a CID that routers name, with their protocols and whether they answer. Exit code 4 if none does
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Find {
    /// CID, optionally with `ipfs://`. The path of CID/path is ignored
    place: CidPath,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    content: Content,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Found {
    cid: String,
    providers: Vec<Row>,
    /// The answer of each router.
    routers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    /// Empty for a gateway of this machine.
    peer_id: String,
    protocols: Vec<String>,
    addresses: Vec<String>,
    /// Routers that name it.
    routers: Vec<String>,
    /// `block`, `connected`, `no` or `not asked`.
    answered: &'static str,
    /// Why not.
    why: Option<String>,
}

impl Find {
    /// Finds.
    ///
    /// # Errors
    /// When no router is asked, or no provider answers.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let node = self.content.node(&ui)?;
        let Some(routed) = node.routed() else {
            return Err(Failure::usage(
                "no router is asked: name one with --ipfs-router, as in --ipfs-router https://cid.contact",
            ));
        };
        let findings = routed.find(&self.place.cid);
        ui.done();
        let answered =
            findings.providers.iter().any(|found| matches!(found.answered, Answered::Block | Answered::Connected));
        let found = Found {
            cid: self.place.cid.to_string(),
            providers: findings.providers.into_iter().map(Row::of).collect(),
            routers: findings.routers,
        };
        output::print(self.output, &found)?;
        if answered {
            return Ok(Exit::Success);
        }
        let what = if found.providers.is_empty() { "no router names a provider of" } else { "no provider answers for" };
        let message = format!("{what} {}: {}", found.cid, found.routers.join("; "));
        Err(Failure::new(Exit::Host, message))
    }
}

impl Row {
    fn of(found: FoundProvider) -> Self {
        let (answered, why) = match found.answered {
            Answered::Block => ("block", None),
            Answered::Connected => ("connected", None),
            Answered::No(why) => ("no", Some(why)),
            Answered::NotAsked(why) => ("not asked", Some(why)),
        };
        let FoundProvider { id: peer_id, routers, protocols, addresses, .. } = found;
        Self { peer_id, protocols, addresses, routers, answered, why }
    }
}

impl Render for Found {
    fn table(&self, paint: Paint) -> String {
        let mut columns = Columns::default();
        columns.add(["ANSWERED", "PROVIDER", "PROTOCOLS", "ADDRESS"].map(str::to_owned));
        for row in &self.providers {
            let unknown = |text: String| if text.is_empty() { "-".into() } else { text };
            columns.add([
                if row.why.is_none() { paint.green(row.answered) } else { row.answered.to_owned() },
                unknown(text::harmless(&row.peer_id)),
                unknown(text::harmless(&row.protocols.join(","))),
                unknown(row.addresses.first().map(|address| text::harmless(address)).unwrap_or_default()),
            ]);
        }
        let text = if self.providers.is_empty() { String::new() } else { columns.into_text() };
        let whys = self.providers.iter().filter_map(|row| Some((row, row.why.as_ref()?)));
        let whys = whys.map(|(row, why)| {
            let names = [Some(&row.peer_id), row.addresses.first()].into_iter().flatten();
            let name = names.into_iter().find(|name| !name.is_empty()).map_or("-", String::as_str);
            format!("{}: {}\n", text::harmless(name), text::harmless(why))
        });
        let routers = self.routers.iter().map(|said| format!("{}\n", text::harmless(said)));
        text + &whys.chain(routers).collect::<String>()
    }
}
