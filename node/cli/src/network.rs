//! Flags for jobs on a network of nodes: bids, sharding, privacy, and waiting.

use std::time::Duration;

use clap::Args;

use super::exit::Failure;
use super::server::Server;
use bacalhau_job::{Condition, Deal, Distinct, DrawMode, SelectorError, Sharding, parse_selector};
use bacalhau_service::config::HumanDuration;

/// Flags of a job that nodes run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(super) struct Network {
    /// Minimum number of bids before nodes are drawn evenly from all bidders
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_bids: u16,

    /// Fewest runs that are enough if no more nodes bid in the time for bids. Older nodes reject jobs with this flag.
    /// Default: as many as -c; with fewer the job fails
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    min_runs: Option<u16>,

    /// Which nodes count as one operator, with one execution and one vote a shard: `none` (each node counts), `prefix`
    /// (nodes of one /24 of IPv4 or /48 of IPv6), `operator` (nodes of one operator by the server's list or the
    /// Filecoin chain, others by prefix). Default: the server's setting, which is `prefix` in an open network
    #[arg(long, value_name = "RULE")]
    distinct: Option<Distinct>,

    /// How nodes are drawn from the bidders: `fast` (when enough bids have arrived) or `fair` (bidding closes after 2
    /// s, the set of bidders is signed, and public randomness decides; `describe --draw` repeats it). Default: the
    /// server's setting, which is `fair` in an open network
    #[arg(long, value_name = "DRAW")]
    draw: Option<DrawMode>,

    /// How long the job waits for nodes that would run it and are busy, from its submission: 30m, 2h, or seconds; at most
    /// 7 days. 0: it does not wait longer than for bids. A job that no node can run fails in the time for bids anyway.
    /// Older nodes reject jobs with this flag. Default: the server's setting, which is 1h
    #[arg(long, value_name = "TIME")]
    queue_timeout: Option<HumanDuration>,

    /// Only nodes whose labels match run the job: conditions separated by commas, KEY=VALUE, KEY!=VALUE, KEY in (A,B),
    /// KEY notin (A,B), KEY or !KEY. Nodes state their labels themselves. Older nodes reject jobs with this flag.
    /// Default: any node
    #[arg(short, long, value_name = "SELECTOR", value_parser = read_selector)]
    selector: Option<Selector>,

    #[command(flatten)]
    sharding: ShardingArgs,

    /// Label of the job, for searching. May be given several times
    #[arg(short, long, value_name = "LABEL", alias = "labels")]
    label: Vec<String>,

    /// Hide program, arguments, inputs, results and logs from other clients, and from all nodes except those that run
    /// the job. Nodes that run the job can still see them. Nodes bid without knowing the inputs, so the job is not
    /// placed near its data
    #[arg(long)]
    private: bool,
}

/// How inputs are split into shards, each of which runs separately.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "these are the names of the flags")]
struct ShardingArgs {
    /// Split the inputs into shards: all entries whose path below --sharding-base-path matches, such as /*.csv or /**
    /// [default: one shard with all inputs]
    #[arg(long, value_name = "GLOB")]
    sharding_glob_pattern: Option<String>,

    /// Directory in which the pattern starts
    #[arg(long, value_name = "GUEST PATH", default_value = "/inputs", requires = "sharding_glob_pattern")]
    sharding_base_path: String,

    /// Number of entries in a shard
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sharding_glob_pattern",
          value_parser = clap::value_parser!(u32).range(1..))]
    sharding_batch_size: u32,
}

/// The conditions of one flag.
#[derive(Clone, Debug)]
struct Selector(Vec<Condition>);

fn read_selector(text: &str) -> Result<Selector, SelectorError> {
    parse_selector(text).map(Selector)
}

/// Flags for submitting a job and waiting for it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
#[expect(clippy::struct_excessive_bools, reason = "these are flags")]
pub(super) struct Submission {
    #[command(flatten)]
    pub(super) server: Server,

    /// Print only the job id; do not wait
    #[arg(long, conflicts_with = "wait")]
    id_only: bool,

    /// Wait until the job has ended (default, unless --id-only is given)
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,

    /// Print the submitted job and do not wait
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,

    /// How long to wait, in seconds. The job continues after that. Default: until it has ended
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["id_only", "no_wait"],
          value_parser = clap::value_parser!(u64).range(1..))]
    wait_timeout_secs: Option<u64>,

    /// Results are downloaded whenever the command waits. A flag of Bacalhau 0.3
    #[arg(long, hide = true, conflicts_with_all = ["id_only", "no_wait"])]
    download: bool,

    /// Show standard output of the program while it runs; with several shards, each line is prefixed with its shard
    #[arg(short, long, conflicts_with_all = ["id_only", "no_wait"])]
    follow: bool,
}

impl Network {
    /// `deal` with the minimum numbers of bids and runs, and operator and draw modes.
    ///
    /// # Errors
    /// When the minimum number of runs does not fit the deal.
    pub(super) fn deal(&self, deal: Deal) -> Result<Deal, Failure> {
        let deal = deal.with_min_bids(self.min_bids).with_distinct(self.distinct).with_draw(self.draw);
        Ok(deal.with_min_runs(self.min_runs.unwrap_or(0))?)
    }

    /// The sharding of inputs.
    pub(super) fn sharding(&self) -> Option<Sharding> {
        let flags = &self.sharding;
        Some(Sharding {
            glob_pattern: flags.sharding_glob_pattern.clone()?,
            base_path: match flags.sharding_base_path.trim_end_matches('/') {
                "" => "/".into(),
                path => path.into(),
            },
            batch_size: flags.sharding_batch_size,
        })
    }

    /// Seconds that the job waits for busy nodes.
    pub(super) fn queue_seconds(&self) -> Option<u64> {
        self.queue_timeout.map(|time| time.0.as_secs())
    }

    /// The conditions on labels of nodes.
    pub(super) fn selector(&self) -> &[Condition] {
        self.selector.as_ref().map_or(&[], |selector| &selector.0)
    }

    /// Checks that no flag is about other nodes when the nodes of this process run the job.
    ///
    /// # Errors
    /// The first flag that is.
    pub(super) fn check_without_server(&self) -> Result<(), Failure> {
        if self.selector.is_some() {
            let why = "--selector chooses among nodes of a network: name a server with --api-host";
            return Err(Failure::usage(why));
        }
        Ok(())
    }

    /// The labels of the job.
    pub(super) fn labels(&self) -> &[String] {
        &self.label
    }

    /// Whether the job is private.
    pub(super) fn is_private(&self) -> bool {
        self.private
    }
}

impl Submission {
    /// Whether only the job id is printed.
    pub(super) fn id_only(&self) -> bool {
        self.id_only
    }

    /// Whether the command waits until the job has ended.
    pub(super) fn waits(&self) -> bool {
        !self.no_wait && !self.id_only
    }

    /// How long it waits; `None` until the job has ended.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.wait_timeout_secs.map(Duration::from_secs)
    }

    /// Whether the log of the program is shown.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    /// Checks that no flag needs a server when none is named.
    ///
    /// # Errors
    /// The first flag that needs one.
    pub(super) fn check_without_server(&self) -> Result<(), Failure> {
        let flags = [
            ("--id-only", self.id_only),
            ("--no-wait", self.no_wait),
            ("--wait-timeout-secs", self.wait_timeout_secs.is_some()),
        ];
        match flags.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                Err(Failure::usage(format!("{flag} needs a server that continues the job: name one with --api-host")))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        network: Network,
        #[command(flatten)]
        submission: Submission,
    }

    fn parse(line: &str) -> Result<Only, String> {
        Only::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_there_is_one_shard_and_one_waits() {
        Only::command().debug_assert();
        let only = parse("x").unwrap();
        assert_eq!((only.network.sharding(), only.network.is_private()), (None, false));
        assert_eq!(only.network.queue_seconds(), None);
        assert_eq!(only.network.deal(Deal::new(3, 0).unwrap()).unwrap(), Deal::new(3, 0).unwrap());
        assert!(only.submission.waits() && !only.submission.follows() && !only.submission.id_only());
        only.submission.check_without_server().unwrap();
    }

    #[test]
    fn flags_reach_the_job() {
        let only = parse(
            "x --min-bids 7 --min-runs 4 --distinct operator --draw fair --sharding-glob-pattern /*.csv --sharding-base-path /in/ -l a --label b --private --queue-timeout 2h",
        );
        let network = only.unwrap().network;
        let deal = network.deal(Deal::new(5, 4).unwrap()).unwrap();
        assert_eq!((deal.min_bids(), deal.min_runs(), deal.distinct()), (7, 4, Some(Distinct::Operator)));
        assert!(network.deal(Deal::new(5, 5).unwrap()).unwrap_err().message.contains("confidence 5"));
        assert_eq!((deal.draw(), network.queue_seconds()), (Some(DrawMode::Fair), Some(7_200)));
        let chosen = parse("x -s zone=a,gpu").unwrap().network;
        assert_eq!(chosen.selector().iter().map(ToString::to_string).collect::<Vec<_>>(), ["zone=a", "gpu"]);
        assert!(chosen.check_without_server().unwrap_err().message.contains("--api-host"));
        network.check_without_server().unwrap();
        let sharding = Sharding { glob_pattern: "/*.csv".into(), base_path: "/in".into(), batch_size: 1 };
        assert_eq!(network.sharding(), Some(sharding));
        assert_eq!((network.labels(), network.is_private()), (&["a".to_owned(), "b".to_owned()][..], true));
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for line in [
            "x --sharding-batch-size 2",
            "x --sharding-base-path /in",
            "x --sharding-glob-pattern * --sharding-batch-size 0",
            "x --id-only --wait",
            "x --id-only --follow",
            "x --no-wait -f",
            "x --distinct peers",
            "x --draw slow",
            "x --queue-timeout soon",
            "x -s a=b=c",
            "x --min-runs 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(!parse("x --wait --no-wait").unwrap().submission.waits());
        assert!(parse("x --no-wait --wait").unwrap().submission.waits());
        let error = parse("x --id-only").unwrap().submission.check_without_server().unwrap_err();
        assert!(error.message.contains("--api-host"), "{}", error.message);
    }
}
