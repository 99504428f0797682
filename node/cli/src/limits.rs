//! The flags for the limits of a job. Their defaults are the runtime's.

use bacalhau_runtime::Limits;
use clap::Args;

use bacalhau_values::Size;

/// One flag for each limit.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits (part of the job; enforced identically on every node)")]
pub(super) struct LimitArgs {
    /// Fuel limit: about one unit for each WebAssembly operator. The default is 2 to 20 minutes of one processor
    #[arg(long, value_name = "N", default_value_t = Limits::default().fuel, value_parser = parse_count)]
    fuel: u64,

    /// Linear memory; `memory.grow` beyond it returns -1. In all sizes, 512MB is 512·10⁶ bytes; 512MiB and 512m are 512·2²⁰
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().memory_bytes))]
    memory: Size,

    /// Maximum elements of all tables together; large programs with many indirect calls need more
    #[arg(long, value_name = "N", default_value_t = Limits::default().table_elements, value_parser = parse_count)]
    table_elements: u64,

    /// Maximum size of the call stack; deep recursion needs more
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().stack_bytes))]
    stack: Size,

    /// Maximum size of all files that the program writes
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().output_bytes))]
    output_bytes: Size,

    /// Maximum number of files, directories and links that the program creates
    #[arg(long, value_name = "N", default_value_t = Limits::default().output_files, value_parser = parse_count)]
    output_files: u64,

    /// Maximum directory nesting depth
    #[arg(long, value_name = "N", default_value_t = Limits::default().path_depth, value_parser = parse_count)]
    path_depth: u64,

    /// Maximum size of standard output and standard error together
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().log_bytes))]
    log_bytes: Size,

    /// Maximum number of open files
    #[arg(long, value_name = "N", default_value_t = Limits::default().open_files, value_parser = parse_count)]
    open_files: u64,

    /// Maximum size of the module
    #[arg(long, value_name = "SIZE", default_value_t = Size(Limits::default().module_bytes))]
    module_size: Size,
}

impl LimitArgs {
    /// The limits of the job.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.fuel = self.fuel;
        limits.memory_bytes = self.memory.0;
        limits.table_elements = self.table_elements;
        limits.stack_bytes = self.stack.0;
        limits.output_bytes = self.output_bytes.0;
        limits.output_files = self.output_files;
        limits.path_depth = self.path_depth;
        limits.log_bytes = self.log_bytes.0;
        limits.open_files = self.open_files;
        limits.module_bytes = self.module_size.0;
        limits
    }
}

/// Parses a count, which may contain `_`.
///
/// # Errors
/// When it is not a number.
pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text:?} is not a whole number, as in 5000 or 1_000_000"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn defaults_are_the_runtimes_and_every_flag_reaches_its_limit() {
        assert_eq!(Only::parse_from(["x"]).limits.limits(), Limits::default());
        let text = "x --fuel 1_0 --memory 2k --table-elements 3 --stack 4 --output-bytes 5 --output-files 6 \
                    --path-depth 7 --log-bytes 8 --open-files 9 --module-size 10";
        let expected = serde_json::json!({
            "fuel": 10,
            "memory_bytes": 2048,
            "table_elements": 3,
            "stack_bytes": 4,
            "output_bytes": 5,
            "output_files": 6,
            "path_depth": 7,
            "log_bytes": 8,
            "open_files": 9,
            "module_bytes": 10,
        });
        assert_eq!(serde_json::json!(Only::parse_from(text.split_whitespace()).limits.limits()), expected);
    }
}
