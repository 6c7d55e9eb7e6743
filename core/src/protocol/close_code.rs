//! The close code that answers a client's close frame.

/// The code for a violation of the protocol (RFC 6455, section 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
/// The code with which the runtime reports a close frame without a code.
const NO_CODE: u16 = 1005;

/// Returns the code with which to complete the closing handshake, or `None` to send a close frame
/// without a code. An endpoint returns the code that it received (RFC 6455, section 5.5.1). A code
/// that must not occur in a close frame (section 7.4) is answered with 1002, so that the connection
/// ends as well.
///
/// The runtime reports a lost connection as 1006, which no frame may contain either.
pub fn reply(received: u16) -> Option<u16> {
    match received {
        NO_CODE => None,
        1000..=1003 | 1007..=1014 | 3000..=4999 => Some(received),
        _ => Some(PROTOCOL_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_code_is_returned_and_an_illegal_one_is_a_protocol_error() {
        assert_eq!(reply(1005), None);
        for legal in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4000, 4999] {
            assert_eq!(reply(legal), Some(legal));
        }
        for illegal in [0, 1, 999, 1004, 1006, 1015, 1016, 2999, 5000, 65_535] {
            assert_eq!(reply(illegal), Some(1002), "{illegal}");
        }
    }
}
