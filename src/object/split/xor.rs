//! XOR (2.1 §13.1): all parts but the last are random, the last makes their sum the secret.

use crate::protocol::structure::Bytes;

/// Bytes of the generator that a split into `parts` takes.
pub(super) fn randomness(parts: u16, length: usize) -> usize {
    usize::from(parts.saturating_sub(1)) * length
}

fn add(sum: &mut Bytes, other: &[u8]) {
    for (to, from) in sum.iter_mut().zip(other) {
        *to ^= from;
    }
}

/// One share per row of `random` and one more.
pub(super) fn split(secret: &[u8], random: &[u8]) -> Vec<Bytes> {
    let mut last = Bytes::new(secret.to_vec());
    let mut shares = Vec::new();
    for row in random.chunks_exact(secret.len()) {
        add(&mut last, row);
        shares.push(Bytes::new(row.to_vec()));
    }
    shares.push(last);
    shares
}

/// The sum of shares of one length.
pub(super) fn join(shares: &[&[u8]]) -> Bytes {
    let mut sum = Bytes::new(vec![0; shares.first().map_or(0, |share| share.len())]);
    for share in shares {
        add(&mut sum, share);
    }
    sum
}
