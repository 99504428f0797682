//! Classifies addresses: public, or of this machine or its network, where redirects of untrusted servers must not lead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    not_public(address).is_none()
}

/// Why `address` is not of the public internet; `None` when it is.
pub(super) fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_4(address),
        IpAddr::V6(address) => not_public_6(address),
    }
}

fn not_public_4(address: Ipv4Addr) -> Option<&'static str> {
    let why = match address.octets() {
        [0, ..] => "is the unspecified address",
        [127, ..] => "is this machine",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "is of a private network",
        [100, 64..=127, ..] => "is of a provider's private network",
        [169, 254, ..] => "is of the local link",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [240..=255, ..] => "is reserved",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "is for documentation",
        [224..=239, ..] => "is of a multicast group",
        _ => return None,
    };
    Some(why)
}

fn not_public_6(address: Ipv6Addr) -> Option<&'static str> {
    let why = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "is the unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "is this machine",
        // IPv4 in other clothes: mapped, compatible, translated (NAT64), tunnelled (6to4).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            return not_public_4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
        }
        [0x2001, 0, ..] => "is tunnelled",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "is for documentation",
        [0x2000..=0x3fff, ..] => return None,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => "is of a private network",
        [0xfe80..=0xfebf, ..] => "is of the local link",
        [0xff00..=0xffff, ..] => "is of a multicast group",
        _ => "is reserved",
    };
    Some(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let public = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
        let translated = ["64:ff9b::808:808", "2002:808:808::1"];
        for text in public.into_iter().chain(translated) {
            assert_eq!(not_public(text.parse().unwrap()), None, "{text}");
        }
        let other = [
            ("127.0.0.1", "this machine"),
            ("127.8.9.1", "this machine"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "provider"),
            ("169.254.169.254", "local link"),
            ("192.0.2.1", "documentation"),
            ("198.18.0.1", "reserved"),
            ("224.0.0.251", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "this machine"),
            ("::7f00:1", "this machine"),
            ("::ffff:127.0.0.1", "this machine"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::7f00:1", "this machine"),
            ("64:ff9b::a9fe:a9fe", "local link"),
            ("64:ff9b:1::1", "reserved"),
            ("2002:7f00:1::1", "this machine"),
            ("2001:0:1::1", "tunnelled"),
            ("2001:db8::1", "documentation"),
            ("fc00::1", "private"),
            ("fd12::1", "private"),
            ("fe80::1", "local link"),
            ("fec0::1", "private"),
            ("ff02::1", "multicast"),
            ("100::1", "reserved"),
            ("::ffff:0:7f00:1", "reserved"),
        ];
        for (text, why) in other {
            let said = not_public(text.parse().unwrap()).unwrap_or("is public");
            assert!(said.contains(why), "{text} {said}");
        }
    }
}
