//! The bytes of a record.

use std::ops::Deref;

/// How many bytes have room in a row: those of nearly every access token, and of most refresh tokens.
const ROOM: usize = 86;

/// Bytes that lie in their row, if there are few: they come with it from the memory, and nothing has to be allocated for them.
pub(crate) enum Body {
    Within { len: u8, room: [u8; ROOM] },
    Apart(Box<[u8]>),
}

impl Body {
    /// What it takes beside its row.
    pub(crate) fn apart(&self) -> Option<usize> {
        match self {
            Self::Within { .. } => None,
            Self::Apart(bytes) => Some(bytes.len()),
        }
    }
}

impl From<Box<[u8]>> for Body {
    fn from(bytes: Box<[u8]>) -> Self {
        let mut room = [0; ROOM];
        match (room.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(within), Ok(len)) => {
                within.copy_from_slice(&bytes);
                Self::Within { len, room }
            }
            _ => Self::Apart(bytes),
        }
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Within { len, room } => &room[..usize::from(*len)],
            Self::Apart(bytes) => bytes,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_what_they_were_wherever_they_lie() {
        for len in [0, 1, ROOM - 1, ROOM, ROOM + 1, 255, 256, 1000] {
            let bytes: Box<[u8]> = (0..=u8::MAX).cycle().take(len).collect();
            let body = Body::from(bytes.clone());
            assert_eq!(*body, *bytes);
            assert_eq!(body.apart(), (len > ROOM).then_some(len));
        }
    }
}
