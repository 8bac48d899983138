//! `content-type`: what makes a request a gRPC call.

/// Whether this is `application/grpc`, alone or with a message format (`+proto`) or parameters (`;charset=…`); anything
/// else is answered with HTTP status 415. Media types do not distinguish case (RFC 9110 §8.3.1).
#[inline]
pub fn is_grpc(content_type: &[u8]) -> bool {
    const BASE: &[u8] = b"application/grpc";
    match content_type.split_at_checked(BASE.len()) {
        Some((base, suffix)) => {
            (base == BASE || base.eq_ignore_ascii_case(BASE)) && matches!(suffix.first(), None | Some(b'+' | b';'))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_grpc;

    #[test]
    fn takes_formats_and_parameters_and_nothing_else() {
        for good in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC"]
        {
            assert!(is_grpc(good.as_bytes()), "{good}");
        }
        for bad in ["", "application/grp", "application/grpc-web", "application/grpcx", "application/json", "text/grpc"]
        {
            assert!(!is_grpc(bad.as_bytes()), "{bad}");
        }
    }
}
