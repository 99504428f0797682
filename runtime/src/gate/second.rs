//! What modules of the second profile may have beside the rules of the language. The host keeps an
//! object for each exception that a guest can still reach, and these rules bound how many there are and how large one is.

use wasmparser::{HeapType, RefType, ValType, Validator, types::TypesRef};

use super::proposals;
use super::refusal::{Refusal, RefusalKind};
use bacalhau_receipt::Profile;

/// Checks a valid module.
///
/// # Errors
/// A memory that is too large at the start; a table or global of exceptions; a tag with references.
pub(crate) fn check(types: TypesRef<'_>) -> Result<(), Refusal> {
    let tables = (0..types.table_count()).any(|index| is_exception(types.table_at(index).element_type));
    let globals = (0..types.global_count())
        .any(|index| types.global_at(index).content_type.as_reference_type().is_some_and(is_exception));
    if tables || globals {
        return Err(refuse("a table or global of type exnref: keep caught exceptions in locals"));
    }
    let params = |index| types[types.tag_at(index)].unwrap_func().params();
    if (0..types.tag_count()).any(|index| params(index).iter().any(ValType::is_reference_type)) {
        return Err(refuse("a tag with a reference among its parameters: throw the index of a table element instead"));
    }
    let most = most_memory_pages();
    match (0..types.memory_count()).map(|index| types.memory_at(index).initial).find(|pages| *pages > most) {
        Some(pages) => Err(Refusal::new(
            RefusalKind::Proposal,
            format!("the module has a memory of {pages} pages; in the language of profile v2 it has at most {most}"),
        )),
        None => Ok(()),
    }
}

/// The oldest profile that has the language of a binary module. One that is not valid in any has the newest.
pub fn profile_of(wasm: &[u8]) -> &'static Profile {
    match Validator::new_with_features(proposals::features_of_v1()).validate_all(wasm) {
        Ok(_) => &Profile::V1,
        Err(_) => &Profile::V2,
    }
}

/// Maximum size of a memory in such a module, in pages.
pub(crate) fn most_memory_pages() -> u64 {
    Profile::V2.memory_pages.unwrap_or(u64::MAX)
}

fn is_exception(ty: RefType) -> bool {
    use wasmparser::AbstractHeapType::{Exn, NoExn};
    matches!(ty.heap_type(), HeapType::Abstract { ty: Exn | NoExn, .. })
}

fn refuse(what: &str) -> Refusal {
    Refusal::new(RefusalKind::Proposal, format!("the module uses exception handling with {what}"))
}
