//! Unsealed copies.

mod template;

pub use template::{Fields, RenderError, Template, TemplateError};
