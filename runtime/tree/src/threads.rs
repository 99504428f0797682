//! Threads of one call that read an input. Not a shared pool: a read may block for ever, and then only this call does; and a
//! thread that waits here never begins the work of another run.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::failure::HostFailure;

/// Most threads of a call: more do not make a disk faster.
const MOST: usize = 8;

/// Does `work` for each number below `count`, at most one thread for `least` of them, and answers in order.
///
/// # Errors
/// One of those of `work`; what has not begun by then is left undone.
pub fn each<T: Send, E: From<HostFailure> + Send>(
    count: usize,
    least: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST).min(count.div_ceil(least));
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let next_number = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        (number < count && !failed.load(Ordering::Relaxed)).then_some(number)
    };
    let some = || {
        let mut done: Vec<(usize, Result<T, E>)> = Vec::new();
        while let Some(number) = next_number() {
            let result = work(number);
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
        assert!(each(1000, 1, fails).unwrap_err().to_string().ends_with(": no"));
    }
}
