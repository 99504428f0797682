//! A place in a DAG, as people write it: no name of it leads anywhere but down, and it is read again as it is shown.
#![no_main]

use bacalhau::cas::CidPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(place) = text.parse::<CidPath>() {
        assert!(place.path.is_empty() || place.path.split('/').all(|name| !matches!(name, "" | "." | "..")));
        assert!(!place.path.contains('\0') && !place.cid.to_string().contains('/'));
        assert_eq!(place.to_string().parse::<CidPath>(), Ok(place));
    }
});
