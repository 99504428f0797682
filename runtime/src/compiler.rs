//! A compiler backend: its engine with the host functions, and the compiled forms that it makes or finds in the cache.
//! `loader` decides which backend compiles when.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::error::OutOfMemory;
use wasmtime::{Engine, InstancePre, Linker, Module};

use bacalhau_tree::{HostFailure, Link};

use crate::cache::Cache;
use crate::engine::{self, Backend, ENGINE};
use crate::error::Error;
use crate::gate::{Refusal, RefusalKind};
use crate::instrument;
use crate::options::Options;
use crate::sandbox::State;
use crate::wasi::p1;
use crate::workers::Workers;
use bacalhau_receipt::Profile;

/// An engine that is ready to compile and to run.
pub(crate) struct Compiler {
    backend: Backend,
    engine: Engine,
    linker: Linker<State>,
    workers: Arc<Workers>,
}

/// A module as one backend executes it.
pub(crate) struct Form {
    pub(crate) backend: Backend,
    /// The module with its imports resolved.
    pub(crate) pre: InstancePre<State>,
}

impl Form {
    /// The oldest profile that has the module's language.
    pub(crate) fn profile(&self) -> &'static Profile {
        if self.pre.module().get_export(instrument::V2_MARK).is_some() { &Profile::V2 } else { &Profile::V1 }
    }
}

impl Compiler {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(backend: Backend, options: &Options, workers: Arc<Workers>) -> Result<Self, HostFailure> {
        let engine = engine::engine(backend, options)?;
        let mut linker = Linker::new(&engine);
        p1::link(&mut linker).map_err(|error| engine_failed(&error))?;
        Ok(Self { backend, engine, linker, workers })
    }

    /// The form of the module with that SHA-256 in the cache, unless the engine finds that it does not fit.
    pub(crate) fn cached(&self, cache: &Cache, module: [u8; 32]) -> Option<Form> {
        let file = cache.get(&self.cache_name(module))?.into_std();
        #[expect(
            unsafe_code,
            reason = "the tag proves that this user's process wrote these bytes, as `serialize` made them"
        )]
        // SAFETY: `Cache::get` answers only files that carry a tag under a key that no other user can read.
        let module = unsafe { Module::deserialize_open_file(&self.engine, file) };
        self.form(&module.ok()?).ok()
    }

    /// Whether the cache has that form, sound or not.
    pub(crate) fn is_cached(&self, cache: &Cache, module: [u8; 32]) -> bool {
        cache.has(&self.cache_name(module))
    }

    /// Compiles the instrumented module with that SHA-256, and adds it to the cache.
    ///
    /// # Errors
    /// As for [`Compiler::make`]; [`Error::Host`] when this machine has no memory for the code.
    pub(crate) fn compile(&self, instrumented: &[u8], cache: Option<&Cache>, module: [u8; 32]) -> Result<Form, Error> {
        let code = self.make(instrumented, cache, module)?;
        #[expect(unsafe_code, reason = "the bytes were made by the same engine and are unchanged")]
        // SAFETY: `precompile_module` has just made them in this process.
        let module = unsafe { Module::deserialize(&self.engine, code) };
        Ok(self.form(&module.map_err(|error| engine_failed(&error))?)?)
    }

    /// Compiles the instrumented module with that SHA-256 to machine code, and adds it to the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] when the backend does not support the module, and also when it panics: unsupported features
    /// of Winch must not end the embedder's process. The module is valid, so the result is the same on every machine
    /// with this engine.
    pub(crate) fn make(&self, instrumented: &[u8], cache: Option<&Cache>, module: [u8; 32]) -> Result<Vec<u8>, Error> {
        let made =
            self.workers.install(|| catch_unwind(AssertUnwindSafe(|| self.engine.precompile_module(instrumented))))?;
        let code = match made {
            Ok(Ok(code)) => code,
            Ok(Err(error)) if error.is::<OutOfMemory>() => return Err(engine_failed(&error).into()),
            Ok(Err(error)) => return Err(self.refusal(&format!("{error:#}")).into()),
            Err(_) => return Err(self.refusal("its compiler panicked").into()),
        };
        if let Some(cache) = cache {
            cache.put(&self.cache_name(module), &code);
        }
        Ok(code)
    }

    fn refusal(&self, why: &str) -> Refusal {
        let advice = match self.backend {
            Backend::Baseline | Backend::Interpreter => "run it with --tier optimized",
            _ => "split its largest functions (compile it with -Os, or with less inlining), or try --tier baseline",
        };
        let tier = self.backend.name();
        let message = format!("the module is valid, but {ENGINE} cannot compile it as {tier}: {why}; {advice}");
        Refusal::new(RefusalKind::Compilation, message)
    }

    fn form(&self, module: &Module) -> Result<Form, HostFailure> {
        let pre = self.linker.instantiate_pre(module).map_err(|error| engine_failed(&error))?;
        Ok(Form { backend: self.backend, pre })
    }

    /// The name of that form in the cache: all that the compiled form of a module depends on.
    pub(crate) fn cache_name(&self, module: [u8; 32]) -> String {
        let mut key = KeyHasher(Sha256::new_with_prefix(module));
        key.0.update(Profile::V1.id().cid().to_bytes());
        key.0.update(env!("CARGO_PKG_VERSION"));
        self.engine.precompile_compatibility_hash().hash(&mut key);
        Link::of_raw_digest(key.0.finalize().into()).to_string()
    }
}

/// Hashes an engine's settings with SHA-256, so that equal settings have equal names in every process.
struct KeyHasher(Sha256);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Unused: the whole digest is read instead.
    fn finish(&self) -> u64 {
        0
    }
}

fn engine_failed(error: &wasmtime::Error) -> HostFailure {
    HostFailure::new(format!("the WebAssembly engine cannot prepare the module on this machine: {error:#}"))
}
