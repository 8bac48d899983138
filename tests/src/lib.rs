//! Does it hold: end-to-end, interoperability, faults, tidiness.
