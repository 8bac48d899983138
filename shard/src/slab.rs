//! A bounded table whose keys go stale: what a late reply looks for and does not find any more.

/// Names one entry of a [`Slab`]: its index and the generation of that place. A key whose entry was removed finds
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlabKey(u64);

impl SlabKey {
    /// The key as a number, for user data, parcels and timer tokens.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The key that [`SlabKey::to_bits`] gave; any other number is a key that finds nothing or some other entry.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    fn new(index: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(index))
    }

    fn split(self) -> (usize, u32) {
        ((self.0 & u64::from(u32::MAX)) as usize, (self.0 >> 32) as u32)
    }
}

/// The slab holds as many entries as it may; the value comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Place<T> {
    /// The index of the next vacant place, or [`NONE`].
    Vacant(u32),
    Taken(T),
}

/// A table of at most `capacity` entries; insertion, look-up and removal take constant time. It grows as it is filled.
#[derive(Debug)]
pub struct Slab<T> {
    places: Vec<(u32, Place<T>)>,
    vacant: u32,
    len: usize,
    capacity: usize,
}

impl<T> Slab<T> {
    /// An empty slab for at most `capacity` entries, fewer than 2^32.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { places: Vec::new(), vacant: NONE, len: 0, capacity: capacity.min(NONE as usize) }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there may be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts a value in and names it.
    ///
    /// # Errors
    /// [`Full`] with the value when `capacity` entries are in.
    pub fn insert(&mut self, value: T) -> Result<SlabKey, Full<T>> {
        if self.len >= self.capacity {
            return Err(Full(value));
        }
        self.len += 1;
        if self.vacant == NONE {
            let index = u32::try_from(self.places.len()).expect("the capacity is below 2^32");
            self.places.push((0, Place::Taken(value)));
            return Ok(SlabKey::new(index, 0));
        }
        let index = self.vacant;
        let (generation, place) = &mut self.places[index as usize];
        let Place::Vacant(next) = *place else { unreachable!("the vacant list names vacant places only") };
        self.vacant = next;
        *place = Place::Taken(value);
        Ok(SlabKey::new(index, *generation))
    }

    /// The entry of this key, if it is still there.
    #[must_use]
    pub fn get(&self, key: SlabKey) -> Option<&T> {
        let (index, generation) = key.split();
        match self.places.get(index) {
            Some((found, Place::Taken(value))) if *found == generation => Some(value),
            _ => None,
        }
    }

    /// The entry of this key, if it is still there.
    pub fn get_mut(&mut self, key: SlabKey) -> Option<&mut T> {
        let (index, generation) = key.split();
        match self.places.get_mut(index) {
            Some((found, Place::Taken(value))) if *found == generation => Some(value),
            _ => None,
        }
    }

    /// Takes the entry of this key out; the key and its copies find nothing from now on.
    pub fn remove(&mut self, key: SlabKey) -> Option<T> {
        self.get(key)?;
        let (index, generation) = key.split();
        let old = std::mem::replace(&mut self.places[index], (generation.wrapping_add(1), Place::Vacant(self.vacant)));
        self.vacant = u32::try_from(index).expect("the capacity is below 2^32");
        self.len -= 1;
        match old.1 {
            Place::Taken(value) => Some(value),
            Place::Vacant(_) => unreachable!("looked up just now"),
        }
    }

    /// Every entry with its key, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (SlabKey, &T)> {
        self.places.iter().enumerate().filter_map(|(index, (generation, place))| match place {
            Place::Taken(value) => Some((SlabKey::new(index as u32, *generation), value)),
            Place::Vacant(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
