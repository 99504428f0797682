//! Peers of the network: floods, replays, equivocation, abuse of relays and of routing.
