//! Inflating as RFC 1951 describes it, bit by bit, apart from the code under test: slow, exact about
//! where a message may end, and it knows how far back it was referred to.

/// Why a message is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends where no block does.
    Truncated,
    /// It refers to what was before the first byte.
    TooFar,
    /// A set of codes leaves some bits without meaning.
    IncompleteCode,
    /// There are more codes than have a meaning.
    TooManyCodes,
    /// There is no code for the end of the block.
    NoEndOfBlock,
    /// Anything else.
    Invalid,
}

/// What a sender takes off the end of a message.
pub(crate) const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Where a stream stands after some bytes.
#[derive(Clone, Copy)]
struct End {
    /// So many bytes were taken: all of them, or those up to the end of a final block.
    taken: usize,
    is_final: bool,
    /// Whether the newest bytes, those that were asked about, gave something.
    is_late: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Inflater {
    /// What was inflated since the last final block.
    history: Vec<u8>,
    /// The longest distance so far.
    pub(crate) farthest: usize,
    /// How many blocks were marked as final.
    pub(crate) finals: usize,
}

impl Inflater {
    /// For a message that refers to none before it.
    pub(crate) fn restarted(self) -> Self {
        Self {
            history: Vec::new(),
            ..self
        }
    }

    /// Inflates a message, from which the tail was taken off, or which still has it.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut rest = payload;
        let mut message = Vec::new();
        while !rest.is_empty() {
            let before = self.history.clone();
            // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
            // message." (RFC 7692, section 7.2.2)
            let mut end = self.stream(&[rest, &TAIL].concat(), TAIL.len());
            let is_good = |end: End| {
                !end.is_late && (end.taken <= rest.len() || end.taken == rest.len() + TAIL.len())
            };
            if !end.is_ok_and(is_good) && rest.ends_with(&TAIL) {
                // It was left on, if it is one.
                self.history.clone_from(&before);
                end = self.stream(rest, 1);
            }
            let end = end?;
            if !is_good(end) {
                return Err(Fault::Truncated);
            }
            message.extend_from_slice(&self.history[before.len()..]);
            rest = rest.get(end.taken..).unwrap_or_default();
            if end.is_final {
                self.history.clear();
            }
        }
        Ok(message)
    }

    /// Inflates the blocks in `bytes`, up to a final one at most, and asks about the newest ones.
    fn stream(&mut self, bytes: &[u8], newest: usize) -> Result<End, Fault> {
        let mut bits = Bits {
            bytes,
            at: 0,
            marked: 0,
        };
        while bits.at < bits.bytes.len() * 8 {
            let is_final = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => self.stored(&mut bits)?,
                1 => {
                    let lens: Vec<u8> = (0..288)
                        .map(|symbol| match symbol {
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    self.coded(&mut bits, &Code::new(&lens)?, &Code::new(&[5; 30])?)?;
                }
                2 => {
                    let (literals, distances) = codes(&mut bits)?;
                    self.coded(&mut bits, &literals, &distances)?;
                }
                _ => return Err(Fault::Invalid),
            }
            if is_final {
                self.finals += 1;
                return Ok(bits.end(newest, true));
            }
        }
        Ok(bits.end(newest, false))
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        bits.at = bits.at.next_multiple_of(8);
        let len = bits.take(16)?;
        if bits.take(16)? != !len & 0xffff {
            return Err(Fault::Invalid);
        }
        for _ in 0..len {
            let byte = bits.take(8)? as u8;
            self.history.push(byte);
            bits.marked = bits.at;
        }
        Ok(())
    }

    fn coded(
        &mut self,
        bits: &mut Bits<'_>,
        literals: &Code,
        distances: &Code,
    ) -> Result<(), Fault> {
        loop {
            let symbol = literals.next(bits)?;
            let symbol = match symbol {
                0..256 => {
                    self.history.push(symbol as u8);
                    bits.marked = bits.at;
                    continue;
                }
                256 => return Ok(()),
                257..286 => symbol - 257,
                _ => return Err(Fault::Invalid),
            };
            let len = match symbol {
                28 => 258,
                0..8 => symbol + 3,
                _ => {
                    let extra = symbol / 4 - 1;
                    ((4 + symbol % 4) << extra) + 3 + bits.take(extra)?
                }
            };
            let symbol = distances.next(bits)?;
            let distance = match symbol {
                0..4 => symbol + 1,
                4..30 => {
                    let extra = symbol / 2 - 1;
                    ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
                }
                _ => return Err(Fault::Invalid),
            };
            if distance > self.history.len() {
                return Err(Fault::TooFar);
            }
            self.farthest = self.farthest.max(distance);
            for _ in 0..len {
                self.history
                    .push(self.history[self.history.len() - distance]);
                bits.marked = bits.at;
            }
        }
    }
}

/// The codes that a block describes at its beginning.
fn codes(bits: &mut Bits<'_>) -> Result<(Code, Code), Fault> {
    let (literals, distances) = (bits.take(5)? + 257, bits.take(5)? + 1);
    let count = bits.take(4)? + 4;
    let order = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let mut lens = [0; 19];
    for at in &order[..count] {
        lens[*at] = bits.take(3)? as u8;
    }
    if literals > 286 || distances > 30 {
        return Err(Fault::TooManyCodes);
    }
    let code = Code::new(&lens)?;
    if code.spare > 0 {
        return Err(Fault::IncompleteCode);
    }
    let mut lens = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match code.next(bits)? {
            16 => (*lens.last().ok_or(Fault::Invalid)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            len => (len as u8, 1),
        };
        lens.extend(std::iter::repeat_n(len, times));
    }
    if lens.len() > literals + distances {
        return Err(Fault::Invalid);
    }
    if lens[256] == 0 {
        return Err(Fault::NoEndOfBlock);
    }
    let (literals, distances) = lens.split_at(literals);
    let (literals, distances) = (Code::new(literals)?, Code::new(distances)?);
    // One code alone has one bit; no other set may be incomplete, but for that of no distance.
    for code in [&literals, &distances] {
        if code.spare > 0 && code.longest() > 1 {
            return Err(Fault::IncompleteCode);
        }
    }
    Ok((literals, distances))
}

/// A canonical prefix code.
struct Code {
    /// How many codes there are of each length.
    counts: [usize; 16],
    /// The symbols in the order of their codes.
    symbols: Vec<usize>,
    /// How many codes of 15 bits are left.
    spare: usize,
}

impl Code {
    fn new(lens: &[u8]) -> Result<Self, Fault> {
        let mut counts = [0; 16];
        let mut spare = 1_usize << 15;
        let mut symbols = Vec::new();
        for len in 1..16_u8 {
            for (symbol, _) in lens.iter().enumerate().filter(|(_, of)| **of == len) {
                counts[usize::from(len)] += 1;
                symbols.push(symbol);
                spare = spare.checked_sub(1 << (15 - len)).ok_or(Fault::Invalid)?;
            }
        }
        Ok(Self {
            counts,
            symbols,
            spare,
        })
    }

    fn longest(&self) -> usize {
        self.counts
            .iter()
            .rposition(|count| *count > 0)
            .unwrap_or(0)
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<usize, Fault> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return Ok(self.symbols[index + code - first]);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Fault::Invalid)
    }
}

struct Bits<'b> {
    bytes: &'b [u8],
    /// How many bits were taken.
    at: usize,
    /// How many had been taken when the newest inflated byte came out.
    marked: usize,
}

impl Bits<'_> {
    fn end(&self, newest: usize, is_final: bool) -> End {
        End {
            taken: self.at.div_ceil(8),
            is_final,
            is_late: self.marked > self.bytes.len().saturating_sub(newest) * 8,
        }
    }

    fn take(&mut self, count: usize) -> Result<usize, Fault> {
        let mut value = 0;
        for bit in 0..count {
            let byte = *self.bytes.get(self.at / 8).ok_or(Fault::Truncated)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        Ok(value)
    }
}
