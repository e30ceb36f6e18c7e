//! The mean by sums that lose no low digits.

pub(crate) use watchpost_model::Kahan;

/// A mean: of the sum while that is finite, and updated step by step once it would overflow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: Kahan,
    incremental: bool,
}

impl Mean {
    /// The mean of so many values with a finite sum.
    pub(crate) fn of_sum(count: f64, sum: Kahan) -> Self {
        Self {
            count,
            sum,
            incremental: false,
        }
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.count <= 1.0 {
            self.sum = Kahan::from_first(value);
            return;
        }
        if !self.incremental {
            let mut sum = self.sum;
            sum.add(value);
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            self.sum.sum /= self.count - 1.0;
            self.sum.rest /= self.count - 1.0;
        }
        let share = (self.count - 1.0) / self.count;
        self.sum.sum *= share;
        self.sum.rest *= share;
        self.sum.add(value / self.count);
    }

    pub(crate) fn value(self) -> f64 {
        if self.incremental {
            self.sum.sum + self.sum.rest
        } else {
            self.sum.sum / self.count + self.sum.rest / self.count
        }
    }
}
