//! How many connections each client has, so that no single one can take all places.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Connections of one client at once.
const MOST: usize = 64;

/// The connections of each client.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<HashMap<IpAddr, usize>>);

/// A connection of a client, counted as long as it is held.
#[derive(Debug)]
pub(super) struct Visit {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    /// Lets a client in unless it has too many connections.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Visit> {
        let client = client(address);
        let mut counts = self.0.lock();
        let count = counts.entry(client).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        let clients = Arc::clone(self);
        Some(Visit { clients, client })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut counts = self.clients.0.lock();
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
        let clients = Arc::new(Clients::default());
        let one = "2001:db8::1".parse().unwrap();
        let same = "2001:db8::2".parse().unwrap();
        let other = "192.0.2.1".parse().unwrap();
        let mut visits: Vec<_> = (0..MOST).map_while(|_| clients.enter(one)).collect();
        assert_eq!(visits.len(), MOST);
        assert!(clients.enter(same).is_none());
        drop(clients.enter(other).unwrap());
        drop(visits.pop());
        visits.extend(clients.enter(same));
        assert_eq!(visits.len(), MOST);
        drop(visits);
        assert!(clients.0.lock().is_empty());
    }
}
