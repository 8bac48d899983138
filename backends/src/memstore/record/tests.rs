//! What is written to a slot is what is read from it.

use super::*;

#[test]
fn what_is_written_is_read() {
    let place = Place::of(u64::MAX);
    for namespace in [0, 1, 14, 15, 16, u16::MAX] {
        for expiry in [None, Some(Expiry { at_ns: 0, timer: 1 }), Some(Expiry { at_ns: u64::MAX, timer: u32::MAX })] {
            for (key, value) in [(&[7u8; 1][..], &[][..]), (&[8; KEY_BYTES_MAX], &[9; 4000])] {
                let draft = Draft { namespace, place, key, value, is_list: false, expiry };
                let mut slot = vec![0xEE; draft.bytes() + 3];
                draft.write(&mut slot, false);
                let mut alone = vec![0xEE; draft.alone_bytes()];
                draft.write(&mut alone, true);
                for record in [Record::new(&slot), Record::new(&alone)] {
                    assert_eq!((record.key(), record.value()), (key, value));
                    assert_eq!((record.namespace(), record.expiry()), (namespace, expiry));
                    assert!(record.place() == place && record.is_live());
                }
            }
        }
    }
}

#[test]
fn an_expiry_comes_changes_and_goes_in_place() {
    let place = Place::of(3);
    for (namespace, value) in [(0, &b"value"[..]), (40, &[]), (7, &[9; SLOT_BYTES_MAX])] {
        let draft = Draft { namespace, place, key: b"key", value, is_list: false, expiry: None };
        let is_alone = draft.bytes() > SLOT_BYTES_MAX;
        let mut slot = vec![0xEE; draft.bytes() + if is_alone { 0 } else { EXPIRY_BYTES }];
        draft.write(&mut slot, is_alone);
        for expiry in [Some(5), Some(u64::MAX), None, None, Some(1)] {
            let expiry = expiry.map(|at_ns| Expiry { at_ns, timer: 7 });
            set_expiry(&mut slot, expiry);
            let record = Record::new(&slot);
            assert_eq!((record.key(), record.value(), record.expiry()), (&b"key"[..], value, expiry));
            assert_eq!((record.namespace(), record.place()), (namespace, place));
        }
    }
}

#[test]
fn a_message_becomes_a_record_where_it_lies() {
    let place = Place::of(5);
    for namespace in [0, 40] {
        for (key_bytes, behind) in [(2, 0), (300, 7)] {
            let (key, value) = (vec![b'k'; key_bytes], vec![b'v'; 20_000]);
            let mut message = Vec::with_capacity(20_000 + 2 * key_bytes + 6 + behind + TAIL_BYTES);
            for part in [&b"12"[..], &key, b"1234", &value, &vec![b'b'; behind]] {
                message.extend_from_slice(part);
            }
            let (key_at, value_at) = (2..2 + key_bytes, 6 + key_bytes..6 + key_bytes + value.len());
            assert!(is_adoptable(&message, &key_at, &value_at));
            let memory = message.as_ptr();
            adopt(&mut message, key_at, &value_at, namespace, place);
            assert_eq!(message.as_ptr(), memory, "it was not moved");
            for expiry in [None, Some(Expiry { at_ns: 9, timer: 1 }), None] {
                set_expiry(&mut message, expiry);
                let record = Record::new(&message);
                assert_eq!((record.key(), record.value(), record.expiry()), (&key[..], &value[..], expiry));
                assert!(record.namespace() == namespace && record.place() == place && record.is_live());
            }
        }
    }
}

#[test]
fn what_has_no_room_for_a_record_or_too_much_is_not_adopted() {
    let message = |capacity: usize| {
        let mut message = Vec::with_capacity(capacity);
        message.resize(20_020, 7);
        message
    };
    let needed = 20_020 + 10 + TAIL_BYTES;
    assert!(is_adoptable(&message(needed), &(2..12), &(20..20_020)));
    assert!(is_adoptable(&message(needed), &(2..2), &(8..20_020)));
    for (capacity, key, value) in [
        (needed - 1, 2..12, 20..20_020),
        (needed + needed / ADOPTED_WASTE_MAX + 1, 2..12, 20..20_020),
        (needed, 2..3, 7..20_020),
        (needed, 20_000..20_010, 20..19_000),
        (needed, 2..12, 20..20_021),
    ] {
        assert!(!is_adoptable(&message(capacity), &key, &value), "{capacity} {key:?} {value:?}");
    }
}

#[test]
fn an_overwritten_record_is_the_one_that_would_be_written() {
    let place = Place::of(11);
    for (namespace, key) in [(0, &b"k"[..]), (14, &[b'k'; 300])] {
        let draft = |value| Draft { namespace, place, key, value, is_list: false, expiry: None };
        let [mut page, mut other] = [&b"before"[..], b"behind"].map(|value| {
            let mut page = vec![0xEE; 8 + draft(value).bytes() + 8];
            draft(value).write(&mut page[8..], false);
            page
        });
        set_mark(&mut page[8..], Mark::Visited, true);
        set_mark(&mut page[8..], Mark::Probation, true);
        let there = plain_value(&page, 8, namespace, key).unwrap();
        overwrite_plain(&mut page, 8, there.start, b"behind");
        assert!(page == other, "the marks are gone, and the rest is the same");
        // What does not fit is let be.
        let before = other.clone();
        overwrite_plain(&mut other, 8, there.start, &[1; 100]);
        assert!(other == before);
    }
}

#[test]
fn a_plain_value_is_the_records_or_nothing() {
    let place = Place::of(7);
    let keys: Vec<Vec<u8>> = [1, 7, 8, 9, 16, 17, 40].map(|bytes| vec![b'k'; bytes]).into();
    for key in &keys {
        let expiry = Some(Expiry { at_ns: 9, timer: 1 });
        for (namespace, expiry) in [(0, None), (14, None), (15, None), (16, None), (0, expiry)] {
            let draft = Draft { namespace, place, key, value: b"value", is_list: false, expiry };
            let mut slot = vec![0xEE; draft.bytes() + 3];
            draft.write(&mut slot, false);
            let is_plain = u64::from(namespace) < NAMED && expiry.is_none();
            let value = plain_value(&slot, 0, namespace, key).map(|range| &slot[range]);
            assert_eq!(value, is_plain.then_some(&b"value"[..]));
            for cut in 0..HEADER_BYTES + key.len() {
                assert_eq!(plain_value(&slot[..cut], 0, namespace, key), None, "{cut} bytes of a record");
            }
            assert_eq!(plain_value(&slot, 0, namespace ^ 1, key), None);
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 1;
                assert_eq!(plain_value(&slot, 0, namespace, &other), None, "byte {at} of {}", key.len());
            }
            let mut alone = vec![0xEE; draft.alone_bytes()];
            draft.write(&mut alone, true);
            assert_eq!(plain_value(&alone, 0, namespace, key), None);
        }
    }
    let mut free = [0; 16];
    write_free(&mut free, 0);
    assert_eq!(plain_value(&free, 0, 0, b""), None);
}

#[test]
fn a_free_slot_is_no_record_and_keeps_the_next() {
    let mut slot = [0xFF; 16];
    write_free(&mut slot, u16::MAX);
    assert!(!Record::new(&slot).is_live());
    assert_eq!(next_free(&slot), u16::MAX);
}
