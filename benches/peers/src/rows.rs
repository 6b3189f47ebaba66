//! What is measured, and what is aimed at.

use crate::peer::Side;
use crate::stream::Content;

/// One row: every peer does the same task.
pub(crate) struct Row {
    /// The table that it is in.
    pub(crate) table: &'static str,
    /// Its column there.
    pub(crate) column: String,
    pub(crate) task: Task,
    /// Our time is to be at most this much of the time of the best peer that does the same checks.
    pub(crate) target: Option<f64>,
    /// And at most this much of the time of the reference, [`crate::peers::reference`].
    pub(crate) reference_target: Option<f64>,
}

#[derive(Clone, Copy)]
pub(crate) enum Task {
    Receive {
        side: Side,
        content: Content,
        len: usize,
        /// The longest frame.
        fragment: usize,
        read: usize,
    },
    Pieces {
        len: usize,
        read: usize,
    },
    Send {
        side: Side,
        len: usize,
    },
    ServerHandshake,
    ClientHandshake,
    ReceiveDeflated {
        len: usize,
    },
    SendDeflated {
        len: usize,
    },
}

impl Task {
    /// The length of a message.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Receive { len, .. }
            | Self::Pieces { len, .. }
            | Self::Send { len, .. }
            | Self::ReceiveDeflated { len }
            | Self::SendDeflated { len } => len,
            Self::ServerHandshake | Self::ClientHandshake => 0,
        }
    }
}

impl Row {
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.table, self.column)
    }
}

const KI: usize = 1 << 10;
const MI: usize = 1 << 20;

/// Targets for what the memory of a connection is.
pub(crate) const MAX_HEAP: usize = 0;
pub(crate) const MAX_SIZE: usize = 512;
pub(crate) const MAX_ALLOCATIONS: f64 = 0.0;

/// The tables of times, in their order; the targets are beside the lengths.
pub(crate) fn rows() -> Vec<Row> {
    const BINARY: [(usize, Option<f64>); 9] = [
        (0, Some(0.30)),
        (16, Some(0.29)),
        (125, None),
        (126, Some(0.34)),
        (KI, Some(0.70)),
        (16 * KI, Some(0.85)),
        (64 * KI, Some(0.85)),
        (MI, Some(0.85)),
        (16 * MI, Some(0.85)),
    ];
    const TEXT: [(usize, f64); 6] = [
        (16, 0.40),
        (125, 0.85),
        (KI, 0.85),
        (16 * KI, 0.85),
        (64 * KI, 0.85),
        (MI, 0.85),
    ];
    const CLIENT: [(usize, f64); 9] = [
        (0, 0.85),
        (16, 0.36),
        (125, 0.85),
        (126, 0.85),
        (KI, 0.85),
        (16 * KI, 0.85),
        (64 * KI, 0.85),
        (MI, 0.85),
        (16 * MI, 0.85),
    ];
    const MASKED: [(usize, f64); 8] = [
        (0, 0.85),
        (16, 0.85),
        (125, 0.85),
        (KI, 0.85),
        (16 * KI, 0.85),
        (64 * KI, 0.85),
        (MI, 0.85),
        (16 * MI, 0.60),
    ];

    let mut rows = Vec::new();
    let mut put = |table, column: String, target: Option<f64>, task| {
        let pieces = matches!(task, Task::Pieces { .. });
        rows.push(Row {
            table,
            column,
            task,
            target,
            reference_target: pieces.then_some(1.15),
        });
    };
    let receive = |side, content, len, read| Task::Receive {
        side,
        content,
        len,
        fragment: usize::MAX,
        read,
    };

    let table = "Server receive, binary, reads of 16 KiB";
    for (len, target) in BINARY {
        let task = receive(Side::Server, Content::Binary, len, 16 * KI);
        put(table, size(len), target, task);
    }
    let table = "Server receive, binary, reads of 64 KiB";
    for (len, target) in BINARY {
        let task = receive(Side::Server, Content::Binary, len, 64 * KI);
        put(table, size(len), target, task);
    }
    let table = "Server receive, binary, in pieces as they arrive";
    for read in [16 * KI, 64 * KI] {
        for len in [16 * KI, 64 * KI, MI, 16 * MI] {
            let column = format!("{}, reads of {}", size(len), size(read));
            put(table, column, Some(0.80), Task::Pieces { len, read });
        }
    }
    let table = "Server receive, ASCII text, reads of 64 KiB";
    for (len, target) in TEXT {
        let task = receive(Side::Server, Content::Ascii, len, 64 * KI);
        put(table, size(len), Some(target), task);
    }
    let table = "Server receive, mixed text, reads of 64 KiB";
    for (len, target) in TEXT {
        let task = receive(Side::Server, Content::Mixed, len, 64 * KI);
        put(table, size(len), Some(target), task);
    }
    let table = "Client receive, binary, reads of 64 KiB";
    for (len, target) in CLIENT {
        let task = receive(Side::Client, Content::Binary, len, 64 * KI);
        put(table, size(len), Some(target), task);
    }
    let table = "Server receive, cut messages";
    for (column, len, fragment, read, target) in [
        ("1 MiB in frames of 1 KiB", MI, KI, 64 * KI, 0.65),
        (
            "16 MiB in frames of 64 KiB",
            16 * MI,
            64 * KI,
            64 * KI,
            0.65,
        ),
        ("64 KiB, one byte a read", 64 * KI, usize::MAX, 1, 1.0),
    ] {
        let task = Task::Receive {
            side: Side::Server,
            content: Content::Binary,
            len,
            fragment,
            read,
        };
        put(table, column.into(), Some(target), task);
    }
    let table = "Server send, binary";
    for len in [0, 16, 125, KI, 16 * KI, 64 * KI, MI, 16 * MI] {
        let target = if len <= 125 { 0.50 } else { 1.0 };
        let task = Task::Send {
            side: Side::Server,
            len,
        };
        put(table, size(len), Some(target), task);
    }
    let table = "Client send, binary, masked";
    for (len, target) in MASKED {
        let task = Task::Send {
            side: Side::Client,
            len,
        };
        put(table, size(len), Some(target), task);
    }
    let table = "Opening handshake";
    put(table, "server".into(), Some(0.70), Task::ServerHandshake);
    put(table, "client".into(), Some(0.85), Task::ClientHandshake);
    let table = "permessage-deflate, JSON, context takeover";
    for len in [KI, 64 * KI] {
        let column = format!("receive {}", size(len));
        put(table, column, Some(0.85), Task::ReceiveDeflated { len });
    }
    for len in [KI, 64 * KI] {
        let column = format!("send {}", size(len));
        put(table, column, Some(0.90), Task::SendDeflated { len });
    }
    rows
}

/// A length as one says it.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes >= MI => format!("{} MiB", bytes / MI),
        bytes if bytes >= KI => format!("{} KiB", bytes / KI),
        bytes => format!("{bytes} B"),
    }
}
