//! What an idle connection holds: the bytes of its values, and what the allocator was asked for.

use websocket_proto::deflate::{CompressState, InflateState, Policy};
use websocket_proto::{Assembler, Connection, Growing, Incoming, Message, Server};

use crate::Options;
use crate::counting::held;
use crate::server::{Outcome, Random, client, close, echo, json, open};

const MESSAGE_LEN: usize = 16 << 10;
/// What one read brings.
const READ_LEN: usize = 4 << 10;
/// So many connections are enough where each holds hundreds of KiB.
const HEAVY: usize = 1000;

/// What becomes of storage between messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    /// No message has come yet.
    NoMessage,
    /// All of it is kept.
    Kept,
    /// The assembler's is given back by `shrink_to(0)`, all else is kept.
    Shrunk,
    /// That, and what compresses is released and dropped.
    CompressReleased,
    /// The assembler, and what compresses and inflates, are supplied for a read and released behind it:
    /// all connections share them.
    Shared,
}

struct Row {
    what: &'static str,
    deflate: Option<Policy>,
    between: Between,
    is_heavy: bool,
}

/// Both directions without context takeover, which is what lets both states go.
pub(crate) fn without_takeover() -> Policy {
    Policy::default()
        .send_context_takeover(false)
        .receive_context_takeover(false)
}

fn rows() -> [Row; 10] {
    let row = |what, deflate, between| Row {
        what,
        deflate,
        between,
        is_heavy: false,
    };
    let heavy = |what, deflate, between| Row {
        is_heavy: true,
        ..row(what, deflate, between)
    };
    let takeover = Some(Policy::default());
    let none = Some(without_takeover());
    [
        row("opened", None, Between::NoMessage),
        row("message, storage kept", None, Between::Kept),
        row("message, `shrink_to(0)`", None, Between::Shrunk),
        row("message, one assembler for all", None, Between::Shared),
        row("deflate: opened", takeover, Between::NoMessage),
        heavy("deflate: message, all kept", takeover, Between::Kept),
        heavy(
            "deflate: message, `shrink_to(0)`",
            takeover,
            Between::Shrunk,
        ),
        heavy(
            "deflate: message, that and `release_compress`",
            takeover,
            Between::CompressReleased,
        ),
        row(
            "deflate, no context takeover: opened",
            none,
            Between::NoMessage,
        ),
        row(
            "deflate, no context takeover: message, one of each for all",
            none,
            Between::Shared,
        ),
    ]
}

/// What the connections of a thread share.
#[derive(Default)]
struct Shared {
    messages: Assembler<Growing>,
    inflate: Option<InflateState>,
    compress: Option<CompressState>,
}

/// A message as it comes in, and as it has to go out.
struct Exchange {
    wire: Vec<u8>,
    echo: Vec<u8>,
}

impl Exchange {
    fn new(deflate: Option<Policy>) -> Outcome<Self> {
        let text = json(&mut Random(1), MESSAGE_LEN);
        let mut client = client(deflate, [0x37, 0xfa, 0x21, 0x3d]);
        let (mut wire, mut out) = (Vec::new(), Vec::new());
        client.send_text(&text, &mut wire)?;
        // What the first server makes of it is right if the client reads its own message.
        let mut server = open(deflate, &mut out)?;
        echo(
            &mut server,
            &mut Assembler::default(),
            &mut wire.clone(),
            &mut out,
        )?;
        let mut answer = out.clone();
        let (mut input, mut messages) = (&mut answer[..], Assembler::default());
        let message = client.receive_message(&mut input, &mut messages, &mut Vec::new())?;
        if !matches!(message, Some(Incoming::Message(Message::Text(echoed))) if echoed == text) {
            return Err("what came back is not the message".into());
        }
        Ok(Self { wire, echo: out })
    }
}

/// Connections with an assembler each, or with none of their own.
#[derive(Default)]
struct Idle {
    conns: Vec<Connection<Server>>,
    assemblers: Vec<Assembler<Growing>>,
}

impl Idle {
    /// Opens so many, one after the other; each gets the message and sends it back.
    fn new(row: &Row, count: usize, exchange: &Exchange) -> Outcome<(Self, Shared)> {
        let own = if row.between == Between::Shared {
            0
        } else {
            count
        };
        let mut idle = Self {
            conns: Vec::with_capacity(count),
            assemblers: Vec::with_capacity(own),
        };
        let (mut shared, mut out) = (Shared::default(), Vec::new());
        for _ in 0..count {
            let mut conn = open(row.deflate, &mut out)?;
            let mut messages = Assembler::default();
            if row.between != Between::NoMessage {
                for read in exchange.wire.chunks(READ_LEN) {
                    let mut buffer = [0; READ_LEN];
                    let read_to = &mut buffer[..read.len()];
                    read_to.copy_from_slice(read);
                    if row.between == Between::Shared {
                        shared.echo(&mut conn, read_to, &mut out)?;
                    } else {
                        echo(&mut conn, &mut messages, read_to, &mut out)?;
                    }
                }
                if out != exchange.echo {
                    return Err("a message did not come back as it should".into());
                }
                out.clear();
            }
            if matches!(row.between, Between::Shrunk | Between::CompressReleased) {
                messages.shrink_to(0);
            }
            if row.between == Between::CompressReleased {
                drop(conn.release_compress());
            }
            idle.conns.push(conn);
            if row.between != Between::Shared {
                idle.assemblers.push(messages);
            }
        }
        Ok((idle, shared))
    }

    /// The bytes of its values.
    fn values(&self) -> usize {
        size_of_val(&self.conns[..]) + size_of_val(&self.assemblers[..])
    }
}

impl Shared {
    fn echo(
        &mut self,
        conn: &mut Connection<Server>,
        read: &mut [u8],
        out: &mut Vec<u8>,
    ) -> Outcome<()> {
        if let Some(state) = self.inflate.take() {
            conn.supply_inflate(state);
        }
        if let Some(state) = self.compress.take() {
            conn.supply_compress(state);
        }
        echo(conn, &mut self.messages, read, out)?;
        // Inside a message the connection keeps what inflates.
        self.inflate = conn.release_inflate();
        self.compress = conn.release_compress();
        Ok(())
    }
}

/// Prints the table; whether what can be released was released to the last byte.
pub(crate) fn report(options: &Options) -> Outcome<bool> {
    println!("## Bytes of an idle connection\n");
    println!(
        "`Connection<Server>`: {} bytes, `Assembler<Growing>`: {} bytes. The message: {MESSAGE_LEN} bytes of text in \
         reads of {READ_LEN}, sent back.\n",
        size_of::<Connection<Server>>(),
        size_of::<Assembler<Growing>>(),
    );
    println!("| idle after | connections | values | heap beside | bytes of one | shared by all |");
    println!("|---|---:|---:|---:|---:|---:|");
    let mut is_released = true;
    for row in rows() {
        let count = if row.is_heavy {
            options.idle.min(HEAVY)
        } else {
            options.idle
        };
        let exchange = Exchange::new(row.deflate)?;
        let (idle, all, _) = held(|| Idle::new(&row, count, &exchange).map(|(idle, _)| idle));
        let (shared, shared_bytes, _) =
            held(|| Idle::new(&row, 1, &exchange).map(|(_, shared)| shared));
        let (mut idle, _) = (idle?, shared?);
        let (values, heap) = (idle.values() / count, (all - idle.values()) / count);
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            row.what,
            grouped(count),
            grouped(values),
            grouped(heap),
            grouped(values + heap),
            grouped(shared_bytes)
        );
        let holds_nothing = match row.between {
            Between::NoMessage | Between::Shared => true,
            Between::Shrunk => row.deflate.is_none(),
            Between::Kept | Between::CompressReleased => false,
        };
        if holds_nothing && heap > 0 {
            eprintln!("{}: {heap} bytes of heap were not released", row.what);
            is_released = false;
        }
        let mut out = Vec::new();
        for conn in &mut idle.conns {
            close(conn, &mut out)?;
        }
    }
    println!();
    Ok(is_released)
}

/// With commas, as in 16,384.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
