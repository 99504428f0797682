//! Private jobs: what others get to see of them.
