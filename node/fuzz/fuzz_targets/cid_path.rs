//! Places in a DAG as text: no name leads upwards, and the displayed text parses to the same place.
#![no_main]

use bacalhau_cas::CidPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(place) = text.parse::<CidPath>() {
        assert!(place.path.is_empty() || place.path.split('/').all(|name| !matches!(name, "" | "." | "..")));
        assert!(!place.path.contains('\0') && !place.cid.to_string().contains('/'));
        assert_eq!(place.to_string().parse::<CidPath>(), Ok(place));
    }
});
