//! What permessage-deflate changes for frames: which may have RSV1, and what their payload is.
//!
//! Without the feature there is nothing to keep and nothing to ask.

use super::Stage;
use crate::frame::{FirstByte, MessageKind, Rsv};

#[cfg(feature = "deflate")]
pub(super) use with::Compression;
#[cfg(not(feature = "deflate"))]
pub(super) use without::Compression;

#[cfg(feature = "deflate")]
mod with {
    use super::{FirstByte, MessageKind, Rsv, Stage};
    use crate::frame::Opcode;

    /// Whether messages may come compressed, and whether the open one does.
    #[derive(Debug)]
    pub(in crate::connection::inbound) struct Compression {
        is_agreed: bool,
        is_open: bool,
        /// How many times longer a message may get.
        pub(in crate::connection::inbound) max_ratio: u32,
        /// How long the open one got so far.
        pub(in crate::connection::inbound) inflated_len: u64,
    }

    impl Compression {
        pub(in crate::connection::inbound) const fn new() -> Self {
            Self {
                is_agreed: false,
                is_open: false,
                max_ratio: u32::MAX,
                inflated_len: 0,
            }
        }

        /// Lets messages come compressed.
        pub(in crate::connection::inbound) fn agree(&mut self, max_ratio: u32) {
            self.is_agreed = true;
            self.max_ratio = max_ratio;
        }

        /// Whether messages may come compressed.
        #[inline]
        pub(in crate::connection::inbound) const fn is_agreed(&self) -> bool {
            self.is_agreed
        }

        /// Whether the message that is open, or was the last one, is compressed.
        pub(in crate::connection::inbound) const fn is_open(&self) -> bool {
            self.is_open
        }

        /// How long the open message got so far, if it is compressed.
        #[inline]
        pub(in crate::connection::inbound) fn inflated_len(&self) -> Option<u64> {
            self.is_open.then_some(self.inflated_len)
        }

        /// Whether a frame that begins so may begin a message that is compressed.
        #[cold]
        pub(in crate::connection::inbound) fn may_begin(&self, first: FirstByte) -> bool {
            // RSV1 says so, on the first frame of a message: "An endpoint MUST NOT set the
            // "Per-Message Compressed" bit of control frames and non-first fragments of a data
            // message. An endpoint receiving such a frame MUST _Fail the WebSocket Connection_." (RFC
            // 7692, section 6.1)
            self.is_agreed
                && first.rsv == Rsv::RSV1
                && matches!(first.opcode, Opcode::Text | Opcode::Binary)
        }

        /// Whether a frame that begins so is of a message that is compressed.
        #[cold]
        pub(in crate::connection::inbound) fn covers(&self, first: FirstByte) -> bool {
            !first.rsv.is_empty() || (first.opcode == Opcode::Continuation && self.is_open)
        }

        /// A message begins with a frame that has these bits.
        #[inline]
        pub(in crate::connection::inbound) fn begin(&mut self, rsv: Rsv) {
            self.is_open = !rsv.is_empty();
            self.inflated_len = 0;
        }

        /// A message that is whole was not compressed.
        #[inline]
        pub(in crate::connection::inbound) fn note_plain(&mut self) {
            self.is_open = false;
        }

        /// What comes behind the header of a data frame.
        #[inline]
        pub(in crate::connection::inbound) fn stage(&self, kind: MessageKind) -> Stage {
            if self.is_open {
                Stage::Compressed(kind)
            } else {
                Stage::Data(kind)
            }
        }
    }
}

#[cfg(not(feature = "deflate"))]
mod without {
    use super::{FirstByte, MessageKind, Rsv, Stage};

    #[derive(Debug)]
    pub(in crate::connection::inbound) struct Compression;

    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "there is something to keep with the feature only"
    )]
    impl Compression {
        pub(in crate::connection::inbound) const fn new() -> Self {
            Self
        }

        pub(in crate::connection::inbound) const fn is_open(&self) -> bool {
            false
        }

        pub(in crate::connection::inbound) const fn inflated_len(&self) -> Option<u64> {
            None
        }

        pub(in crate::connection::inbound) const fn note_plain(&mut self) {}

        pub(in crate::connection::inbound) const fn may_begin(&self, _: FirstByte) -> bool {
            false
        }

        pub(in crate::connection::inbound) const fn covers(&self, _: FirstByte) -> bool {
            false
        }

        pub(in crate::connection::inbound) const fn begin(&mut self, _: Rsv) {}

        pub(in crate::connection::inbound) const fn stage(&self, kind: MessageKind) -> Stage {
            Stage::Data(kind)
        }
    }
}
