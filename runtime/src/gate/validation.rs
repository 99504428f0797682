//! Validates a module in the languages of the profiles, and on failure finds the denied proposals that it uses, in one more pass.
//!
//! In that pass, a section or function that is not valid is validated again with the proposal that the error names, which
//! stays allowed from then on. The number of denied proposals is fixed, so that few functions are read twice, whatever the
//! size of the module.

use wasmparser::{
    Error, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator, ValidatorResources,
    WasmFeatures, types::Types,
};

use bacalhau_receipt::Profile;

use super::proposals::{denied_features, features, features_of_v1, invalid, refuse};
use super::refusal::Refusal;
use super::second;

/// Validates the module. Returns its types and the oldest profile that has its language.
///
/// # Errors
/// The denied proposals that it uses, or what is wrong with it where no set of proposals makes it valid.
pub(super) fn validate(wasm: &[u8]) -> Result<(Types, &'static Profile), Refusal> {
    if let Ok(types) = Validator::new_with_features(features_of_v1()).validate_all(wasm) {
        return Ok((types, &Profile::V1));
    }
    let error = match Validator::new_with_features(features()).validate_all(wasm) {
        Ok(types) => {
            second::check(types.as_ref())?;
            return Ok((types, &Profile::V2));
        }
        Err(error) => error,
    };
    let used = used(wasm).map_err(|error| invalid(&error))?;
    Err(if used.is_empty() { invalid(&error) } else { refuse(used) })
}

/// The denied proposals that the module uses.
fn used(wasm: &[u8]) -> Result<WasmFeatures, Error> {
    let mut allowed = features();
    let functions = with_needed(&mut allowed, |allowed| sections(wasm, allowed))?;
    let mut allocations = FuncValidatorAllocations::default();
    for (function, body) in functions {
        with_needed(&mut allowed, |features| {
            let FuncToValidate { index, ty, .. } = function;
            let function = FuncToValidate { resources: function.resources.clone(), index, ty, features };
            let mut validator = function.into_validator(std::mem::take(&mut allocations));
            validator.validate(&body)?;
            allocations = validator.into_allocations();
            Ok(())
        })?;
    }
    Ok(allowed.difference(features()))
}

/// A function that may not be valid.
type Unread<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Validates all but the bodies of functions, which it returns.
fn sections(wasm: &[u8], features: WasmFeatures) -> Result<Vec<Unread<'_>>, Error> {
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut functions = Vec::new();
    for payload in parser.parse_all(wasm) {
        match validator.payload(&payload?)? {
            ValidPayload::Func(function, body) => functions.push((function, body)),
            ValidPayload::End(_) => return Ok(functions),
            _ => {}
        }
    }
    // The parser ends with the end of the module, or with an error.
    validator.end(wasm.len()).map(|_| functions)
}

/// Does `check` with the features `allowed`, and adds to them the denied ones that it turns out to need.
fn with_needed<T>(
    allowed: &mut WasmFeatures,
    mut check: impl FnMut(WasmFeatures) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        let error = match check(*allowed) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let missing = error.missing_wasm_feature().unwrap_or(WasmFeatures::empty());
        let missing = missing.intersection(denied_features()).difference(*allowed);
        if missing.is_empty() {
            return with_all(allowed, check, error);
        }
        allowed.insert(missing);
    }
}

/// The same where `error` does not say which feature is missing: the ones without which `check` fails.
fn with_all<T>(
    allowed: &mut WasmFeatures,
    mut check: impl FnMut(WasmFeatures) -> Result<T, Error>,
    error: Error,
) -> Result<T, Error> {
    let all = allowed.union(denied_features());
    let found = check(all)?;
    let needed: Vec<WasmFeatures> =
        all.difference(*allowed).iter().filter(|flag| check(all.difference(*flag)).is_err()).collect();
    if needed.is_empty() {
        return Err(error);
    }
    for flag in needed {
        allowed.insert(flag);
    }
    Ok(found)
}
