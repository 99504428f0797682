//! The operators of the accepted language as tables: what the generator draws from, and what each costs.

mod cost;
mod table;

pub use cost::{Snippet, module, snippets};
pub use table::{MEMORY, Operator, PARTIAL, TOTAL, Type, operators};
