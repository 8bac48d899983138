use std::rc::Rc;

use super::*;

#[test]
fn items_are_hidden_until_published() {
    let (mut producer, mut consumer) = channel(4);
    producer.push(1).unwrap();
    producer.push(2).unwrap();
    assert_eq!((producer.hidden(), consumer.pop(), consumer.is_empty()), (2, None, true));
    producer.publish();
    assert_eq!((producer.hidden(), consumer.is_empty()), (0, false));
    assert_eq!((consumer.pop(), consumer.pop(), consumer.pop()), (Some(1), Some(2), None));
}

#[test]
fn a_full_queue_gives_the_item_back_until_places_are_released() {
    let (mut producer, mut consumer) = channel(3);
    for item in 0..4 {
        producer.push(item).unwrap();
    }
    assert_eq!(producer.push(4), Err(4));
    producer.publish();
    assert_eq!(consumer.pop(), Some(0));
    assert_eq!(producer.push(4), Err(4));
    consumer.release();
    assert_eq!((producer.push(4), producer.push(5)), (Ok(()), Err(5)));
}

#[test]
fn what_is_left_is_dropped_once() {
    let item = Rc::new(());
    let (mut producer, mut consumer) = channel(8);
    for _ in 0..6 {
        producer.push(item.clone()).unwrap();
    }
    producer.publish();
    producer.push(item.clone()).unwrap();
    drop(consumer.pop());
    drop(consumer.pop());
    consumer.release();
    drop(consumer.pop());
    assert_eq!(Rc::strong_count(&item), 5);
    drop(consumer);
    drop(producer);
    assert_eq!(Rc::strong_count(&item), 1);
}

#[test]
fn everything_arrives_in_order_between_threads() {
    const ITEMS: u64 = 200_000;
    let (mut producer, mut consumer) = channel(64);
    let sender = std::thread::spawn(move || {
        for item in 0..ITEMS {
            let mut item = Box::new(item);
            while let Err(back) = producer.push(item) {
                item = back;
                producer.publish();
                std::thread::yield_now();
            }
            if producer.hidden() > 7 {
                producer.publish();
            }
        }
    });
    let mut expected = 0;
    while expected < ITEMS {
        match consumer.pop() {
            Some(item) => {
                assert_eq!(*item, expected);
                expected += 1;
            }
            None => {
                consumer.release();
                std::thread::yield_now();
            }
        }
    }
    sender.join().unwrap();
    assert!(consumer.is_empty() && consumer.pop().is_none());
}
