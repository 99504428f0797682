//! The threshold of site percolation on a square lattice: sites are opened in random order until the open ones join
//! the top to the bottom; the part that is open then is one sample.
//!
//! The lattice is finite, so the mean lies a little beside the threshold of the infinite one.

use crate::model::{Model, Random, below};

const SIDE: u32 = 32;
const SITES: u32 = SIDE * SIDE;
/// Two more places in the forest: what joins to the top row, and to the bottom row.
const TOP: u32 = SITES;
const BOTTOM: u32 = SITES + 1;

pub(crate) struct Percolation;

impl Model for Percolation {
    fn name(&self) -> &'static str {
        "percolation"
    }

    fn unit(&self) -> &'static str {
        "a lattice of 32x32 sites"
    }

    /// Of the infinite lattice (Jacobsen, 2015).
    fn known(&self) -> Option<f64> {
        Some(0.592_746_050_792)
    }

    fn known_note(&self) -> &'static str {
        " (infinite lattice)"
    }

    fn range(&self) -> (f64, f64) {
        (0.44, 0.74)
    }

    fn sample(&self, random: &mut Random) -> f64 {
        let mut lattice = Lattice::new();
        let mut order: Vec<u32> = (0..SITES).collect();
        let mut open = 0;
        // The shuffle of Fisher and Yates, one step for each site that is needed.
        while !lattice.percolates() {
            let chosen = open + below(SITES - open, random);
            order.swap(open as usize, chosen as usize);
            lattice.open(order[open as usize]);
            open += 1;
        }
        f64::from(open) / f64::from(SITES)
    }
}

/// Which sites are open, and a forest (union-find) of those that are joined.
struct Lattice {
    open: Vec<bool>,
    parent: Vec<u32>,
}

impl Lattice {
    fn new() -> Self {
        Self { open: vec![false; SITES as usize], parent: (0..SITES + 2).collect() }
    }

    fn open(&mut self, site: u32) {
        self.open[site as usize] = true;
        let (row, column) = (site / SIDE, site % SIDE);
        let neighbours = [
            if row == 0 { Some(TOP) } else { self.if_open(site - SIDE) },
            if row == SIDE - 1 { Some(BOTTOM) } else { self.if_open(site + SIDE) },
            if column == 0 { None } else { self.if_open(site - 1) },
            if column == SIDE - 1 { None } else { self.if_open(site + 1) },
        ];
        for neighbour in neighbours.into_iter().flatten() {
            let (one, other) = (self.root(site), self.root(neighbour));
            self.parent[one as usize] = other;
        }
    }

    fn percolates(&mut self) -> bool {
        self.root(TOP) == self.root(BOTTOM)
    }

    fn if_open(&self, site: u32) -> Option<u32> {
        self.open[site as usize].then_some(site)
    }

    /// The root of the tree; halves the way to it for the next time.
    fn root(&mut self, mut site: u32) -> u32 {
        while self.parent[site as usize] != site {
            let grandparent = self.parent[self.parent[site as usize] as usize];
            self.parent[site as usize] = grandparent;
            site = grandparent;
        }
        site
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    #[test]
    fn a_column_percolates_only_when_it_is_whole() {
        let mut lattice = Lattice::new();
        for row in 0..SIDE {
            assert!(!lattice.percolates());
            lattice.open(row * SIDE + 5);
        }
        assert!(lattice.percolates());
    }

    #[test]
    fn a_row_does_not_join_its_ends() {
        let mut lattice = Lattice::new();
        (SIDE..2 * SIDE - 1).for_each(|site| lattice.open(site));
        assert_ne!(lattice.root(SIDE), lattice.root(2 * SIDE));
        assert!(!lattice.percolates());
    }

    #[test]
    fn samples_are_near_the_threshold() {
        let mut random = Random::seed_from_u64(5);
        assert!((0..100).all(|_| (0.4..0.8).contains(&Percolation.sample(&mut random))));
    }
}
