//! Writing CBOR to memory.

/// Writes CBOR to memory (RFC 8949 §3): whole numbers, bytes, text, lists and maps of a known length.
pub(crate) struct Writer {
    /// Nearly every body fits in here, and is then copied once, into an allocation of its exact
    /// size.
    room: [u8; 512],
    len: usize,
    /// Holds everything once it no longer fits.
    spill: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            room: [0; 512],
            len: 0,
            spill: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Box<[u8]> {
        if self.spill.is_empty() {
            self.room[..self.len].into()
        } else {
            self.spill.into()
        }
    }

    /// Writes bytes that are CBOR already.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.room.get_mut(self.len..end) {
            Some(free) if self.spill.is_empty() => free.copy_from_slice(bytes),
            _ => {
                if self.spill.is_empty() {
                    self.spill.extend(&self.room[..self.len]);
                }
                self.spill.extend(bytes);
            }
        }
        self.len = end;
    }

    /// Writes the head of an item: its major type, and its value or length in as few bytes as
    /// possible.
    fn head(&mut self, major: u8, value: u64) {
        let [.., b3, b2, b1, b0] = value.to_be_bytes();
        match value {
            0..24 => self.raw(&[major << 5 | b0]),
            24..=0xff => self.raw(&[major << 5 | 0x18, b0]),
            0x100..=0xffff => self.raw(&[major << 5 | 0x19, b1, b0]),
            0x1_0000..=0xffff_ffff => self.raw(&[major << 5 | 0x1a, b3, b2, b1, b0]),
            0x1_0000_0000.. => {
                let mut head = [major << 5 | 0x1b; 9];
                head[1..].copy_from_slice(&value.to_be_bytes());
                self.raw(&head);
            }
        }
    }

    /// Writes a whole number.
    pub(crate) fn number(&mut self, number: u64) {
        self.head(0, number);
    }

    /// Writes a byte string.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.raw(bytes);
    }

    /// Writes a text.
    pub(crate) fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Begins a list with this many values.
    pub(crate) fn list(&mut self, len: usize) {
        self.head(4, len as u64);
    }

    /// Begins a map with this many entries.
    pub(crate) fn map(&mut self, len: u64) {
        self.head(5, len);
    }
}

#[cfg(test)]
mod tests {
    use minicbor::Decoder;

    use crate::store::to_bytes;

    /// RFC 8949 §3: another CBOR reader can read what is written, for every length of a head.
    #[test]
    fn heads_are_those_of_cbor() {
        for shift in 0..64 {
            for number in [(1_u64 << shift) - 1, 1 << shift, 24, 255] {
                let bytes = to_bytes(&number);
                let mut input = Decoder::new(&bytes);
                assert_eq!(
                    (input.u64().unwrap(), input.position()),
                    (number, bytes.len())
                );
                assert_eq!(bytes.len(), minicbor::to_vec(number).unwrap().len());
            }
        }
        for len in [0, 23, 24, 255, 256, 65_535, 65_536] {
            let text = "x".repeat(len);
            assert_eq!(&*to_bytes(&text), minicbor::to_vec(&text).unwrap());
        }
    }
}
