//! Request heads: what makes a call, a refusal or a fault.

use super::*;

fn list(fields: &[(&str, &str)]) -> Verdict {
    let mut head = RequestHead::new();
    for (name, value) in fields {
        head.take(name.as_bytes(), value.as_bytes());
    }
    head.verdict()
}

const GET: &str = "/prism.interfaces.keyvalue.KeyValueBasicInterface/Get";

#[test]
fn a_call_is_a_method_and_a_timeout() {
    let verdict = list(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", GET),
        ("content-type", "application/grpc"),
        ("grpc-timeout", "5m"),
    ]);
    let method = crate::method::id::KEYVALUE_BASIC_GET;
    let call = CallHead::new(method, Some(5_000_000), None, Encoding::default());
    assert_eq!(verdict, Verdict::Call(call));
}

#[test]
fn checks_come_in_their_order() {
    let all_wrong =
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("grpc-timeout", "x"), ("grpc-encoding", "br")];
    assert_eq!(list(&all_wrong), Verdict::NotPost);
    let mut fields = all_wrong;
    fields[0].1 = "POST";
    assert_eq!(list(&fields), Verdict::NotGrpc);
    let mut fields = [&fields[..], &[("content-type", "application/grpc")]].concat();
    assert_eq!(list(&fields), Verdict::BadTimeout);
    fields[3].1 = "0n";
    assert_eq!(list(&fields), Verdict::Expired);
    fields[3].1 = "1S";
    fields.push(("trace-bin", "!"));
    assert_eq!(list(&fields), Verdict::MalformedBinary(b"trace-bin".to_vec()));
    fields.pop();
    assert_eq!(list(&fields), Verdict::UnknownPath(b"/".to_vec()));
    fields[2].1 = GET;
    assert_eq!(list(&fields), Verdict::UnknownEncoding(b"br".to_vec()));
    fields.push(("connection", "close"));
    assert_eq!(list(&fields), Verdict::Malformed("connection-specific header"));
}

#[test]
fn what_a_client_sent_is_shown_only_in_part() {
    let long = "/".repeat(10_000);
    let verdict =
        list(&[(":method", "POST"), (":scheme", "http"), (":path", &long), ("content-type", "application/grpc")]);
    assert_eq!(verdict, Verdict::UnknownPath(vec![b'/'; PATH_SHOWN_BYTES_MAX]));
}

#[test]
fn lengths_are_digits() {
    assert_eq!(parse_length(b"18446744073709551615"), Some(u64::MAX));
    for bad in ["", "-1", "+1", "1 ", "0x1", "18446744073709551616"] {
        assert_eq!(parse_length(bad.as_bytes()), None, "{bad:?}");
    }
}
