//! Window arithmetic at its edges.

use super::*;

#[test]
fn a_send_window_goes_negative_and_recovers() {
    let mut window = SendWindow::new(65_535);
    window.take(65_535);
    window.shift(100 - 65_535).expect("shrinking is allowed");
    assert_eq!(window.available(), 0);
    window.grow(65_435).expect("in range");
    assert_eq!(window.available(), 0, "exactly zero, not open");
    window.grow(1).expect("in range");
    assert_eq!(window.available(), 1);
}

#[test]
fn a_send_window_never_exceeds_its_maximum() {
    let mut window = SendWindow::new(WINDOW_BYTES_MAX);
    assert_eq!(window.grow(1), Err(WindowError));
    assert_eq!(window.shift(1), Err(WindowError));
    let mut window = SendWindow::new(1);
    assert_eq!(window.grow(WINDOW_BYTES_MAX), Err(WindowError));
    assert_eq!(window.grow(WINDOW_BYTES_MAX - 1), Ok(()));
}

#[test]
fn the_connection_is_granted_by_halves() {
    let mut window = ReceiveWindow::new(200_000);
    assert_eq!(window.open(), 200_000 - INITIAL_WINDOW_BYTES);
    assert_eq!(window.receive(99_999), Ok(None));
    assert_eq!(window.receive(1), Ok(Some(100_000)));
    assert_eq!(window.receive(200_001), Err(WindowError));
}

#[test]
fn a_connection_window_used_up_is_always_granted_again() {
    let mut window = ReceiveWindow::new(0);
    assert_eq!(window.open(), 0);
    for _ in 0..100 {
        assert_eq!(window.receive(INITIAL_WINDOW_BYTES), Ok(Some(INITIAL_WINDOW_BYTES)));
    }
}

#[test]
fn a_stream_window_refuses_what_it_did_not_grant() {
    let mut window = StreamReceiveWindow::new(10);
    assert_eq!(window.receive(11), Err(WindowError));
    assert_eq!(window.receive(10), Ok(()));
    assert_eq!(window.receive(0), Ok(()), "an empty frame needs no window");
    window.shift(-4);
    assert_eq!(window.available(), -4);
    assert_eq!(window.receive(0), Ok(()), "an empty frame needs no window, not even of a negative one");
    assert_eq!(window.raise_to(6), 10);
    assert_eq!(window.raise_to(6), 0);
    assert_eq!(window.available(), 6);
}
