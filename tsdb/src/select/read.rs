//! Reading the values of stacks, a few at a time, so that what is decoded stays in the processor's
//! cache until it is copied to where it belongs.

use std::ops::Range;

use watchpost_model::absent_nan;

use super::stack::{Rows, Stack};
use crate::Error;

/// How many values are decoded at a time, where one series does not have more.
pub(crate) const CELLS: usize = 1 << 17;

/// Reads the values of all series of some stacks: `each` gets the stack's place, the place of the
/// line in the plan, and the values.
pub(crate) fn read<E: From<Error>>(
    stacks: &[Stack],
    mut each: impl FnMut(usize, u32, &mut [f64]) -> Result<(), E>,
) -> Result<(), E> {
    let mut from = 0;
    let mut cells = Vec::new();
    while let Some(stack) = stacks.get(from) {
        let mut to = from + 1;
        let mut total = stack.cells();
        while let Some(next) = stacks.get(to).filter(|next| total + next.cells() <= CELLS) {
            total += next.cells();
            to += 1;
        }
        let step = if total <= CELLS {
            usize::MAX
        } else {
            (CELLS / stack.rows.max(1)).max(1)
        };
        let mut line = 0;
        loop {
            let lines = line..step.saturating_add(line);
            let mut window = Window::new(stacks, from..to, lines, cells);
            window.fill()?;
            let more = window.each(&mut each)?;
            cells = window.cells;
            if !more {
                break;
            }
            line += step;
        }
        from = to;
    }
    Ok(())
}

/// The values of some lines of some stacks.
struct Window<'a> {
    /// The stacks with their places.
    stacks: Vec<(usize, &'a Stack)>,
    /// Of the stacks' lines; all of them where there is more than one stack.
    lines: Range<usize>,
    /// Where each stack's values begin.
    starts: Vec<usize>,
    cells: Vec<f64>,
}

impl<'a> Window<'a> {
    fn new(
        stacks: &'a [Stack],
        places: Range<usize>,
        lines: Range<usize>,
        mut cells: Vec<f64>,
    ) -> Self {
        let of_window = stacks.iter().enumerate();
        let of_window = of_window.skip(places.start).take(places.len());
        let stacks: Vec<_> = of_window.collect();
        let mut starts = Vec::with_capacity(stacks.len());
        let mut total = 0;
        for (_, stack) in &stacks {
            starts.push(total);
            total += within(stack, &lines).len() * stack.rows;
        }
        cells.clear();
        cells.resize(total, absent_nan());
        Self {
            stacks,
            lines,
            starts,
            cells,
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        let mut values = Vec::new();
        for ((_, stack), start) in self.stacks.iter().zip(&self.starts) {
            let lines = within(stack, &self.lines);
            for part in &stack.parts {
                let Rows::Head(snapshot) = &part.of else {
                    continue;
                };
                for column in snapshot.columns() {
                    let place = part.columns.place(column.line);
                    let line = place.and_then(|place| lines.binary_search(&place).ok());
                    let Some(line) = line else { continue };
                    values.clear();
                    values.extend(snapshot.values(column)?);
                    let start = start + line * stack.rows + part.start;
                    if let Some(to) = self.cells.get_mut(start..start + values.len()) {
                        to.copy_from_slice(&values);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the series on. Whether there are more lines.
    fn each<E>(
        &mut self,
        each: &mut impl FnMut(usize, u32, &mut [f64]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut more = false;
        for ((place, stack), start) in self.stacks.iter().zip(&self.starts) {
            more |= stack.lines.len() > self.lines.end;
            let cells = self.cells.get_mut(*start..).unwrap_or_default();
            let series = cells.chunks_exact_mut(stack.rows.max(1));
            for (line, values) in within(stack, &self.lines).iter().zip(series) {
                each(*place, *line, values)?;
            }
        }
        Ok(more)
    }
}

fn within<'a>(stack: &'a Stack, lines: &Range<usize>) -> &'a [u32] {
    let end = lines.end.min(stack.lines.len());
    stack.lines.get(lines.start..end).unwrap_or_default()
}
