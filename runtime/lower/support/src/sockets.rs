//! `wasi:sockets`. There is no network: no socket can be made, so methods of sockets cannot be called.

use crate::answer;
use crate::memory::store8;

/// Of `wasi:sockets/network.error-code`.
const ACCESS_DENIED: u8 = 1;
const NOT_SUPPORTED: u8 = 2;

/// Writes `result<own<…>, error-code>`.
fn error(code: u8) -> u32 {
    let at = answer::address();
    store8(at, 1);
    store8(at + 4, code);
    at
}

/// The network without anything in it.
#[unsafe(export_name = "wasi:sockets/instance-network#instance-network")]
extern "C" fn instance_network() -> u32 {
    0
}

#[unsafe(export_name = "wasi:sockets/network#network-error-code")]
extern "C" fn network_error_code(_: u32) -> u32 {
    let at = answer::address();
    store8(at, 0);
    at
}

#[unsafe(export_name = "wasi:sockets/tcp-create-socket#create-tcp-socket")]
extern "C" fn create_tcp_socket(_: u32) -> u32 {
    error(NOT_SUPPORTED)
}

#[unsafe(export_name = "wasi:sockets/udp-create-socket#create-udp-socket")]
extern "C" fn create_udp_socket(_: u32) -> u32 {
    error(NOT_SUPPORTED)
}

#[unsafe(export_name = "wasi:sockets/ip-name-lookup#resolve-addresses")]
extern "C" fn resolve_addresses(_: u32, _: u32, _: u32) -> u32 {
    error(ACCESS_DENIED)
}
