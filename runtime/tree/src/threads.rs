//! Threads of one call that read an input. Not a shared pool: a read may block for ever, and then only this call does; and a
//! thread that waits here never begins the work of another run.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::failure::HostFailure;

/// Most threads of a call: more do not make a disk faster.
const MOST: usize = 8;

/// Runs `work` for each number below `count`, with one thread for at least `least` of them, and returns results in
/// order.
///
/// # Errors
/// One of those of `work`; remaining work is skipped.
pub fn each<T: Send, E: From<HostFailure> + Send>(
    count: usize,
    least: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    each_with(count, least, || (), |(), number| work(number))
}

/// The same, with a state for each thread, such as a buffer, made by `begin`.
///
/// # Errors
/// One of those of `work`; remaining work is skipped.
pub(crate) fn each_with<S, T: Send, E: From<HostFailure> + Send>(
    count: usize,
    least: usize,
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST).min(count.div_ceil(least));
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let next_number = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        (number < count && !failed.load(Ordering::Relaxed)).then_some(number)
    };
    let some = || {
        let (mut done, mut state): (Vec<(usize, Result<T, E>)>, _) = (Vec::new(), None);
        while let Some(number) = next_number() {
            let result = work(state.get_or_insert_with(&begin), number);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            done.push((number, result));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().name("read input".into()).spawn_scoped(scope, some);
        // Where the system gives no more threads, this one does the work.
        let others: Vec<_> = (1..threads).map_while(|number| spawn(number).ok()).collect();
        let mut done = some();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(_) => done.push((count, Err(HostFailure::new("a thread that read an input panicked").into()))),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_order_and_an_error_ends_it() {
        assert_eq!(
            each(1000, 1, |number| Ok::<_, HostFailure>(number * 2)).unwrap(),
            (0..1000).map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(each(0, 8, |_| Ok::<_, HostFailure>(())).unwrap().is_empty());
        let fails = |number| if number == 17 { Err(HostFailure::new("no")) } else { Ok(()) };
        assert_eq!(each(1000, 1, fails).unwrap_err().to_string(), "no");
    }

    #[test]
    fn a_thread_begins_once_and_none_begins_without_work() {
        let begun = AtomicUsize::new(0);
        let begin = || begun.fetch_add(1, Ordering::Relaxed);
        let work = |_: &mut usize, number| Ok::<_, HostFailure>(number);
        each_with(0, 1, begin, work).unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 0);
        assert_eq!(each_with(1000, 1, begin, work).unwrap().len(), 1000);
        assert!((1..=MOST).contains(&begun.load(Ordering::Relaxed)));
    }
}
