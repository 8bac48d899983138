//! A bounded queue from one thread to one other, written and read in batches.
//!
//! Items pushed become visible at [`Producer::publish`], places read become free at [`Consumer::release`]: each is
//! one store to a shared cache line, however many items it covers. It never blocks and wakes nobody.

use std::mem::MaybeUninit;

use crossbeam::utils::CachePadded;

use crate::sync::{Arc, AtomicUsize, Ordering, UnsafeCell};

struct Queue<T> {
    /// The position of the next item to read; written by the consumer.
    head: CachePadded<AtomicUsize>,
    /// The position after the last published item; written by the producer.
    tail: CachePadded<AtomicUsize>,
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

// SAFETY: a slot is accessed by the producer alone until `tail` passes it, and by the consumer alone until `head` does;
// the Release stores and Acquire loads of both order the accesses. Items move between threads, hence `T: Send`.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; no method gives out a shared reference to an item.
unsafe impl<T: Send> Sync for Queue<T> {}

impl<T> Queue<T> {
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[position & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        let (mut head, tail) = (self.head.load(Ordering::Acquire), self.tail.load(Ordering::Acquire));
        while head != tail {
            // SAFETY: both ends are gone, and positions from `head` to `tail` hold items that nobody has read.
            self.slot(head).with_mut(|slot| unsafe { (*slot).assume_init_drop() });
            head = head.wrapping_add(1);
        }
    }
}

/// The end that pushes.
pub(crate) struct Producer<T> {
    queue: Arc<Queue<T>>,
    tail: usize,
    published: usize,
    /// A head seen earlier; the true one is at or after it.
    head: usize,
}

/// The end that pops.
pub(crate) struct Consumer<T> {
    queue: Arc<Queue<T>>,
    head: usize,
    released: usize,
    /// A tail seen earlier; the true one is at or after it.
    tail: usize,
}

/// A queue for `capacity` items, rounded up to a power of two.
pub(crate) fn channel<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    let slots = (0..capacity.next_power_of_two()).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    let queue = Arc::new(Queue {
        head: CachePadded::new(AtomicUsize::new(0)),
        tail: CachePadded::new(AtomicUsize::new(0)),
        slots,
    });
    let producer = Producer { queue: queue.clone(), tail: 0, published: 0, head: 0 };
    (producer, Consumer { queue, head: 0, released: 0, tail: 0 })
}

impl<T> Producer<T> {
    /// Appends an item, which stays hidden until it is published; a full queue gives it back.
    #[inline]
    pub(crate) fn push(&mut self, item: T) -> Result<(), T> {
        let capacity = self.queue.slots.len();
        if self.tail.wrapping_sub(self.head) == capacity {
            self.head = self.queue.head.load(Ordering::Acquire);
            if self.tail.wrapping_sub(self.head) == capacity {
                return Err(item);
            }
        }
        // SAFETY: the position is at most `capacity` after the consumer's head, which was loaded with Acquire, so the
        // consumer is done with this slot and will not look at it before `tail` is stored.
        self.queue.slot(self.tail).with_mut(|slot| unsafe { (*slot).write(item) });
        self.tail = self.tail.wrapping_add(1);
        Ok(())
    }

    /// How many items are pushed and still hidden.
    #[inline]
    pub(crate) fn hidden(&self) -> usize {
        self.tail.wrapping_sub(self.published)
    }

    /// Shows the consumer what was pushed.
    #[inline]
    pub(crate) fn publish(&mut self) {
        if self.published != self.tail {
            self.queue.tail.store(self.tail, Ordering::Release);
            self.published = self.tail;
        }
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.publish();
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest published item; its place is free for the producer once released.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.head == self.tail {
            self.tail = self.queue.tail.load(Ordering::Acquire);
            if self.head == self.tail {
                return None;
            }
        }
        // SAFETY: the position is before a tail that was loaded with Acquire, so the item is written; `head` moves
        // past it, so it is read once.
        let item = self.queue.slot(self.head).with(|slot| unsafe { (*slot).assume_init_read() });
        self.head = self.head.wrapping_add(1);
        Some(item)
    }

    /// Gives the places of what was popped back to the producer.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.released != self.head {
            self.queue.head.store(self.head, Ordering::Release);
            self.released = self.head;
        }
    }

    /// Whether nothing is published that was not popped.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.tail && self.queue.tail.load(Ordering::Acquire) == self.head
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
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
}
