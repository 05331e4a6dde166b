//! How one record lies under its key.
//!
//! | bytes | are |
//! |---|---|
//! | 16 | the version |
//! | 1 | `s`ingle, `a`nchor, `m`ember or `c`losed anchor |
//! | 8 | `forget_at`, in milliseconds since the Unix epoch, the most significant byte first, so that bytes compare as times do |
//! | 32 | the digest of the anchor of a member's family; zeros for others |
//! | 4 + length | the list of its owner's client, if it has one |
//! | 4 + length | the list of its owner's subject, if it has one |
//! | the rest | the body |
//!
//! The scripts read all of it but the body.

use std::sync::Arc;

use oauth_core::{
    store::{
        Digest, Family, Listed, Listing, OwnedBy, Owner, Record, Role, StoreError, Stored, Version,
    },
    time::Timestamp,
};

use crate::error::DamagedValue;

/// The value of a record that the commit `id` puts.
pub(crate) fn encode(record: &Record, id: Version) -> Vec<u8> {
    let (standing, family) = match record.role {
        Role::Single => (b's', [0; 32]),
        Role::Anchor => (b'a', [0; 32]),
        Role::Member(family) => (b'm', *family.anchor().as_bytes()),
    };
    let mut value = Vec::with_capacity(65 + record.body.len());
    value.extend(id.as_bytes());
    value.push(standing);
    value.extend(time(record.forget_at));
    value.extend(family);
    let scope = scope(record.key.realm().as_str(), record.key.kind().as_str());
    let owner = record.owner.as_ref();
    let client = owner.and_then(Owner::client);
    let client = client.map(|client| list(CLIENT, &scope, client));
    let subject = owner.and_then(Owner::subject);
    let subject = subject.map(|subject| list(SUBJECT, &scope, subject));
    for list in [client, subject] {
        push(&mut value, &list.unwrap_or_default());
    }
    value.extend(&record.body);
    value
}

/// The record in a value.
///
/// # Errors
/// If no version of this software wrote it.
pub(crate) fn decode(value: &[u8]) -> Result<Stored, StoreError> {
    Ok(Parts::read(value)?.stored)
}

/// The record with this digest and value, which is in a list.
///
/// # Errors
/// If no version of this software wrote it.
pub(crate) fn decode_listed(
    listing: &Listing,
    digest: &[u8],
    value: &[u8],
) -> Result<Listed, StoreError> {
    let digest = digest
        .try_into()
        .map_err(|_| damaged("a digest of another length"))?;
    let Parts {
        stored,
        client,
        subject,
    } = Parts::read(value)?;
    let scope = scope(listing.realm.as_str(), listing.kind.as_str());
    let misplaced = || damaged("a list that it cannot be in");
    let name = |list: &[u8], of: &str| -> Result<Option<Arc<str>>, StoreError> {
        if list.is_empty() {
            return Ok(None);
        }
        let name = list.strip_prefix(&*self::list(of, &scope, ""));
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        name.map(|name| Some(name.into())).ok_or_else(misplaced)
    };
    let owner = Owner::new(name(client, CLIENT)?, name(subject, SUBJECT)?);
    Ok(Listed {
        digest: Digest::from_bytes(digest),
        owner: owner.ok_or_else(misplaced)?,
        stored,
    })
}

/// The list that a listing asks for.
pub(crate) fn list_of(listing: &Listing) -> Vec<u8> {
    let scope = scope(listing.realm.as_str(), listing.kind.as_str());
    match &listing.by {
        OwnedBy::Client(client) => list(CLIENT, &scope, client),
        OwnedBy::Subject(subject) => list(SUBJECT, &scope, subject),
    }
}

/// A time, in the form in which the scripts compare it.
pub(crate) fn time(time: Timestamp) -> [u8; 8] {
    time.as_unix_millis().to_be_bytes()
}

/// What comes, as bytes, after every time up to `before`, and before every later one.
pub(crate) fn bound(before: Timestamp) -> [u8; 8] {
    before.as_unix_millis().saturating_add(1).to_be_bytes()
}

const CLIENT: &str = "client:";
const SUBJECT: &str = "subject:";

/// The name of a list: realm and kind have their lengths before them, so no two lists have the same.
fn list(of: &str, scope: &[u8], name: &str) -> Vec<u8> {
    [of.as_bytes(), scope, name.as_bytes()].concat()
}

fn scope(realm: &str, kind: &str) -> Vec<u8> {
    let mut scope = Vec::with_capacity(8 + realm.len() + kind.len());
    push(&mut scope, realm.as_bytes());
    push(&mut scope, kind.as_bytes());
    scope
}

/// Adds a part with its length before it.
fn push(to: &mut Vec<u8>, part: &[u8]) {
    // Names of four gigabytes do not come this far.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    to.extend(length.to_be_bytes());
    to.extend(part);
}

struct Parts<'a> {
    stored: Stored,
    client: &'a [u8],
    subject: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(value: &'a [u8]) -> Result<Self, StoreError> {
        let mut rest = value;
        let version = take(&mut rest)?;
        let [standing] = take(&mut rest)?;
        let forget_at = u64::from_be_bytes(take(&mut rest)?);
        let family = take(&mut rest)?;
        let client = take_part(&mut rest)?;
        let subject = take_part(&mut rest)?;
        let stored = Stored {
            version: Version::from_bytes(version),
            role: match standing {
                b's' => Role::Single,
                b'a' | b'c' => Role::Anchor,
                b'm' => Role::Member(Family::of_anchor(Digest::from_bytes(family))),
                _ => return Err(damaged("an unknown standing")),
            },
            closed: standing == b'c',
            forget_at: Timestamp::from_unix_millis(forget_at),
            body: rest.into(),
        };
        Ok(Self {
            stored,
            client,
            subject,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], StoreError> {
    let (first, others) = rest.split_first_chunk().ok_or_else(too_short)?;
    *rest = others;
    Ok(*first)
}

fn take_part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], StoreError> {
    let length = u32::from_be_bytes(take(rest)?);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (part, others) = rest.split_at_checked(length).ok_or_else(too_short)?;
    *rest = others;
    Ok(part)
}

fn too_short() -> StoreError {
    damaged("too few bytes")
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::unreadable(DamagedValue(what))
}

#[cfg(test)]
mod tests {
    use oauth_core::store::{Key, Kind, Realm, StoreErrorKind};

    use super::*;

    #[test]
    fn a_value_that_is_cut_off_is_not_misread() {
        let record = Record {
            key: Key::new(&Realm::default(), Kind::GRANT, &[b"name"]),
            role: Role::Anchor,
            owner: Some(Owner::Both {
                client: "client".into(),
                subject: "subject".into(),
            }),
            forget_at: Timestamp::MAX,
            body: Box::default(),
        };
        let value = encode(&record, Version::from_bytes([7; 16]));
        assert_eq!(decode(&value).unwrap().forget_at, Timestamp::MAX);
        for length in 0..value.len() {
            let error = decode(&value[..length]).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unreadable, "{length}");
        }
        let mut unknown = value;
        unknown[16] = b'x';
        assert!(decode(&unknown).is_err());
    }

    #[test]
    fn lists_of_different_owners_have_different_names() {
        let listing = |realm: &str, kind, name: &str| {
            list_of(&Listing {
                realm: Realm::new(realm),
                kind: Kind::extension(kind),
                by: OwnedBy::Client(name.into()),
                after: None,
                limit: 1,
            })
        };
        let plain = listing("a", "bc", "d");
        for other in [
            listing("ab", "c", "d"),
            listing("a", "b", "cd"),
            listing("", "abc", "d"),
        ] {
            assert_ne!(plain, other);
        }
        // Lengths within names do not count.
        let (one, other) = ("a\0\0\0\u{1}b", "\0\0\0\u{1}cd");
        assert_ne!(listing("a", "b", other), listing(one, "c", "d"));
    }

    #[test]
    fn times_compare_as_bytes_up_to_the_last() {
        let last = Timestamp::MAX.as_unix_millis();
        for millis in [0, 255, 256, (1 << 53) - 1, 1 << 53, last - 1, last] {
            let bound = bound(Timestamp::from_unix_millis(millis));
            assert!(millis.to_be_bytes() < bound, "{millis}");
            assert!((millis + 1).to_be_bytes() >= bound, "{millis}");
        }
    }
}
