//! Vector matching where a side has histograms.

use super::super::matching::Matcher;
use super::operate::{Outcome, operate};
use crate::error::Error;
use crate::parse::ast::Card;
use crate::series::Sample;

impl Matcher<'_> {
    /// As the step of floats.
    pub(in crate::eval) fn mixed_step(&mut self, step: usize) -> Result<(), Error> {
        let partners = self.mixed_partners(step)?;
        let swapped = self.binary.matching.card == Card::OneToMany;
        let mut last = None;
        for place in 0..self.many.len() {
            let value = self.many.get(place).and_then(|it| it.points.sample(step));
            let signature = self.of_many.get(place).copied().unwrap_or(usize::MAX);
            let partner = partners.get(signature).cloned().flatten();
            let (Some(value), Some((partner, other))) = (value, partner) else {
                continue;
            };
            let (lhs, rhs) = if swapped {
                (other, value)
            } else {
                (value, other)
            };
            let (outcome, remark) = operate(self.binary, lhs, rhs);
            last = remark.or(last);
            let Outcome::Value(sample) = outcome else {
                continue;
            };
            let at = self.place_of(place, partner, signature)?;
            self.take(at.number, step)?;
            if let Some(out) = self.out.get_mut(at.place) {
                out.points.set_sample(step, sample);
            }
        }
        self.eval.remark(self.binary, last);
        Ok(())
    }

    /// For each signature the series of the one side and its sample.
    fn mixed_partners(&self, step: usize) -> Result<Vec<Option<(usize, Sample)>>, Error> {
        let mut partners: Vec<Option<(usize, Sample)>> = vec![None; self.signatures.len()];
        for (place, (series, signature)) in self.one.iter().zip(&self.of_one).enumerate() {
            let (Some(sample), Some(slot)) =
                (series.points.sample(step), partners.get_mut(*signature))
            else {
                continue;
            };
            if let Some((first, _)) = slot {
                return Err(self.many_to_many(*signature, place, *first));
            }
            *slot = Some((place, sample));
        }
        Ok(partners)
    }
}
