//! Who is to be asked for blocks, as people write it.
#![no_main]

use bacalhau::exchange::Peer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Peer>() {
        Ok(Peer::Bitswap(address)) => assert_eq!(address.to_string().parse(), Ok(Peer::Bitswap(address))),
        Ok(Peer::Kubo(address)) => {
            let rpc = address.rpc().to_string();
            assert!(matches!(rpc.parse::<Peer>(), Ok(Peer::Kubo(again)) if again.rpc() == address.rpc()), "{rpc}");
        }
        Ok(Peer::Gateway(url)) => assert!(matches!(url.scheme(), "http" | "https") && url.host().is_some()),
        Err(_) => {}
    }
});
