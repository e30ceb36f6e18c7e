//! Basic authentication against bcrypt hashes.
//!
//! A hash takes long to compute, on purpose: it is computed on a thread of its own, one at a time,
//! and its outcome is kept, under a digest that tells nothing of the password. For an unknown user
//! it is computed as well, so that the time tells nothing of who is known.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::hmac;
use tokio::sync::Semaphore;
use watchpost_model::config::Secret;

/// The costs that are taken: the smallest there is to what takes some seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=18;

/// Outcomes that are kept of each kind.
const OUTCOMES: usize = 64;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// A salt and a hash of zeros, which no password is known for.
const NOBODY: &str = ".....................................................";

/// What is said of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The user's password is right.
    Known,
    /// Nobody was named, or the password is wrong.
    Unknown,
    /// Too many ask at once to tell.
    Busy,
}

/// Why a text is not a hash that is taken. The text is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HashError {
    #[error(
        "expected a bcrypt hash of 60 characters, as `htpasswd -nBC 10 NAME` makes it, found something else"
    )]
    Form,
    #[error("expected a bcrypt hash with a cost of {min} to {max}, found {0}", min = COSTS.start(), max = COSTS.end())]
    Cost(u32),
}

/// Looks at a hash of the configuration.
pub(super) fn check_hash(hash: &str) -> Result<(), HashError> {
    match cost(hash) {
        None => Err(HashError::Form),
        Some(cost) if !COSTS.contains(&cost) => Err(HashError::Cost(cost)),
        Some(_) => Ok(()),
    }
}

fn cost(hash: &str) -> Option<u32> {
    let parts = bcrypt::HashParts::from_str(hash).ok()?;
    Some(parts.get_cost())
}

/// Who may come in.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, Secret>,
    /// What stands for the hash of an unknown user.
    nobody: Secret,
}

impl Users {
    /// The users of the configuration; none where everybody may come in.
    pub(super) fn new(hashes: BTreeMap<String, Secret>) -> Option<Self> {
        let costs = hashes.values().filter_map(|hash| cost(hash.expose()));
        let nobody = Secret::new(format!("$2y${:02}${NOBODY}", costs.max()?));
        Some(Self { hashes, nobody })
    }
}

/// The checks under way and those of late.
#[derive(Debug)]
pub(super) struct Logins {
    key: hmac::Key,
    outcomes: Mutex<Outcomes>,
    turn: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Outcomes {
    right: VecDeque<[u8; 32]>,
    wrong: VecDeque<[u8; 32]>,
}

impl Outcomes {
    fn get(&self, tag: &[u8; 32]) -> Option<bool> {
        if self.right.contains(tag) {
            return Some(true);
        }
        self.wrong.contains(tag).then_some(false)
    }

    /// Those who try passwords push out each other's outcomes only.
    fn put(&mut self, tag: [u8; 32], is_right: bool) {
        let list = if is_right {
            &mut self.right
        } else {
            &mut self.wrong
        };
        if list.len() >= OUTCOMES {
            list.pop_front();
        }
        list.push_back(tag);
    }
}

impl Logins {
    /// Nobody has come yet. None where the system has no random numbers.
    pub(super) fn new() -> Option<Self> {
        let random = ring::rand::SystemRandom::new();
        Some(Self {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &random).ok()?,
            outcomes: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Judges a request by its header `authorization`.
    pub(super) async fn judge(
        self: &Arc<Self>,
        users: &Users,
        header: Option<&HeaderValue>,
    ) -> Verdict {
        let Some((user, password)) = header.and_then(credentials) else {
            return Verdict::Unknown;
        };
        let known = users.hashes.get(&user);
        let is_known = known.is_some();
        let hash = known.unwrap_or(&users.nobody).clone();
        let tag = self.tag(&user, &hash, &password);
        if let Some(outcome) = self.outcomes.lock().get(&tag) {
            return verdict(outcome);
        }
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Verdict::Busy;
        };
        // The one before may have asked the same.
        if let Some(outcome) = self.outcomes.lock().get(&tag) {
            return verdict(outcome);
        }
        let logins = Arc::clone(self);
        let check = tokio::task::spawn_blocking(move || {
            let equal = bcrypt::verify(password.expose(), hash.expose()).unwrap_or(false);
            let is_right = is_known && equal;
            // Also when the client has gone: it will be back with the same.
            logins.outcomes.lock().put(tag, is_right);
            drop(turn);
            is_right
        });
        check.await.map_or(Verdict::Busy, verdict)
    }

    /// Stands for a user, a hash and a password together; it changes with each of them.
    fn tag(&self, user: &str, hash: &Secret, password: &Secret) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user, hash.expose(), password.expose()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

fn verdict(is_right: bool) -> Verdict {
    if is_right {
        Verdict::Known
    } else {
        Verdict::Unknown
    }
}

/// The user and password of a header `Basic ...`.
fn credentials(header: &HeaderValue) -> Option<(String, Secret)> {
    let (scheme, code) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(code.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let hash = bcrypt::hash_with_salt("right", 4, [7; 16]).unwrap();
        let hash = hash.format_for_version(bcrypt::Version::TwoY);
        Users::new(BTreeMap::from([("ann".to_owned(), Secret::new(hash))])).unwrap()
    }

    fn header(text: &str) -> HeaderValue {
        let code = STANDARD.encode(text);
        HeaderValue::from_str(&format!("Basic {code}")).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_opens() {
        let (users, logins) = (users(), Arc::new(Logins::new().unwrap()));
        for (text, verdict) in [
            ("ann:right", Verdict::Known),
            ("ann:wrong", Verdict::Unknown),
            ("ann:", Verdict::Unknown),
            ("bob:right", Verdict::Unknown),
            ("bob:", Verdict::Unknown),
            (":", Verdict::Unknown),
            ("ann", Verdict::Unknown),
        ] {
            // The second time it is remembered.
            for _ in 0..2 {
                let found = logins.judge(&users, Some(&header(text))).await;
                assert_eq!(found, verdict, "{text}");
            }
        }
        for other in ["Bearer YW5uOnJpZ2h0", "Basic", "Basic *", ""] {
            let header = HeaderValue::from_str(other).unwrap();
            assert_eq!(logins.judge(&users, Some(&header)).await, Verdict::Unknown);
        }
        assert_eq!(logins.judge(&users, None).await, Verdict::Unknown);
        assert_eq!(logins.outcomes.lock().right.len(), 1);
        assert_eq!(logins.outcomes.lock().wrong.len(), 5);
    }

    #[tokio::test]
    async fn an_outcome_is_of_no_use_for_another_hash() {
        let (users, logins) = (users(), Arc::new(Logins::new().unwrap()));
        let header = header("ann:right");
        let judged = logins.judge(&users, Some(&header)).await;
        assert_eq!(judged, Verdict::Known);
        let hash = bcrypt::hash_with_salt("new", 4, [7; 16]).unwrap();
        let hash = Secret::new(hash.to_string());
        let changed = Users::new(BTreeMap::from([("ann".to_owned(), hash)])).unwrap();
        let judged = logins.judge(&changed, Some(&header)).await;
        assert_eq!(judged, Verdict::Unknown);
    }

    #[test]
    fn those_who_try_passwords_push_out_no_right_one() {
        let mut outcomes = Outcomes::default();
        outcomes.put([1; 32], true);
        for n in 0..1_000_u64 {
            let mut tag = [0; 32];
            tag[..8].copy_from_slice(&n.to_le_bytes());
            outcomes.put(tag, false);
        }
        assert_eq!(outcomes.get(&[1; 32]), Some(true));
        assert_eq!(outcomes.wrong.len(), OUTCOMES);
    }

    #[test]
    fn a_hash_is_checked_before_it_is_used() {
        let hash = |cost: &str| format!("$2y${cost}${NOBODY}");
        assert_eq!(check_hash(&hash("10")), Ok(()));
        assert_eq!(check_hash(&hash("31")), Err(HashError::Cost(31)));
        for text in [
            "",
            "secret",
            "$2y$10$short",
            &hash("xx"),
            &"\u{e4}".repeat(30),
        ] {
            assert_eq!(check_hash(text), Err(HashError::Form), "{text}");
        }
    }
}
