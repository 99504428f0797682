//! Providers that lie about single runs.
