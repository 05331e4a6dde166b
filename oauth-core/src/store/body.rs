//! How bodies become bytes.

use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

/// What a record's body holds. Encoded with its format version before it.
pub(crate) trait Body: Serialize + DeserializeOwned {
    /// Raised with every change of the fields; older formats are then read by their own type.
    const FORMAT: u8 = 1;
}

/// The bytes of a body.
pub(crate) fn encode<B: Body>(body: &B) -> Box<[u8]> {
    // The bytes stay as they are allocated, so it has to be known how many there are. Nearly every body fits in here.
    let mut room = [0; 256];
    room[0] = B::FORMAT;
    match postcard::to_slice(body, &mut room[1..]) {
        Ok(written) => {
            let len = 1 + written.len();
            room[..len].into()
        }
        Err(_) => append(body, vec![B::FORMAT]).into_boxed_slice(),
    }
}

/// The bytes of a value behind others.
pub(crate) fn append(value: &impl Serialize, bytes: Vec<u8>) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "this fails for a sequence of unknown length, an error of a type's own `Serialize` or a full buffer: what is \
                  written here has derived ones over text, numbers, arrays and vectors, and vectors grow"
    )]
    postcard::to_extend(value, bytes).expect("writing plain fields to memory cannot fail")
}

/// Reads a body back.
///
/// # Errors
/// If it is damaged or of a format that this version of the software does not know: that is never a denial.
pub(crate) fn decode<B: Body>(bytes: &[u8]) -> Result<B, StoreError> {
    match bytes.split_first() {
        Some((&format, rest)) if format == B::FORMAT => {
            postcard::from_bytes(rest).map_err(StoreError::unreadable)
        }
        Some((format, _)) => Err(StoreError::unreadable(format!(
            "record format {format}, expected {}",
            B::FORMAT
        ))),
        None => Err(StoreError::unreadable("an empty record")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::store::StoreErrorKind;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Note(String, Option<u64>);
    impl Body for Note {}

    #[test]
    fn a_body_from_the_future_is_not_misread() {
        let note = Note("x".into(), Some(7));
        let mut bytes = encode(&note);
        assert_eq!(decode::<Note>(&bytes).unwrap(), note);
        let long = Note("x".repeat(1000), None);
        assert_eq!(decode::<Note>(&encode(&long)).unwrap(), long);
        bytes[0] += 1;
        assert_eq!(
            decode::<Note>(&bytes).unwrap_err().kind(),
            StoreErrorKind::Unreadable
        );
        assert!(decode::<Note>(&[]).is_err() && decode::<Note>(&[1, 200]).is_err());
    }
}
