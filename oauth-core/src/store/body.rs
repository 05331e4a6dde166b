//! Encodes the bodies of records, so that older and newer releases can read them.
//!
//! A body is a CBOR map (RFC 8949) from small numbers to values. A field keeps its number for ever,
//! and fields are only ever added. A reader uses defaults for missing fields and keeps unknown
//! ones. So, during a rolling upgrade, an older process can rewrite a record without losing what a
//! newer one has put there.
//!
//! Skipping a field is not always safe: a process that does not know about bindings must not take a
//! bound token for a bearer token. So each body begins with a byte: the lowest reader version that
//! may read it. An older reader fails, and the client gets `temporarily_unavailable`. Rewriting a
//! record never lowers that byte.

use minicbor::{Decoder, decode::Error};

use super::{StoreError, cbor::Writer};

/// The version of this reader. Raise it when you add a field that an older reader must not skip,
/// and return it from [`Body::reader`] if that field is set.
pub(crate) const READER: u8 = 1;

/// The content of a record's body.
pub(crate) trait Body: Field {
    /// The lowest reader version that may read this body.
    fn reader(&self) -> u8 {
        1
    }
}

/// A value in a body.
pub(crate) trait Field: Sized {
    /// Writes the value.
    fn write(&self, out: &mut Writer);

    /// Reads the value back.
    ///
    /// # Errors
    /// If [`write`](Self::write) does not write these bytes for any value.
    fn read(input: &mut Decoder<'_>) -> Result<Self, Error>;

    /// The default of the field, for a body without it; `None` if the field is required.
    fn missing() -> Option<Self> {
        None
    }

    /// Whether the body can leave it out, because it has the default value.
    fn is_missing(&self) -> bool {
        false
    }

    /// The reader version that the body asked for when this value was read.
    fn was_read_by(&self) -> u8 {
        0
    }
}

/// The bytes of a body.
pub(crate) fn encode<B: Body>(body: &B) -> Box<[u8]> {
    let mut out = Writer::new();
    out.raw(&[body.reader().max(body.was_read_by())]);
    body.write(&mut out);
    out.finish()
}

/// Reads a body back.
///
/// # Errors
/// If the body is damaged, or requires a later version of this software. That is never a denial.
pub(crate) fn decode<B: Body>(bytes: &[u8]) -> Result<B, StoreError> {
    decode_as(READER, bytes)
}

/// Reads a body as a reader of the given version.
fn decode_as<B: Body>(reader: u8, bytes: &[u8]) -> Result<B, StoreError> {
    match bytes.first() {
        Some(&asked) if asked <= reader => {
            let mut input = Decoder::new(bytes);
            input.set_position(1);
            let body = B::read(&mut input).map_err(StoreError::unreadable)?;
            if input.position() == bytes.len() {
                Ok(body)
            } else {
                Err(StoreError::unreadable("bytes after the end of a record"))
            }
        }
        Some(asked) => Err(StoreError::unreadable(format!(
            "the record requires a reader of version {asked}, and this one has version {reader}"
        ))),
        None => Err(StoreError::unreadable("an empty record")),
    }
}

/// Encodes a value that is not the body of a record.
pub(crate) fn to_bytes(value: &impl Field) -> Box<[u8]> {
    let mut out = Writer::new();
    value.write(&mut out);
    out.finish()
}

/// Decodes what [`to_bytes`] wrote; `None` if the bytes are anything else.
pub(crate) fn from_bytes<T: Field>(bytes: &[u8]) -> Option<T> {
    let mut input = Decoder::new(bytes);
    let value = T::read(&mut input).ok()?;
    (input.position() == bytes.len()).then_some(value)
}

/// Reads the head of a map, and returns its number of entries.
pub(crate) fn map(input: &mut Decoder<'_>) -> Result<u64, Error> {
    input
        .map()?
        .ok_or_else(|| Error::message("a map without a length"))
}

/// Fields that this version does not know, as they were read, and the reader version that the
/// record asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unknown {
    reader: u8,
    /// Hardly ever any.
    fields: Option<Box<UnknownFields>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct UnknownFields {
    count: u64,
    /// Their numbers and values, as CBOR.
    bytes: Vec<u8>,
}

impl Unknown {
    /// Call this at the start of a map. If the map is the body itself, the reader version of the
    /// body is noted.
    pub(crate) fn begin(input: &Decoder<'_>) -> Self {
        let reader = match (input.position(), input.input()) {
            (1, [asked, ..]) => *asked,
            _ => 0,
        };
        Self {
            reader,
            fields: None,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.fields.as_ref().map_or(0, |fields| fields.count)
    }

    /// The reader version that the body asked for.
    pub(crate) fn reader(&self) -> u8 {
        self.reader
    }

    /// Keeps the field with this number, whose value is next in the input.
    pub(crate) fn keep(&mut self, number: u64, input: &mut Decoder<'_>) -> Result<(), Error> {
        let start = input.position();
        input.skip()?;
        let fields = self.fields.get_or_insert_default();
        fields.bytes.extend(to_bytes(&number));
        fields.bytes.extend(&input.input()[start..input.position()]);
        fields.count += 1;
        Ok(())
    }

    /// Writes them unchanged.
    pub(crate) fn write(&self, out: &mut Writer) {
        if let Some(fields) = &self.fields {
            out.raw(&fields.bytes);
        }
    }
}

/// Implements the encoding of a struct. Each field keeps its number for ever.
///
/// A struct that is rewritten and may grow `keeps` unknown fields in the named field. One that is
/// never rewritten `skips` them. Any other struct never gets another field, so unknown fields are
/// errors; add new data to the struct around it.
macro_rules! numbered {
    (
        $type:ident { $($number:literal => $field:ident),+ $(,)? }
        $(keeps $unknown:ident)? $(skips $others:ident)?
    ) => {
        impl $crate::store::Field for $type {
            fn write(&self, out: &mut $crate::store::Writer) {
                let missing = [$(self.$field.is_missing()),+];
                let known = missing.into_iter().filter(|missing| !missing).count() as u64;
                out.map(known $(+ self.$unknown.count())?);
                $(if !self.$field.is_missing() {
                    out.number($number);
                    self.$field.write(out);
                })+
                $(self.$unknown.write(out);)?
            }

            fn read(input: &mut minicbor::Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
                $(let mut $unknown = $crate::store::Unknown::begin(input);)?
                $(let mut $field = None;)+
                for _ in 0..$crate::store::map(input)? {
                    match input.u64()? {
                        $($number => $field = Some($crate::store::Field::read(input)?),)+
                        number => $crate::store::numbered!(
                            @other number, input $(, keeps $unknown)? $(, skips $others)?
                        ),
                    }
                }
                Ok(Self {
                    $($field: $field.or_else($crate::store::Field::missing).ok_or_else(|| {
                        minicbor::decode::Error::message(concat!(stringify!($field), " is missing"))
                    })?,)+
                    $($unknown,)?
                })
            }

            fn was_read_by(&self) -> u8 {
                0 $(+ self.$unknown.reader())?
            }
        }
    };
    (@other $number:ident, $input:ident, keeps $unknown:ident) => {
        $unknown.keep($number, $input)?
    };
    (@other $number:ident, $input:ident, skips $others:ident) => {{
        let _: u64 = $number;
        $input.skip()?;
    }};
    (@other $number:ident, $input:ident) => {
        return Err(minicbor::decode::Error::message(format!("an unknown field, {}", $number)))
    };
}

pub(crate) use numbered;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreErrorKind;

    /// A record of one release.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Old {
        name: String,
        part: Option<OldPart>,
        unknown: Unknown,
    }
    numbered!(Old { 0 => name, 1 => part } keeps unknown);
    impl Body for Old {}

    #[derive(Clone, Debug, Default, PartialEq)]
    struct OldPart {
        count: u64,
        unknown: Unknown,
    }
    numbered!(OldPart { 0 => count } keeps unknown);

    /// The same record in a later release. Its `locked` must not be skipped.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct New {
        name: String,
        part: Option<NewPart>,
        color: Option<String>,
        locked: bool,
        unknown: Unknown,
    }
    numbered!(New { 0 => name, 1 => part, 2 => color, 3 => locked } keeps unknown);
    impl Body for New {
        fn reader(&self) -> u8 {
            if self.locked { 2 } else { 1 }
        }
    }

    #[derive(Clone, Debug, Default, PartialEq)]
    struct NewPart {
        count: u64,
        sizes: Vec<u32>,
        unknown: Unknown,
    }
    numbered!(NewPart { 0 => count, 1 => sizes } keeps unknown);

    fn new() -> New {
        New {
            name: "a".into(),
            part: Some(NewPart {
                count: 1,
                sizes: vec![2, 70_000],
                unknown: Unknown::default(),
            }),
            color: Some("red".into()),
            ..New::default()
        }
    }

    /// Reads a `New`, without the data about its reader.
    fn read_new(bytes: &[u8]) -> New {
        let mut read: New = decode_as(2, bytes).unwrap();
        read.unknown = Unknown::default();
        read
    }

    #[test]
    fn an_older_release_rewrites_a_record_and_loses_nothing() {
        let mut old: Old = decode_as(1, &encode(&new())).unwrap();
        old.name = "b".into();
        old.part.as_mut().unwrap().count = 9;
        let mut expected = new();
        expected.name = "b".into();
        expected.part.as_mut().unwrap().count = 9;
        assert_eq!(read_new(&encode(&old)), expected);
        // The newer release reads records that the older one has created.
        let first = Old {
            name: "c".into(),
            ..Old::default()
        };
        assert_eq!(read_new(&encode(&first)).name, "c");
    }

    #[test]
    fn a_field_that_restricts_is_never_skipped() {
        let locked = New {
            locked: true,
            ..new()
        };
        let bytes = encode(&locked);
        let error = decode_as::<Old>(1, &bytes).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreadable);
        assert_eq!(read_new(&bytes), locked);
        // A reader that is new enough, but does not know the field, does not lower the version.
        let rewritten = encode(&decode_as::<Old>(2, &bytes).unwrap());
        assert_eq!(rewritten[0], 2);
        assert_eq!(read_new(&rewritten), locked);
    }

    #[test]
    fn long_bodies_and_damaged_ones() {
        for len in [0, 400, 505, 506, 507, 508, 520, 70_000] {
            let body = Old {
                name: "x".repeat(len),
                ..Old::default()
            };
            let read: Old = decode(&encode(&body)).unwrap();
            assert_eq!(read.name, body.name);
        }
        let bytes = encode(&new());
        for len in 0..bytes.len() {
            assert!(decode_as::<New>(2, &bytes[..len]).is_err(), "{len}");
        }
        assert!(decode_as::<New>(2, &[&bytes[..], &[0]].concat()).is_err());
        // No name.
        assert!(decode::<Old>(&[1, 0xa0]).is_err());
        // A list whose stated length exceeds memory.
        let endless = [
            1, 0xa2, 0, 0x60, 1, 0xa1, 1, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255,
        ];
        assert!(decode_as::<New>(2, &endless).is_err());
    }
}
