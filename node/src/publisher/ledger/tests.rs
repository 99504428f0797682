//! Entries on disk, and how they are driven.
