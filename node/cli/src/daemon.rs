//! Starts serving nodes for `serve` and `devstack` from a configuration, and stops them.

use std::sync::Arc;

use super::compile;
use super::exit::{Exit, Failure};
use super::serve::{Reached, Running};
use bacalhau_daemon::Work;
use bacalhau_p2p::Host;
use bacalhau_service::{Provider, Service, ServiceError, WrongResult, config::Config};

/// Starts the node that `config` describes.
///
/// # Errors
/// When the configuration is inconsistent or the node cannot be started.
pub(super) fn start(config: &Config) -> Result<Running, Failure> {
    start_with(config, |provider| provider)
}

/// Starts a node of a devstack. All `bad` nodes report the same wrong results.
///
/// # Errors
/// When the configuration is inconsistent or the node cannot be started.
pub(super) fn start_among_others(config: &Config, bad: bool) -> Result<Running, Failure> {
    start_with(config, |provider| if bad { WrongResult::shared(provider) } else { provider })
}

fn start_with(config: &Config, work: impl FnOnce(Arc<Provider>) -> Arc<dyn Work>) -> Result<Running, Failure> {
    let service = Service::start(config, compile::command()?, work)?;
    let peers: Vec<String> =
        service.host().map_or(&[][..], Host::listen_addrs).iter().map(ToString::to_string).collect();
    let reached = Reached { peer_id: service.daemon().me().to_string(), peers, api: service.api() };
    Ok(Running { reached, drain: Box::new(move || Ok(service.drain().map(|()| Exit::Success)?)) })
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Config(error) => error.into(),
            ServiceError::Source(error) => error.into(),
            ServiceError::Host(failure) => Failure::from(failure).without_result(),
        }
    }
}
