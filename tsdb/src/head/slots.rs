//! Which slots of a group some lines have.

use std::borrow::Cow;

use watchpost_model::absent_nan;

/// The slot of a line that has none: a repeated one, or a series above the limit.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// The slot of each line of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slots {
    /// The lines have the first slots, in their order.
    Same,
    /// A slot, or [`NO_SLOT`], for each line.
    List(Box<[u32]>),
}

impl Slots {
    /// Of a slot for each line.
    pub(crate) fn new(slots: Vec<u32>) -> Self {
        if (0..).zip(&slots).all(|(place, slot)| place == *slot) {
            Self::Same
        } else {
            Self::List(slots.into())
        }
    }

    /// The slot of the line at a place.
    pub(crate) fn get(&self, place: usize) -> Option<usize> {
        match self {
            Self::Same => Some(place),
            Self::List(slots) => match slots.get(place) {
                None | Some(&NO_SLOT) => None,
                Some(slot) => Some(*slot as usize),
            },
        }
    }

    /// Values by slot, of values by the line's place.
    pub(crate) fn place<'a>(&self, values: &'a [f64]) -> Cow<'a, [f64]> {
        match self {
            Self::Same => values.into(),
            Self::List(slots) => {
                let used = slots.iter().filter(|slot| **slot != NO_SLOT);
                let width = used.max().map_or(0, |slot| *slot as usize + 1);
                let mut placed = vec![absent_nan(); width];
                self.scatter(values, &mut placed);
                placed.into()
            }
        }
    }

    /// Puts values at their slots.
    pub(crate) fn scatter(&self, values: &[f64], placed: &mut [f64]) {
        match self {
            Self::Same => {
                let count = values.len().min(placed.len());
                placed[..count].copy_from_slice(&values[..count]);
            }
            Self::List(slots) => {
                for (slot, value) in slots.iter().zip(values) {
                    if let Some(place) = placed.get_mut(*slot as usize) {
                        *place = *value;
                    }
                }
            }
        }
    }

    /// Gives cells the slots of their columns, ascending; those that have none are left out.
    pub(crate) fn renumber(&self, cells: &mut Vec<(usize, f64)>) {
        if *self == Self::Same {
            return;
        }
        let placed = cells.iter();
        let placed = placed.filter_map(|(column, value)| Some((self.get(*column)?, *value)));
        *cells = placed.collect();
        cells.sort_unstable_by_key(|(slot, _)| *slot);
    }
}
