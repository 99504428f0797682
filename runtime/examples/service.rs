//! A service that takes jobs over a channel, and answers with standard output or with what failed.
//!
//! `cargo run -p bacalhau-runtime --example service -- MODULE ARGUMENT...` asks it once for each argument.

#![expect(clippy::disallowed_methods, reason = "a program, unlike the library, looks at the world")]

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use bacalhau_runtime::{Error, Inputs, Job, Module, Options, Pool, PoolOptions, Runtime};

/// A job, and where to answer.
struct Request {
    job: Job,
    answer: Sender<Result<Vec<u8>, String>>,
}

/// Starts a run for each request. The pool bounds how many run, and how many wait.
fn serve(pool: &Pool, module: &Module, requests: &Receiver<Request>) {
    thread::scope(|scope| {
        for Request { job, answer } in requests {
            match pool.start(module, job, Inputs::new(), Duration::from_mins(1)) {
                Ok(run) => {
                    scope.spawn(move || {
                        let ended = run.wait().map_err(|error| match &*error {
                            Error::Refused(refusal) => format!("refused: {refusal}"),
                            Error::Host(failure) => format!("try again: {failure}"),
                        });
                        let read = |error: bacalhau_runtime::HostFailure| error.to_string();
                        // A client that has gone away wants no answer.
                        let _ = answer.send(ended.and_then(|results| results.read("stdout", 0, 1 << 20).map_err(read)));
                    });
                }
                Err(error) => {
                    let _ = answer.send(Err(error.to_string()));
                }
            }
        }
    });
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [module, args @ ..] = args.as_slice() else { return Err("usage: service MODULE ARGUMENT...".into()) };
    let runtime = Runtime::new(&Options::default())?;
    let module = runtime.load(&std::fs::read(module)?)?;
    let place = tempfile::tempdir()?;
    let pool = Pool::new(&runtime, place.path(), PoolOptions::default());

    let (pool, module) = (&pool, &module);
    thread::scope(|scope| {
        let (requests, served) = mpsc::channel();
        scope.spawn(move || serve(pool, module, &served));
        let mut answers = Vec::new();
        for arg in args {
            let (answer, answered) = mpsc::channel();
            let mut job = Job::new(module.cid());
            job.args.push(arg.clone());
            requests.send(Request { job, answer })?;
            answers.push((arg, answered));
        }
        drop(requests);
        for (arg, answered) in answers {
            match answered.recv()? {
                Ok(stdout) => println!("{arg}: {}", String::from_utf8_lossy(&stdout)),
                Err(error) => println!("{arg}: {error}"),
            }
        }
        Ok(())
    })
}
