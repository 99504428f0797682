//! Announcements that are large, many, or refer to what is not there.
