//! An exchange of the network time protocol, RFC 5905, as far as a client of one packet needs it.

/// A packet without extensions.
pub(super) const LENGTH: usize = 48;

const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;

/// The clock is not synchronized.
const LEAP_UNKNOWN: u8 = 3;

/// From here on a stratum means that the server is not synchronized.
const MOST_STRATUM: u8 = 16;

/// The longest poll interval, in seconds: a clock that was set before it is not fresh.
const MOST_POLL: f64 = 131_072.0;

/// The greatest distance from the reference clock, in seconds.
const MOST_DISPERSION: f64 = 16.0;

const DAY: f64 = 86_400.0;

/// From the protocol's epoch, 1900, to Unix's.
const EPOCH: i64 = 2_208_988_800;

/// A time as the protocol has it: seconds since 1900 with 32 binary places. It is 0 where it is not
/// known, and begins anew in 2036.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// From a Unix time.
    pub(super) fn new(seconds: i64, nanoseconds: u32) -> Self {
        let seconds = seconds.wrapping_add(EPOCH).cast_unsigned() << 32;
        let fraction = (u64::from(nanoseconds) << 32) / 1_000_000_000;
        Self(seconds | fraction)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self(u64::from_be_bytes(*bytes.first_chunk()?)))
    }

    /// The seconds since another time; both may stand on either side of 2036.
    fn since(self, other: Self) -> f64 {
        self.0.wrapping_sub(other.0).cast_signed() as f64 / Self::ONE
    }

    /// The Unix time; 0 where it is not known.
    fn unix(self) -> f64 {
        if self.0 == 0 {
            return 0.0;
        }
        // What looks like the years before 1968 is what comes after 2036.
        let era = if self.0 >> 63 == 0 { 1_i64 << 32 } else { 0 };
        let whole = (self.0 >> 32).cast_signed() + era - EPOCH;
        let fraction = (self.0 & 0xffff_ffff) as f64 / Self::ONE;
        whole as f64 + fraction
    }

    const ONE: f64 = 4_294_967_296.0;
}

/// A question.
pub(super) fn request(version: u8, sent: Stamp) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    if let Some(first) = packet.first_mut() {
        *first = (version << 3) | MODE_CLIENT;
    }
    if let Some(place) = packet.last_chunk_mut() {
        *place = sent.0.to_be_bytes();
    }
    packet
}

/// What a server says of its clock, in seconds, and what the exchange says of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) stratum: u8,
    pub(super) leap: u8,
    /// How long the exchange took, without the server's part of it.
    pub(super) round_trip: f64,
    /// How far the server's clock is ahead of ours.
    pub(super) offset: f64,
    /// When the server's clock was last set, as Unix time.
    pub(super) reference: f64,
    pub(super) root_delay: f64,
    pub(super) root_dispersion: f64,
    /// The server's time, as Unix time.
    pub(super) time: f64,
    /// How long before its answer the server's clock was set.
    age: f64,
    /// By how much cause seems to come after effect: the least error of our clock.
    pub(super) least_error: f64,
}

/// Reads an answer to the question that was sent then; it was received now. The error says what was
/// expected.
pub(super) fn answer(packet: &[u8], sent: Stamp, now: Stamp) -> Result<Answer, &'static str> {
    read(packet, sent, now).unwrap_or(Err("48 bytes"))
}

/// None where the packet is too short.
fn read(packet: &[u8], sent: Stamp, now: Stamp) -> Option<Result<Answer, &'static str>> {
    let [first, stratum] = *packet.first_chunk()?;
    let stamp = |at| Stamp::read(packet.get(at..)?);
    let (reference, origin) = (stamp(16)?, stamp(24)?);
    let (received, transmitted) = (stamp(32)?, stamp(40)?);
    if first & 7 != MODE_SERVER {
        return Some(Err("a server's answer"));
    }
    if origin != sent {
        return Some(Err("an answer to our question"));
    }
    if transmitted == Stamp::default() {
        return Some(Err("the server's time"));
    }
    let there = now.since(sent);
    let (forth, back) = (received.since(sent), transmitted.since(now));
    Some(Ok(Answer {
        stratum,
        leap: first >> 6,
        round_trip: (there - transmitted.since(received)).max(0.0),
        offset: f64::midpoint(forth, back),
        reference: reference.unix().max(0.0),
        root_delay: short(packet.get(4..)?)?,
        root_dispersion: short(packet.get(8..)?)?,
        time: transmitted.unix(),
        age: transmitted.since(reference),
        least_error: back.max(-forth).max(0.0),
    }))
}

/// Seconds with 16 binary places.
fn short(bytes: &[u8]) -> Option<f64> {
    Some(f64::from(u32::from_be_bytes(*bytes.first_chunk()?)) / 65_536.0)
}

impl Answer {
    /// The midnight at the end of the server's day, as Unix time, where it has a leap second.
    pub(super) fn leap_midnight(&self) -> Option<f64> {
        let announced = (1..LEAP_UNKNOWN).contains(&self.leap);
        announced.then(|| (self.time / DAY).floor() * DAY + DAY)
    }

    /// Whether the answer is within a day of such a midnight: the second may be spread over it.
    pub(super) fn is_near(&self, midnight: f64) -> bool {
        (self.time - midnight).abs() < DAY
    }

    /// Whether the server may be believed, in the terms of RFC 5905 and with our own limits.
    pub(super) fn is_sane(&self, most_distance: f64, most_error: f64) -> bool {
        let dispersion = self.root_delay / 2.0 + self.root_dispersion;
        let distance = f64::midpoint(self.round_trip, self.root_delay) + self.root_dispersion;
        (1..MOST_STRATUM).contains(&self.stratum)
            && self.leap != LEAP_UNKNOWN
            && (0.0..=MOST_POLL).contains(&self.age)
            && dispersion <= MOST_DISPERSION
            && distance <= most_distance
            && self.least_error <= most_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sent at 1 s, received by the server at 2.5 s, answered at 2.75 s, back at 2 s of our clock,
    /// which is 1.125 s behind.
    fn exchange(change: impl FnOnce(&mut [u8])) -> Result<Answer, &'static str> {
        let base = 1_795_000_000;
        let at = |seconds: i64, millis: u32| Stamp::new(base + seconds, millis * 1_000_000);
        let mut packet = [0; LENGTH];
        packet[0] = (4 << 3) | MODE_SERVER;
        packet[1] = 2;
        packet[4..8].copy_from_slice(&(65_536_u32 / 4).to_be_bytes());
        packet[8..12].copy_from_slice(&(65_536_u32 / 2).to_be_bytes());
        for (place, stamp) in [
            (16, at(-10, 0)),
            (24, at(1, 0)),
            (32, at(2, 500)),
            (40, at(2, 750)),
        ] {
            packet[place..place + 8].copy_from_slice(&stamp.0.to_be_bytes());
        }
        change(&mut packet);
        answer(&packet, at(1, 0), at(2, 0))
    }

    #[test]
    fn an_exchange_says_how_far_the_clocks_are_apart() {
        let answer = exchange(|_| {}).unwrap();
        assert_eq!((answer.stratum, answer.leap), (2, 0));
        for (found, expected) in [
            (answer.round_trip, 0.75),
            (answer.offset, 1.125),
            (answer.reference, 1_794_999_990.0),
            (answer.root_delay, 0.25),
            (answer.root_dispersion, 0.5),
            (answer.time, 1_795_000_002.75),
            (answer.least_error, 0.75),
        ] {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn only_a_good_server_is_sane() {
        let sane = |change: fn(&mut [u8]), distance, error| {
            exchange(change).unwrap().is_sane(distance, error)
        };
        assert!(sane(|_| {}, 3.0, 0.8));
        assert!(!sane(|_| {}, 0.9, 0.8), "too far from the reference");
        assert!(!sane(|_| {}, 3.0, 0.7), "our clock is wrong");
        assert!(!sane(|packet| packet[1] = 0, 3.0, 0.8), "sends us away");
        assert!(!sane(|packet| packet[1] = 16, 3.0, 0.8), "no stratum");
        assert!(!sane(|packet| packet[0] |= 3 << 6, 3.0, 0.8), "no leap");
        assert!(!sane(|packet| packet[17] -= 3, 3.0, 0.8), "not fresh");
        assert!(
            !sane(|packet| packet[19] += 60, 3.0, 0.8),
            "set in the future"
        );
        assert!(!sane(|packet| packet[9] = 17, 30.0, 0.8), "too dispersed");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert_eq!(exchange(|packet| packet[0] = 3), Err("a server's answer"));
        assert_eq!(
            exchange(|packet| packet[31] ^= 1),
            Err("an answer to our question")
        );
        assert_eq!(
            exchange(|packet| packet[40..].fill(0)),
            Err("the server's time")
        );
        let zero = Stamp::default();
        assert_eq!(answer(&[0x24; LENGTH - 1], zero, zero), Err("48 bytes"));
    }

    #[test]
    fn a_question_is_a_clients_and_bears_its_time() {
        let packet = request(4, Stamp::new(0, 500_000_000));
        assert_eq!(packet[..4], [0x23, 0, 0, 0]);
        assert_eq!(packet[40..], [0x83, 0xaa, 0x7e, 0x80, 0x80, 0, 0, 0]);
    }

    #[test]
    fn times_of_the_next_era_come_after_those_of_this_one() {
        let (before, after) = (Stamp::new(2_085_978_495, 0), Stamp::new(2_085_978_497, 0));
        assert!((after.since(before) - 2.0).abs() < 1e-9);
        assert!((after.unix() - 2_085_978_497.0).abs() < 1e-6);
        assert!((before.unix() - 2_085_978_495.0).abs() < 1e-6);
    }

    #[test]
    fn a_leap_second_is_at_the_end_of_the_day() {
        assert_eq!(exchange(|_| {}).unwrap().leap_midnight(), None);
        let answer = exchange(|packet| packet[0] |= 1 << 6).unwrap();
        let midnight = answer.leap_midnight().unwrap();
        assert!((midnight - 1_795_046_400.0).abs() < 1.0);
        assert!(answer.is_near(midnight) && !answer.is_near(midnight + DAY));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(packet: Vec<u8>, sent: u64, now: u64) {
            if let Ok(answer) = answer(&packet, Stamp(sent), Stamp(now)) {
                assert!(answer.round_trip >= 0.0 && answer.reference >= 0.0);
                assert!(!answer.is_sane(-1.0, 1.0));
            }
        }
    }
}
