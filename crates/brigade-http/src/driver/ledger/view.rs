//! A look at a connection while it works.

use brigade::BlockUse;

use crate::driver::conn::Conn;

/// The most blocks of one connection that are shown.
const MAX_BLOCKS: usize = 256;

/// What a connection holds now.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ConnectionView {
    /// Which connection of the server it is, from 1.
    pub number: u64,
    /// Bytes in memory that its filters, its chain and its writer hold.
    pub held_bytes: u64,
    /// Bytes that each filter holds, and the chain for it, top to bottom.
    pub filters: Vec<(String, u64)>,
    /// Its first 256 blocks.
    pub blocks: Vec<BlockView>,
}

/// What a block is used for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum BlockView {
    /// Being filled.
    Open,
    /// Buckets are in it.
    Lent,
    /// It waits to be lent again.
    Free,
}

impl ConnectionView {
    pub(super) fn of(number: u64, conn: &mut Conn) -> Self {
        let filters = conn.chain.filters();
        let filters = filters.map(|(name, _, stats)| (name.to_owned(), stats.held_bytes)).collect();
        let blocks = conn.chain.alloc().blocks().take(MAX_BLOCKS).map(|(_, now)| match now {
            BlockUse::Lent(_) => BlockView::Lent,
            BlockUse::Free => BlockView::Free,
            _ => BlockView::Open,
        });
        let blocks = blocks.collect();
        Self { number, held_bytes: conn.chain.held_bytes(), filters, blocks }
    }
}
