//! Web pages of other sites, in a browser of the user's.
