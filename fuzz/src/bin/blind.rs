//! `blind TARGET SECONDS`: a target under random changes to its seeds, where there is no nightly
//! toolchain for the guided fuzzer. `blind TARGET seeds DIRECTORY` writes the seeds.

use std::path::Path;
use std::time::{Duration, Instant};

use watchpost_fuzz::{TARGETS, seeds, target};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [name, "seeds", directory] => write_seeds(name, Path::new(directory)),
        [name, seconds] => run(name, seconds.parse().expect("seconds")),
        _ => {
            let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            eprintln!("expected TARGET SECONDS, with one of {}", names.join(", "));
            std::process::exit(2);
        }
    }
}

fn write_seeds(name: &str, directory: &Path) {
    std::fs::create_dir_all(directory).expect("a directory");
    for (number, seed) in seeds(name).iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), seed).expect("a file");
    }
}

fn run(name: &str, seconds: u64) {
    let target = target(name).expect("a target");
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "no seeds for `{name}`");
    seeds.iter().for_each(|seed| target(seed));
    let end = Instant::now() + Duration::from_secs(seconds);
    let last = std::env::temp_dir().join(format!("fuzz-{name}-{}", std::process::id()));
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id()));
    let mut count = 0_u64;
    while Instant::now() < end {
        let mut input = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(8) {
            random.change(&mut input);
        }
        // Where the target fails the input is left behind.
        std::fs::write(&last, &input).expect("a file");
        target(&input);
        count += 1;
    }
    std::fs::remove_file(&last).expect("the last input");
    println!("{name}: {count} inputs in {seconds} s, nothing found");
}

/// Xorshift, Marsaglia 2003.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let place = self.below(input.len());
        match self.next() % 6 {
            0 => input.truncate(place),
            1 => input.insert(place.min(input.len()), self.next() as u8),
            2 if !input.is_empty() => drop(input.remove(place)),
            3 => {
                let from = self.below(input.len());
                let piece = input[from..(from + 24).min(input.len())].to_vec();
                let place = place.min(input.len());
                input.splice(place..place, piece);
            }
            4 => {
                if let Some(byte) = input.get_mut(place) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff][self.below(5)];
                }
            }
            _ => {
                let bit = self.next() % 8;
                if let Some(byte) = input.get_mut(place) {
                    *byte ^= 1 << bit;
                }
            }
        }
    }
}
