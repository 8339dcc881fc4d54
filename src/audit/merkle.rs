//! The Merkle tree of RFC 6962 §2.1, kept as its peaks: the roots of the largest complete subtrees
//! from the left. That is all it takes to append a leaf and to tell the root.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// RFC 6962 §2.1: the hash of a leaf.
pub fn leaf_hash(body: &[u8]) -> Hash {
    Sha256::new_with_prefix([0])
        .chain_update(body)
        .finalize()
        .into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// One for each bit set in `size`, largest first.
    peaks: Vec<Hash>,
}

impl Tree {
    /// None when a tree of that size has another number of peaks.
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Option<Tree> {
        (usize::try_from(size.count_ones()) == Ok(peaks.len())).then_some(Tree { size, peaks })
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Every complete subtree at the right end is the left half of one twice as large.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    /// The leaves and roots of the certificate-transparency project's tests.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn known_roots() {
        let mut tree = Tree::default();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(tree.root()), *root, "size {size}");
            if let Some(leaf) = LEAVES.get(size) {
                tree.append(leaf_hash(&hex::decode(leaf).unwrap()));
            }
        }
    }

    /// RFC 6962 §2.1, as written there.
    fn recursive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                node_hash(&recursive(&leaves[..half]), &recursive(&leaves[half..]))
            }
        }
    }

    #[test]
    fn appending_is_the_definition_and_goes_on_from_its_peaks() {
        let leaves: Vec<Hash> = (0..200_u32)
            .map(|number| leaf_hash(&number.to_be_bytes()))
            .collect();
        let mut tree = Tree::default();
        for size in 0..leaves.len() {
            assert_eq!(tree.root(), recursive(&leaves[..size]), "size {size}");
            tree = Tree::resume(tree.size(), tree.peaks().to_vec()).unwrap();
            tree.append(leaves[size]);
        }
        assert_eq!(Tree::resume(3, vec![[0; 32]]), None);
    }
}
