//! Whom to count what an address does against.
//!
//! An IPv4 address is one customer's, or one building's. Of IPv6, whoever has an address has the
//! 64 bits after the network's, so these tell nobody from anybody (RFC 4291, section 2.5.4; RFC
//! 6177): only the network's are counted by.

use std::net::{IpAddr, Ipv6Addr};

/// The key by which the requests of this address are counted; `None` where it is no address.
pub fn rate_limit_key(address: &str) -> Option<String> {
    Some(match address.trim().parse().ok()? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => network(address),
        },
    })
}

fn network(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_counts_for_itself_and_an_ipv6_address_for_its_network() {
        for (address, key) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
            ("2001:db8:1:2:ffff::", Some("2001:db8:1:2::/64")),
            ("2001:db8:1:3::", Some("2001:db8:1:3::/64")),
            ("::1", Some("0:0:0:0::/64")),
            ("", None),
            ("localhost", None),
            ("203.0.113.7, 10.0.0.1", None),
        ] {
            assert_eq!(rate_limit_key(address).as_deref(), key, "{address}");
        }
    }
}
