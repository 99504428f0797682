//! Resolves names, and rejects addresses of this machine or its network. The checked addresses are used for the
//! connection, without a second look-up.

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::HttpError;
use super::address::not_public;

/// The system's look-up, for public addresses only. One address that is not public refuses the name: no such name is
/// honest.
#[derive(Debug, Default)]
pub(super) struct PublicResolver(DefaultResolver);

impl Resolver for PublicResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let addresses = self.0.resolve(uri, config, timeout)?;
        for address in &addresses {
            if let Some(why) = not_public(address.ip()) {
                let host = uri.host().unwrap_or_default();
                return Err(Error::Other(Box::new(HttpError::not_public(host, address.ip(), why))));
            }
        }
        Ok(addresses)
    }
}
