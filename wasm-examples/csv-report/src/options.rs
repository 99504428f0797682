//! The arguments: which columns make a group, which are summed up, how many decimals are printed.
//!
//! It does not know which columns exist: that is checked against the header of each file.

use guest::{Problem, Result};
use lexopt::prelude::*;

/// What the user asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) group: Vec<String>,
    pub(crate) value: Vec<String>,
    pub(crate) decimals: usize,
}

/// More digits than a double has are noise.
const MAX_DECIMALS: usize = 15;

impl Options {
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Self> {
        let mut options = Self { group: Vec::new(), value: Vec::new(), decimals: 2 };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("group") => options.group = columns(&parser.value()?.string()?),
                Long("value") => options.value = columns(&parser.value()?.string()?),
                Long("decimals") => options.decimals = parser.value()?.parse()?,
                other => return Err(other.unexpected().into()),
            }
        }
        options.checked()
    }

    fn checked(self) -> Result<Self> {
        if self.group.is_empty() || self.value.is_empty() {
            return Err(Problem::Usage("--group and --value must each name a column".into()));
        }
        for (flag, names) in [("--group", &self.group), ("--value", &self.value)] {
            let twice = (1..names.len()).find(|&index| names[..index].contains(&names[index]));
            if let Some(index) = twice {
                return Err(Problem::Usage(format!("{flag} names the column {:?} twice", names[index])));
            }
        }
        if self.decimals > MAX_DECIMALS {
            return Err(Problem::Usage(format!("--decimals must be at most {MAX_DECIMALS}")));
        }
        Ok(self)
    }
}

fn columns(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options> {
        Options::parse(lexopt::Parser::from_args(args))
    }

    #[test]
    fn columns_are_separated_by_commas() {
        let options = parse(&["--group", "shop, category", "--value=price"]);
        assert!(options.is_ok_and(|o| o.group == ["shop", "category"] && o.value == ["price"] && o.decimals == 2));
    }

    #[test]
    fn bad_usage_is_refused() {
        for args in [
            &[][..],
            &["--group=a"],
            &["--group=,", "--value=b"],
            &["extra"],
            &["--group=a", "--value=b", "--decimals=99"],
            &["--group=a", "--value=b,c,b"],
            &["--group=a,a", "--value=b"],
        ] {
            assert!(matches!(parse(args), Err(Problem::Usage(_))), "{args:?}");
        }
    }
}
