//! Other local users: files of the node's that they could read or replace.
