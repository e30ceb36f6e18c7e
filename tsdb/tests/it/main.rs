//! The store from outside.

#[cfg(test)]
mod clock;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod histograms;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod model;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod ring;
#[cfg(test)]
mod script;
#[cfg(test)]
mod space;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod support;
