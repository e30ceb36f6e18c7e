//! How many connections each client has, so that no single one can take all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// The connections of each client.
#[derive(Debug)]
pub(super) struct Clients {
    /// Connections of one client at once.
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection of a client, counted as long as it is held.
#[derive(Debug)]
pub(super) struct Visit {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    /// Nobody yet, and how many connections each client may have.
    pub(super) fn new(most: usize) -> Self {
        let counts = Mutex::default();
        Self { most, counts }
    }

    /// Lets a client in unless it has too many connections.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Visit> {
        let client = client(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        let clients = Arc::clone(self);
        Some(Visit { clients, client })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut counts = self.clients.counts.lock();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// A host has a whole IPv6 network of 64 bits to choose its addresses from.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_connections_and_others_have_theirs() {
        let clients = Arc::new(Clients::new(3));
        let one = "2001:db8::1".parse().unwrap();
        let same = "2001:db8::2".parse().unwrap();
        let other = "192.0.2.1".parse().unwrap();
        let mut visits: Vec<_> = (0..9).map_while(|_| clients.enter(one)).collect();
        assert_eq!(visits.len(), 3);
        assert!(clients.enter(same).is_none());
        drop(clients.enter(other).unwrap());
        drop(visits.pop());
        visits.extend(clients.enter(same));
        assert_eq!(visits.len(), 3);
        drop(visits);
        assert!(clients.counts.lock().is_empty());
    }
}
