//! Tables of the operators of the accepted language, for the generator and for their costs.

mod cost;
mod table;

pub use cost::{Snippet, module, snippets};
pub use table::{MEMORY, Operator, PARTIAL, TOTAL, Type, operators};
