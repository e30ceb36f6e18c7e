//! Work that threads share out. What comes of it does not depend on how many there are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Error;

/// Does each of some pieces of work, and gives what came of them in their order. The caller's thread
/// is one of the threads. Of several errors the first piece's counts.
pub(super) fn each<T: Send>(
    threads: usize,
    pieces: usize,
    work: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    each_with(threads, pieces, || (), |(), piece| work(piece))
}

/// As [`each`], with something that each thread makes once and uses for all of its pieces.
pub(super) fn each_with<S, T: Send>(
    threads: usize,
    pieces: usize,
    make: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    if threads.min(pieces) <= 1 {
        let mut own = make();
        return (0..pieces).map(|piece| work(&mut own, piece)).collect();
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let (mut done, mut own) = (Vec::new(), make());
        while !failed.load(Ordering::Relaxed) {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= pieces {
                break;
            }
            let result = work(&mut own, piece);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((piece, result));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(pieces)).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(piece, _)| *piece);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_pieces_and_the_first_error_counts() {
        for threads in [0, 1, 2, 7] {
            let doubled = each(threads, 100, |piece| Ok(piece * 2)).unwrap();
            assert_eq!(doubled, (0..100).map(|piece| piece * 2).collect::<Vec<_>>());
            let failing = each(threads, 100, |piece| {
                if piece >= 3 {
                    return Err(Error::Execution(piece.to_string()));
                }
                Ok(())
            });
            let text = failing.unwrap_err().to_string();
            assert!(text.ends_with('3') || threads > 1, "{text}");
        }
    }
}
