//! Values of 8 KiB to which many places lead, as the directory of extendible hashing leads to its segments.

use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;

use super::Placed;

/// Places that lead to values, each with one read. Those that lead to one value are a run whose length is a power of
/// two, and which begins at a multiple of it.
pub struct Directory<T> {
    /// None, or a power of two of them.
    places: Vec<NonNull<T>>,
    values: Vec<Placed<T>>,
}

impl<T: Copy> Directory<T> {
    /// Without any place.
    pub const fn new() -> Self {
        Self { places: Vec::new(), values: Vec::new() }
    }

    /// How many places there are.
    #[inline]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// How many values there are, and for how many there is room in the list of them.
    pub fn values(&self) -> (usize, usize) {
        (self.values.len(), self.values.capacity())
    }

    /// Makes room for so many values more in the list of them, and for no others.
    pub fn reserve_values(&mut self, values: usize) {
        self.values.reserve_exact(values);
    }

    /// The value that `place` leads to.
    #[inline(always)]
    pub fn get(&self, place: usize) -> Option<&T> {
        // SAFETY: all places lead to values of ours, which stay where they are until we are dropped, and nobody can
        // change one meanwhile.
        self.places.get(place).map(|value| unsafe { value.as_ref() })
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        // SAFETY: as above, and nobody else has any of them.
        self.places.get_mut(place).map(|value| unsafe { value.as_mut() })
    }

    /// The places that lead where this one leads.
    ///
    /// # Panics
    ///
    /// When there is no such place.
    pub fn run(&self, place: usize) -> Range<usize> {
        let value = self.places[place];
        let mut length = 1;
        // Runs are aligned, so that the ends of a longer one tell.
        while 2 * length <= self.places.len() {
            let first = place & !(2 * length - 1);
            if self.places[first] != value || self.places[first + 2 * length - 1] != value {
                break;
            }
            length *= 2;
        }
        let first = place & !(length - 1);
        first..first + length
    }

    /// Adds a value to which the upper half of the run of `place` leads from now on; to the first one of all leads one
    /// place.
    ///
    /// # Panics
    ///
    /// When that place has no other in its run.
    pub fn add(&mut self, value: T, place: usize) {
        let value = Placed::new(value);
        if self.places.is_empty() {
            self.places = vec![value.pointer()];
        } else {
            let run = self.run(place);
            assert!(run.len() > 1, "a value keeps a place");
            self.places[run.start + run.len() / 2..run.end].fill(value.pointer());
        }
        self.values.push(value);
    }

    /// Makes two neighbours of each place, which lead where it led.
    pub fn double(&mut self) {
        let mut doubled = Vec::with_capacity(self.places.len() * 2);
        doubled.extend(self.places.iter().flat_map(|value| [*value, *value]));
        self.places = doubled;
    }
}

impl<T: Copy> Default for Directory<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Directory<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Directory({} places of {} values)", self.places.len(), self.values.len())
    }
}
