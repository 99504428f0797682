//! Addresses of block sources as text.
#![no_main]

use bacalhau_exchange::ProviderAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<ProviderAddress>() {
        Ok(ProviderAddress::Bitswap(address)) => assert_eq!(address.to_string().parse(), Ok(ProviderAddress::Bitswap(address))),
        Ok(ProviderAddress::Kubo(address)) => {
            let rpc = address.rpc().to_string();
            assert!(matches!(rpc.parse::<ProviderAddress>(), Ok(ProviderAddress::Kubo(again)) if again.rpc() == address.rpc()), "{rpc}");
        }
        Ok(ProviderAddress::Gateway(url)) => assert!(matches!(url.scheme(), "http" | "https") && url.host().is_some()),
        Err(_) => {}
    }
});
