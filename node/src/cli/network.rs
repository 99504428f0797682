//! The flags that say what a network of nodes does with a job: how many must offer, how inputs are spread, who may see
//! it; and how long one waits for it.

use clap::Args;

use super::exit::Failure;
use super::server::Server;
use crate::job::{Deal, Distinct, DrawMode, Sharding};

/// Flags of a job that nodes run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub(super) struct Network {
    /// Offers that must be in before any node is chosen; the nodes are then drawn evenly from all that offered
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_bids: u16,

    /// Which nodes count as one, so that they run a shard once at most and have one vote: `none` (each node counts), `prefix`
    /// (nodes of one /24 of IPv4 or /48 of IPv6), `operator` (nodes that the server's list or the chain of Filecoin gives to
    /// one operator, others by prefix). Default: as the server has it, which is `prefix` in an open network
    #[arg(long, value_name = "RULE")]
    distinct: Option<Distinct>,

    /// How nodes are drawn from those that offered: `fast` (as soon as enough have offered) or `fair` (bidding closes after 2 s,
    /// the set is signed, then drawn by randomness that nobody knew before; `describe --draw` repeats it). Default: as the server
    /// has it, which is `fair` in an open network
    #[arg(long, value_name = "DRAW")]
    draw: Option<DrawMode>,

    #[command(flatten)]
    sharding: ShardingArgs,

    /// A word to find the job by. May be given several times
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,

    /// Show program, arguments, inputs, results and logs to no other client, and to no node but those that run the job.
    /// Nodes bid without knowing its inputs, so it is not placed where its data is
    #[arg(long)]
    private: bool,
}

/// How inputs are spread over shards, each of which is run by itself.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "these are the names of the flags")]
struct ShardingArgs {
    /// Spread the inputs over shards: all entries whose path below --sharding-base-path matches, such as /*.csv or /**
    /// [default: one shard with everything]
    #[arg(long, value_name = "GLOB")]
    sharding_glob_pattern: Option<String>,

    /// Where the pattern begins
    #[arg(long, value_name = "GUEST PATH", default_value = "/inputs", requires = "sharding_glob_pattern")]
    sharding_base_path: String,

    /// Entries of one shard
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sharding_glob_pattern",
          value_parser = clap::value_parser!(u32).range(1..))]
    sharding_batch_size: u32,
}

/// Flags that say who gets a job, and how long one waits for it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
#[expect(clippy::struct_excessive_bools, reason = "these are flags")]
pub(super) struct Submission {
    #[command(flatten)]
    pub(super) server: Server,

    /// Print the name of the job, and nothing else. Does not wait
    #[arg(long, conflicts_with = "wait")]
    id_only: bool,

    /// Wait until the job has ended. This is the default, unless --id-only is given
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,

    /// Print what was submitted, and do not wait
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,

    /// Show what the program writes to standard output while it runs; of several shards, each line with its shard in front
    #[arg(short, long, conflicts_with_all = ["id_only", "no_wait"])]
    follow: bool,
}

impl Network {
    /// The deal with so many bids.
    pub(super) fn deal(&self, deal: Deal) -> Deal {
        deal.with_min_bids(self.min_bids).with_distinct(self.distinct).with_draw(self.draw)
    }

    /// How inputs are spread.
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

    /// Words to find the job by.
    pub(super) fn labels(&self) -> &[String] {
        &self.label
    }

    /// Whether nobody else may see it.
    pub(super) fn is_private(&self) -> bool {
        self.private
    }
}

impl Submission {
    /// Whether only the name is printed.
    pub(super) fn id_only(&self) -> bool {
        self.id_only
    }

    /// Whether the command goes on until the job has ended.
    pub(super) fn waits(&self) -> bool {
        !self.no_wait && !self.id_only
    }

    /// Whether the log of the program is shown meanwhile.
    pub(super) fn follows(&self) -> bool {
        self.follow
    }

    /// Whether flags ask for what only a server has, although none is named.
    ///
    /// # Errors
    /// Which.
    pub(super) fn check_without_server(&self) -> Result<(), Failure> {
        let flags = [("--id-only", self.id_only), ("--no-wait", self.no_wait)];
        match flags.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failure::usage(format!(
                "{flag} needs a server that goes on with the job: name one with --api-host"
            ))),
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
        assert_eq!(only.network.deal(Deal::new(3, 0).unwrap()), Deal::new(3, 0).unwrap());
        assert!(only.submission.waits() && !only.submission.follows() && !only.submission.id_only());
        assert!(only.submission.check_without_server().is_ok());
    }

    #[test]
    fn flags_reach_the_job() {
        let only = parse(
            "x --min-bids 7 --distinct operator --draw fair --sharding-glob-pattern /*.csv --sharding-base-path /in/ -l a --label b --private",
        );
        let network = only.unwrap().network;
        let deal = network.deal(Deal::new(5, 4).unwrap());
        assert_eq!((deal.min_bids(), deal.distinct()), (7, Some(Distinct::Operator)));
        assert_eq!(deal.draw(), Some(DrawMode::Fair));
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
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(!parse("x --wait --no-wait").unwrap().submission.waits());
        assert!(parse("x --no-wait --wait").unwrap().submission.waits());
        let error = parse("x --id-only").unwrap().submission.check_without_server().unwrap_err();
        assert!(error.message.contains("--api-host"), "{}", error.message);
    }
}
