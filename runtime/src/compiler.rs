//! One backend at work: its engine with the functions of the host in it, and the forms that it makes of modules or
//! finds in the cache. Which backend is asked, and when, is decided in `loader`.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest, Sha256};
use wasmtime::error::OutOfMemory;
use wasmtime::{Engine, InstancePre, Linker, Module};

use bacalhau_tree::{HostFailure, Link};

use crate::cache::Cache;
use crate::engine::{self, Backend, ENGINE};
use crate::error::Error;
use crate::gate::{Refusal, RefusalKind};
use crate::profile::Profile;
use crate::sandbox::State;
use crate::wasi::p1;

/// An engine that is ready to compile and to run.
pub(crate) struct Compiler {
    backend: Backend,
    engine: Engine,
    linker: Linker<State>,
}

/// A module as one backend executes it.
pub(crate) struct Form {
    pub(crate) backend: Backend,
    /// The module with its imports resolved.
    pub(crate) pre: InstancePre<State>,
}

impl Compiler {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(backend: Backend) -> Result<Self, HostFailure> {
        let engine = engine::engine(backend)?;
        let mut linker = Linker::new(&engine);
        p1::link(&mut linker).map_err(|error| engine_failed(&error))?;
        Ok(Self { backend, engine, linker })
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

    /// Compiles the instrumented form of the module with that SHA-256, and adds it to the cache.
    ///
    /// # Errors
    /// As for [`Compiler::make`]; [`Error::Host`] when this machine has no room for the code.
    pub(crate) fn compile(&self, instrumented: &[u8], cache: Option<&Cache>, module: [u8; 32]) -> Result<Form, Error> {
        let code = self.make(instrumented, cache, module)?;
        #[expect(unsafe_code, reason = "these bytes come from the same engine, and nobody has changed them since")]
        // SAFETY: `precompile_module` has just made them in this process.
        let module = unsafe { Module::deserialize(&self.engine, code) };
        Ok(self.form(&module.map_err(|error| engine_failed(&error))?)?)
    }

    /// Makes the machine code of the instrumented form of the module with that SHA-256, and adds it to the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] when the backend does not take the module, and also when it panics over it: Winch is young,
    /// and what it has not learnt must not end the process of an embedder. The module is valid, so every machine with
    /// this engine would say the same.
    pub(crate) fn make(&self, instrumented: &[u8], cache: Option<&Cache>, module: [u8; 32]) -> Result<Vec<u8>, Error> {
        let made = catch_unwind(AssertUnwindSafe(|| self.engine.precompile_module(instrumented)));
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
            Backend::Baseline => "run it with --tier optimized",
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

/// Feeds what the engine hashes into SHA-256, so that equal settings have equal names in every process.
struct KeyHasher(Sha256);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for: the whole digest is read instead.
    fn finish(&self) -> u64 {
        0
    }
}

fn engine_failed(error: &wasmtime::Error) -> HostFailure {
    HostFailure::new(format!("the WebAssembly engine cannot prepare the module on this machine: {error:#}"))
}
