//! Choices from the start of an input: numbers, lengths of reads. When it is used up, all are zero.

#[derive(Clone, Debug)]
pub(crate) struct Bytes<'d>(&'d [u8]);

impl<'d> Bytes<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// At most so many of the next bytes.
    pub(crate) fn take(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn rest(self) -> &'d [u8] {
        self.0
    }

    pub(crate) fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[usize::from(self.byte()) % among.len()].clone()
    }

    /// How an input is cut into reads: a count of lengths, then those. 0 of them leave it whole.
    pub(crate) fn cuts(&mut self) -> Cuts {
        let count = usize::from(self.byte() % 12);
        Cuts(self.take(count).to_vec())
    }
}

/// Lengths of reads, taken again and again until the input is used up.
#[derive(Clone, Debug)]
pub(crate) struct Cuts(Vec<u8>);

impl Cuts {
    /// The lengths of the reads of an input of `len` bytes.
    pub(crate) fn of(&self, len: usize) -> Vec<usize> {
        if self.0.iter().all(|read| *read == 0) {
            return vec![len];
        }
        let mut rest = len;
        let mut reads = Vec::new();
        for read in self.0.iter().cycle() {
            if rest == 0 {
                break;
            }
            // The longest of them is for the rest, so that long inputs are not always cut small.
            let read = if *read == u8::MAX {
                rest
            } else {
                usize::from(*read).min(rest)
            };
            reads.push(read);
            rest -= read;
        }
        reads
    }
}
