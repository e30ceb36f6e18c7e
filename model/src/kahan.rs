//! Sums that lose no low digits: Kahan's algorithm as Neumaier improved it.

/// A sum and what its rounding left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kahan {
    /// The plain sum.
    pub sum: f64,
    /// What its rounding left out.
    pub rest: f64,
}

impl Kahan {
    /// Starts with a value.
    #[inline]
    pub fn from_first(value: f64) -> Self {
        Self {
            sum: value,
            rest: 0.0,
        }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.rest = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.rest += (self.sum - total) + value;
        } else {
            self.rest += (value - total) + self.sum;
        }
        self.sum = total;
    }

    /// Adds another sum.
    #[inline]
    pub fn add_sum(&mut self, other: Self) {
        self.add(other.sum);
        if other.rest != 0.0 {
            self.add(other.rest);
        }
    }

    /// The sum with its rest.
    #[inline]
    pub fn total(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.rest
        }
    }
}
