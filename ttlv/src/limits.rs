//! What a decoder spends on one message before it gives up.

/// Every decoder of this crate takes these and allocates no more than they allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nested structures, the outermost counted. Values above [`Limits::MAX_DEPTH`] mean that one.
    pub depth: usize,
    /// Items in the whole message, structures included. The smallest item takes 8 bytes of a
    /// message and several times that as a [`crate::Node`], hence a limit beside `bytes`.
    pub items: usize,
    /// Bytes of the encoded message, in whichever encoding.
    pub bytes: usize,
}

impl Limits {
    /// Decoding and dropping recurse once for each level; this keeps both far from the end of
    /// a thread's stack, whatever the configuration says. The deepest standard message has 12.
    pub const MAX_DEPTH: usize = 60;

    pub(crate) fn depth(&self) -> usize {
        self.depth.min(Self::MAX_DEPTH)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            depth: 32,
            items: 20_000,
            bytes: 1 << 20,
        }
    }
}
