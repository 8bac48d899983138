//! The slab: keys, generations and its bound.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[test]
fn a_stale_key_finds_nothing() {
    let mut slab = Slab::new(4);
    let first = slab.insert("first").unwrap();
    assert_eq!(slab.remove(first), Some("first"));
    let second = slab.insert("second").unwrap();
    assert_ne!(first, second);
    assert_eq!((slab.get(first).copied(), slab.remove(first)), (None, None));
    assert_eq!(slab.get_mut(first), None);
    assert_eq!(slab.get(second), Some(&"second"));
    assert_eq!(SlabKey::from_bits(second.to_bits()), second);
}

#[test]
fn the_bound_holds_and_gives_the_value_back() {
    let mut slab = Slab::new(2);
    let key = slab.insert(1).unwrap();
    slab.insert(2).unwrap();
    assert_eq!(slab.insert(3), Err(Full(3)));
    slab.remove(key);
    assert!(slab.insert(4).is_ok());
    assert_eq!(slab.insert(5), Err(Full(5)));
    assert!(Slab::new(0).insert(()).is_err());
}

#[test]
fn a_key_out_of_range_finds_nothing() {
    let mut slab: Slab<u8> = Slab::new(8);
    assert_eq!(slab.remove(SlabKey::from_bits(u64::MAX)), None);
    assert_eq!(slab.get(SlabKey::from_bits(3)), None);
}

proptest! {
    /// The slab answers as a map from keys to values does.
    #[test]
    fn it_behaves_as_a_map(steps in prop::collection::vec((any::<bool>(), any::<u16>()), 0..400)) {
        let mut slab = Slab::new(32);
        let mut model: HashMap<SlabKey, u16> = HashMap::new();
        let mut keys = Vec::new();
        for (insert, value) in steps {
            if insert {
                match slab.insert(value) {
                    Ok(key) => {
                        prop_assert!(model.insert(key, value).is_none());
                        keys.push(key);
                    }
                    Err(Full(back)) => prop_assert_eq!((back, model.len()), (value, 32)),
                }
            } else if !keys.is_empty() {
                let key = keys[usize::from(value) % keys.len()];
                prop_assert_eq!(slab.remove(key), model.remove(&key));
            }
            prop_assert_eq!(slab.len(), model.len());
        }
        let mut left: Vec<_> = slab.iter().map(|(key, value)| (key.to_bits(), *value)).collect();
        let mut expected: Vec<_> = model.iter().map(|(key, value)| (key.to_bits(), *value)).collect();
        left.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(left, expected);
    }
}
