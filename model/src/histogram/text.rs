//! A histogram as Prometheus prints it: `{count:4, sum:5, [-1,-0.5):1, [-0.001,0.001]:1, (1,2]:2}`.

use std::fmt;

use super::{Bucket, FloatHistogram};
use crate::text::write_number;

/// A number as Go's `%g` has it.
fn number(value: f64) -> String {
    let mut text = Vec::with_capacity(24);
    write_number(&mut text, value);
    String::from_utf8(text).unwrap_or_default()
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let [lower, upper, count] = [self.lower, self.upper, self.count].map(number);
        write!(f, "{open}{lower},{upper}{close}:{count}")
    }
}

impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{{count:{}, sum:{}",
            number(self.count),
            number(self.sum)
        )?;
        let below = self.negative_side().into_iter().rev();
        let zero = (!self.uses_custom_buckets()).then(|| self.zero_bucket());
        for bucket in below.chain(zero).chain(self.positive_side()) {
            if bucket.count != 0.0 {
                write!(f, ", {bucket}")?;
            }
        }
        f.write_str("}")
    }
}
