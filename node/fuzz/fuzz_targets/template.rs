//! Path templates and their rendering.
#![no_main]

use bacalhau_storage::{Fields, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (text, name, value) = input;
    match Template::parse(text) {
        Ok(template) => {
            let metadata = [("k".to_owned(), value.to_owned())].into();
            let fields = Fields { cid: "bafkqaaa".into(), name: name.into(), path: value.into(), metadata };
            if let Ok(rendered) = template.render(&fields) {
                assert!(rendered.starts_with(template.fixed_part()));
            }
        }
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.column)),
    }
});
