//! Plain threads for callbacks. Programs in the sandbox have a stack of their own, on which code of other languages must not
//! run: Go, for example, ends the process.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

/// Threads that wait for a call. As many are started as calls are in progress; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Threads(Arc<Idle>);

type Idle = Mutex<Vec<Sender<Message>>>;

/// A call, and the way by which its thread is given the next one.
struct Message {
    work: Box<dyn FnOnce() + Send>,
    sender: Sender<Message>,
}

impl Threads {
    /// Does `work` on such a thread and waits for it.
    ///
    /// # Errors
    /// When no thread can be started, or `work` panicked.
    pub(crate) fn call<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let (answer, answers) = mpsc::sync_channel(1);
        let mut work: Box<dyn FnOnce() + Send> = Box::new(move || {
            // The caller waits.
            let _ = answer.send(work());
        });
        loop {
            let idle = lock(&self.0).pop();
            let sender = match idle {
                Some(sender) => sender,
                None => self.spawn()?,
            };
            match sender.send(Message { work, sender: sender.clone() }) {
                Ok(()) => break,
                // Its thread has ended by a panic.
                Err(mpsc::SendError(message)) => work = message.work,
            }
        }
        answers.recv().map_err(|_| io::Error::other("a callback panicked"))
    }

    fn spawn(&self) -> io::Result<Sender<Message>> {
        let (sender, messages) = mpsc::channel::<Message>();
        let idle: Weak<Idle> = Arc::downgrade(&self.0);
        thread::Builder::new().name("callback".into()).spawn(move || {
            for Message { work, sender } in messages {
                work();
                let Some(idle) = idle.upgrade() else { return };
                lock(&idle).push(sender);
            }
        })?;
        Ok(sender)
    }
}

/// A panic cannot leave the list inconsistent.
fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Sender<Message>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
