//! Blocks are apart, zeroed, and used again.

use super::{Block, Directory, Placed};
use crate::limits::{HUGE_AFTER_REGIONS, REGION_BYTES};

#[test]
fn blocks_keep_what_is_in_them_whatever_comes_and_goes() {
    let in_region = REGION_BYTES / Block::BYTES;
    let count = in_region * (HUGE_AFTER_REGIONS + 3);
    let make = |mark: usize| {
        let mut block = Block::with_room();
        block.extend(Block::BYTES);
        assert!(block.iter().all(|byte| *byte == 0), "a new block is zeroed");
        block.fill(mark as u8);
        block
    };
    let mut blocks: Vec<Block> = (0..count).map(make).collect();
    // Some of each region, all of one, and again.
    for round in 0..3 {
        for at in (0..count).filter(|at| at % 3 == round || at / in_region == 2) {
            blocks[at] = Block::none();
        }
        for at in (0..count).filter(|at| at % 3 == round || at / in_region == 2) {
            blocks[at] = make(at);
        }
        assert!(blocks.iter().enumerate().all(|(at, block)| block.iter().all(|byte| *byte == at as u8)));
    }
}

#[test]
fn a_block_grows_to_its_capacity_and_is_emptied() {
    let mut block = Block::with_room();
    block.extend(10);
    block[9] = 1;
    assert_eq!((block.len(), block.capacity()), (10, Block::BYTES));
    block.clear();
    block.extend(Block::BYTES);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block.extend(1))).is_err());
}

#[test]
fn one_alone_is_as_long_as_it_was_asked_for() {
    for bytes in [0, 1, 9_000, 1 << 20] {
        let mut block = Block::alone(bytes);
        assert_eq!((block.len(), block.capacity()), (bytes, bytes));
        block.fill(7);
        block.clear();
        assert_eq!(block.len(), bytes, "only one of a region is emptied");
    }
    assert_eq!((Block::none().len(), Block::none().capacity()), (0, 0));
}

#[test]
fn a_list_that_was_taken_over_comes_back() {
    let mut list = Vec::with_capacity(300);
    list.extend_from_slice(b"bytes");
    let (start, capacity) = (list.as_ptr(), list.capacity());
    let block = Block::from(list);
    assert_eq!((&block[..], block.capacity()), (&b"bytes"[..], capacity));
    let list = Vec::from(block);
    assert_eq!((&list[..], list.as_ptr(), list.capacity()), (&b"bytes"[..], start, capacity));
    assert!(Vec::from(Block::with_room()).is_empty() && Vec::from(Block::none()).is_empty());
}

#[test]
fn placed_values_are_apart() {
    let mut placed: Vec<_> = (0..1_000u64).map(|index| Placed::new([index; 1_024])).collect();
    placed.drain(..500).for_each(drop);
    placed.extend((0..500u64).map(|index| Placed::new([index; 1_024])));
    placed.iter_mut().for_each(|value| value[0] += 1);
    for (at, value) in placed.iter().enumerate() {
        let index = if at < 500 { at as u64 + 500 } else { at as u64 - 500 };
        assert!(value[0] == index + 1 && value[1..].iter().all(|word| *word == index));
    }
}

#[test]
fn places_lead_to_the_values_of_their_runs() {
    let value = |mark: u64| [mark; 1_024];
    let mut directory = Directory::new();
    assert!(directory.places() == 0 && directory.get(0).is_none() && directory.get_mut(0).is_none());
    directory.add(value(0), 0);
    // What each place leads to, kept the plain way.
    let mut model = vec![0];
    for mark in 1..200u64 {
        let place = mark as usize * 31 % model.len();
        if directory.run(place).len() == 1 {
            directory.double();
            model = model.into_iter().flat_map(|mark| [mark, mark]).collect();
        }
        let place = place % model.len();
        let run = directory.run(place);
        let same: Vec<usize> = (0..model.len()).filter(|at| model[*at] == model[place]).collect();
        assert_eq!(run.clone().collect::<Vec<_>>(), same);
        if run.len() > 1 {
            directory.add(value(mark), place);
            model[run.start + run.len() / 2..run.end].fill(mark);
        }
        if let Some(value) = directory.get_mut(place) {
            value[1] += 1;
        }
    }
    let distinct = model.iter().collect::<std::collections::HashSet<_>>().len();
    assert!(directory.places() == model.len() && directory.values().0 == distinct && distinct > 100);
    for (place, mark) in model.iter().enumerate() {
        assert!(
            directory.get(place).is_some_and(|value| value[0] == *mark && value[2..].iter().all(|word| word == mark))
        );
    }
    assert_eq!(directory.get(model.len()), None);
    let firsts = (0..model.len()).filter(|place| directory.run(*place).start == *place);
    let writes: u64 = firsts.map(|place| directory.get(place).unwrap()[1] - model[place]).sum();
    assert_eq!(writes, 199);
}
