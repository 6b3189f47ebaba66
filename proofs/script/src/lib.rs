//! What a program without std and without an allocator does to show that the core works there: the
//! examples of RFC 6455, a handshake and an echo, lengths at the edges of its fields and of memory.
//! It says what it sees; `proofs/script/expected.txt` has what that has to be.

#![no_std]
#![forbid(unsafe_code)]

mod echo;
mod lengths;
mod vectors;

use core::fmt::{self, Write};

/// Why the script ends before its end.
#[derive(Debug)]
pub struct Wrong(pub &'static str);

impl From<fmt::Error> for Wrong {
    fn from(_: fmt::Error) -> Self {
        Self("the text has no room")
    }
}

/// Memory for messages, for bytes on the wire, and for what goes out.
pub struct Rooms {
    message: [u8; ROOM],
    wire: [u8; ROOM],
    other_wire: [u8; ROOM],
    out: [u8; ROOM],
}

/// The longest message, with its header.
const ROOM: usize = (64 << 10) + 64;

impl Rooms {
    pub const EMPTY: Self = Self {
        message: [0; ROOM],
        wire: [0; ROOM],
        other_wire: [0; ROOM],
        out: [0; ROOM],
    };
}

/// Plays all of it and writes what it sees.
pub fn run(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    vectors::frames(rooms, text)?;
    vectors::handshake(rooms, text)?;
    echo::serve(rooms, text)?;
    lengths::both_ways(rooms, text)?;
    lengths::beyond_memory(rooms, text)?;
    writeln!(text, "all of it")?;
    Ok(())
}

/// Bytes as text, where they are that.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
