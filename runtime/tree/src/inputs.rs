//! Operations on all inputs of a run. Nothing is copied or written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::deadline::{Deadline, Pending};
use crate::failure::HostFailure;
use crate::threads;
use crate::tree::Tree;

/// The inputs of a run: the absolute guest path of each, and the tree that is seen there.
pub type Inputs = BTreeMap<String, Arc<dyn Tree>>;

/// Starts computing the identity of every input, in the order of their paths, on other threads.
///
/// # Errors
/// When no thread can be started, or the run is over; later, when an input cannot be read in time.
pub fn identities(
    inputs: &Inputs,
    deadline: &Deadline,
) -> Result<Pending<Result<Vec<String>, HostFailure>>, HostFailure> {
    ask_each("hash the inputs", inputs, deadline, |place, tree, deadline| {
        tree.identity(deadline).map_err(|error| HostFailure::io(format!("hash the input at {place}"), error))
    })
}

/// Starts checking that every input is unchanged since it was read.
///
/// # Errors
/// When no thread can be started, or the run is over; later, when an input was changed.
pub fn check_unchanged(
    inputs: &Inputs,
    deadline: &Deadline,
) -> Result<Pending<Result<Vec<()>, HostFailure>>, HostFailure> {
    ask_each("look at the inputs again", inputs, deadline, |place, tree, deadline| {
        tree.check_unchanged(deadline).map_err(|error| HostFailure::new(format!("the input at {place}: {error}")))
    })
}

fn ask_each<T: Send + 'static>(
    what: &'static str,
    inputs: &Inputs,
    deadline: &Deadline,
    ask: impl Fn(&str, &dyn Tree, &Deadline) -> Result<T, HostFailure> + Send + Sync + 'static,
) -> Result<Pending<Result<Vec<T>, HostFailure>>, HostFailure> {
    let inputs: Vec<_> = inputs.iter().map(|(place, tree)| (place.clone(), Arc::clone(tree))).collect();
    deadline.begin(what, move |deadline| {
        threads::each(inputs.len(), 1, |number| {
            let (place, tree) = &inputs[number];
            ask(place, &**tree, deadline)
        })
        // After the deadline, report only that.
        .map_err(|failure| deadline.check().err().unwrap_or(failure))
    })
}
