//! Inline data: the displayed text parses to the same data.
#![no_main]

use bacalhau_storage::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(source) = Source::parse(&format!("data:{text}")) {
        assert!(matches!(source, Source::Inline(_)));
        assert_eq!(Source::parse(&source.to_string()).unwrap(), source);
    }
});
