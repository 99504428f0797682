//! The objects that jobs may name.

use bacalhau_tree::HostFailure;

use super::ObjectUrl;

/// The objects that jobs may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedObjects {
    /// All that the credentials of the process can read: for jobs of the user who runs it.
    All,
    /// Those below these prefixes, for jobs of others.
    Below(Vec<ObjectUrl>),
}

impl AllowedObjects {
    /// Checks that jobs may use the objects at `url`.
    ///
    /// # Errors
    /// When they may not.
    pub fn check(&self, url: &ObjectUrl) -> Result<(), HostFailure> {
        match self {
            Self::All => Ok(()),
            Self::Below(prefixes) if prefixes.iter().any(|prefix| prefix.contains(url)) => Ok(()),
            Self::Below(prefixes) if prefixes.is_empty() => Err(HostFailure::new(format!(
                "{url} is not allowed: this node reads no object stores (storage.object_stores)"
            ))),
            Self::Below(_) => Err(HostFailure::new(format!(
                "{url} is not below a prefix that this node allows (storage.object_stores)"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_others_read_what_is_allowed() {
        let url = |text: &str| -> ObjectUrl { text.parse().unwrap() };
        let error = |allowed: &AllowedObjects, text| allowed.check(&url(text)).unwrap_err().to_string();
        assert!(AllowedObjects::All.check(&url("s3://data/x")).is_ok());
        let none = AllowedObjects::Below(Vec::new());
        assert_eq!(
            error(&none, "s3://data/x"),
            "s3://data/x is not allowed: this node reads no object stores (storage.object_stores)"
        );
        let some = AllowedObjects::Below(vec![url("s3://data/public"), url("gs://open")]);
        assert!(some.check(&url("s3://data/public/a")).is_ok());
        assert!(some.check(&url("gs://open/a")).is_ok());
        assert!(error(&some, "s3://data/public-not").contains("not below a prefix that this node allows"));
    }
}
