//! The key under which the requests of a client are counted for a rate limit.
//!
//! An IPv4 address belongs to one customer. With IPv6, a customer has at least a network of 64 bits
//! and can use any address in it (RFC 4291, section 2.5.4; RFC 6177). So requests over IPv6 are
//! counted per /64 network.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the rate limit key of a client address, or `None` if the text is not an IP address.
pub fn rate_limit_key(address: &str) -> Option<String> {
    Some(match address.trim().parse().ok()? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => network_of(address),
        },
    })
}

fn network_of(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_ipv4_address_or_the_ipv6_network() {
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
