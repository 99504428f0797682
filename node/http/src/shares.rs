//! A limited resource, of which one client has only a share: an address, or the network prefix of a customer.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A limited resource.
pub struct Shares {
    most: usize,
    of_address: usize,
    of_prefix: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
    prefixes: HashMap<IpAddr, usize>,
}

/// A reservation, until dropped.
pub struct Taking {
    shares: Arc<Shares>,
    address: IpAddr,
    amount: usize,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All clients together have all of it.
    All,
    /// The client has its share.
    Share,
}

impl Shares {
    /// `most` in all, of which an address may have a quarter and a prefix half.
    pub fn new(most: usize) -> Arc<Self> {
        Self::with(most, (most / 4).max(1))
    }

    /// `most` in all and `of_address` for one address.
    pub fn with(most: usize, of_address: usize) -> Arc<Self> {
        let of_prefix = (most / 2).max(of_address);
        Arc::new(Self { most, of_address, of_prefix, taken: Mutex::default() })
    }

    /// Reserves `amount` for the client at `address`.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn take(self: &Arc<Self>, address: IpAddr, amount: usize) -> Result<Taking, Full> {
        let mut taking = Taking { shares: Arc::clone(self), address: network(address), amount: 0 };
        taking.grow(amount).map(|()| taking)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taking {
    /// Reserves `amount` more.
    ///
    /// # Errors
    /// When a limit is reached; the reservation is unchanged.
    pub fn grow(&mut self, amount: usize) -> Result<(), Full> {
        let (shares, prefix) = (&self.shares, prefix(self.address));
        let mut taken = shares.taken();
        let all = taken.all.saturating_add(amount);
        let of_address = taken.addresses.get(&self.address).copied().unwrap_or_default().saturating_add(amount);
        let of_prefix = taken.prefixes.get(&prefix).copied().unwrap_or_default().saturating_add(amount);
        // All users of this machine have one address.
        let most = if self.address.is_loopback() { shares.of_prefix } else { shares.of_address };
        if all > shares.most {
            return Err(Full::All);
        }
        if of_address > most || of_prefix > shares.of_prefix {
            return Err(Full::Share);
        }
        taken.all = all;
        taken.addresses.insert(self.address, of_address);
        taken.prefixes.insert(prefix, of_prefix);
        drop(taken);
        self.amount += amount;
        Ok(())
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all -= self.amount;
        give_back(&mut taken.addresses, self.address, self.amount);
        give_back(&mut taken.prefixes, prefix(self.address), self.amount);
    }
}

fn give_back(counts: &mut HashMap<IpAddr, usize>, key: IpAddr, amount: usize) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= amount;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// The unit that counts as one client: an address, or a customer's IPv6 network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.segments();
            IpAddr::from([one, two, three, four, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// The prefix in which a customer may have many clients: 24 bits of IPv4, 48 of IPv6. Loopback addresses are separate.
fn prefix(network: IpAddr) -> IpAddr {
    match network {
        address if address.is_loopback() => address,
        IpAddr::V4(address) => {
            let [one, two, three, _] = address.octets();
            IpAddr::from([one, two, three, 0])
        }
        IpAddr::V6(address) => {
            let [one, two, three, ..] = address.segments();
            IpAddr::from([one, two, three, 0, 0, 0, 0, 0])
        }
    }
}

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shares").field("most", &self.most).field("of_address", &self.of_address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Taking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taking").field("address", &self.address).field("amount", &self.amount).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_prefix_have_a_share_and_give_it_back() {
        let shares = Shares::new(16);
        let take = |text: &str| shares.take(text.parse().unwrap(), 1);
        let first: Vec<_> = (0..4).map(|_| take("192.0.2.1").unwrap()).collect();
        assert_eq!(take("192.0.2.1").unwrap_err(), Full::Share);
        let second: Vec<_> = (0..4).map(|_| take("::ffff:192.0.2.2").unwrap()).collect();
        assert_eq!(take("192.0.2.3").unwrap_err(), Full::Share, "a prefix has half");
        let other: Vec<_> = (0..4).map(|_| take("192.0.3.1").unwrap()).collect();
        let last: Vec<_> = (0..4).map(|number| take(&format!("2001:db8:{number}::1")).unwrap()).collect();
        assert_eq!(take("10.0.0.1").unwrap_err(), Full::All);
        drop(first);
        take("192.0.2.3").unwrap();
        drop((second, other, last));
        assert!(shares.taken().addresses.is_empty() && shares.taken().prefixes.is_empty());
        assert_eq!(shares.taken().all, 0);
        // An IPv6 customer: 64 bits are one address, 48 one prefix.
        let one: Vec<_> = (1..5).map(|number| take(&format!("2001:db8:1:1::{number}")).unwrap()).collect();
        assert_eq!(take("2001:db8:1:1::9").unwrap_err(), Full::Share);
        let more: Vec<_> = (1..5).map(|number| take(&format!("2001:db8:1:2::{number}")).unwrap()).collect();
        assert_eq!(take("2001:db8:1:3::1").unwrap_err(), Full::Share);
        drop((one, more));
        // Users of this machine cannot be told apart.
        let local: Vec<_> = (0..8).map(|_| take("127.0.0.1").unwrap()).collect();
        assert_eq!(take("127.0.0.1").unwrap_err(), Full::Share);
        take("127.0.0.2").unwrap();
        drop(local);
    }

    #[test]
    fn what_grows_is_counted_as_it_grows() {
        let shares = Shares::with(100, 60);
        let mut one = shares.take([192, 0, 2, 1].into(), 0).unwrap();
        assert_eq!((one.grow(60), one.grow(1)), (Ok(()), Err(Full::Share)));
        let mut other = shares.take([192, 0, 3, 1].into(), 40).unwrap();
        assert_eq!(other.grow(1), Err(Full::All));
        drop(one);
        assert_eq!(other.grow(20), Ok(()));
    }
}
