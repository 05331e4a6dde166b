//! How values are written in a body: numbers, bytes, texts, lists, and the types of the protocol.

use minicbor::{Decoder, decode::Error};

use super::{Field, Writer};
use crate::{
    time::Timestamp,
    types::{ClientId, GrantId, RedirectUri, Resource, Scope, Subject},
};

impl Field for u64 {
    fn write(&self, out: &mut Writer) {
        out.number(*self);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.u64()
    }
}

impl Field for u32 {
    fn write(&self, out: &mut Writer) {
        out.number((*self).into());
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.u32()
    }
}

/// Written only if it is `true`.
impl Field for bool {
    fn write(&self, out: &mut Writer) {
        out.number((*self).into());
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        match input.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::message("not a boolean")),
        }
    }

    fn missing() -> Option<Self> {
        Some(false)
    }

    fn is_missing(&self) -> bool {
        !self
    }
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let bytes = input.bytes()?.try_into();
        bytes.map_err(|_| Error::message("the wrong number of bytes"))
    }
}

impl Field for String {
    fn write(&self, out: &mut Writer) {
        out.text(self);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.str().map(str::to_owned)
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Writer) {
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        T::read(input).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    fn is_missing(&self) -> bool {
        self.is_none()
    }
}

impl<T: Field> Field for Vec<T> {
    fn write(&self, out: &mut Writer) {
        out.list(self.len());
        for item in self {
            item.write(out);
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        let len = input.array()?;
        let len = len.ok_or_else(|| Error::message("a list without a length"))?;
        // Do not reserve capacity for `len` items: the number may be a lie, while each actual item
        // takes at least a byte of input.
        let mut items = Self::new();
        for _ in 0..len {
            items.push(T::read(input)?);
        }
        Ok(items)
    }

    fn missing() -> Option<Self> {
        Some(Self::new())
    }

    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Field> Field for Box<T> {
    fn write(&self, out: &mut Writer) {
        (**self).write(out);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        T::read(input).map(Self::new)
    }
}

impl Field for Timestamp {
    fn write(&self, out: &mut Writer) {
        out.number(self.as_unix_millis());
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.u64().map(Self::from_unix_millis)
    }
}

impl Field for GrantId {
    fn write(&self, out: &mut Writer) {
        self.as_bytes().write(out);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        Field::read(input).map(Self::from_bytes)
    }
}

/// Validated texts, which are validated again when they are read.
macro_rules! text {
    ($($type:ident)+) => {$(
        impl Field for $type {
            fn write(&self, out: &mut Writer) {
                out.text(self.as_str());
            }

            fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
                input.str()?.parse().map_err(Error::custom)
            }
        }
    )+};
}

text!(ClientId Subject Resource);

impl Field for Scope {
    fn write(&self, out: &mut Writer) {
        out.text(self.as_str());
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        input.str()?.parse().map_err(Error::custom)
    }

    fn missing() -> Option<Self> {
        Some(Self::EMPTY)
    }

    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

impl Field for RedirectUri {
    fn write(&self, out: &mut Writer) {
        out.text(self.as_str());
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, Error> {
        String::read(input).map(Self::proven_before)
    }
}
