//! Authorization codes: how a code leads to its grant, and what the grant keeps of it.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Formats, TokenFormat, format::room};
use crate::{
    hash::{are_equal, sha256},
    pkce::CodeVerifier,
    store::{Body, Digest, Family, Key, Kind, Realm, Record, Role, encode, numbered},
    time::Timestamp,
    types::{BorrowedSecret, GrantId, RedirectUri, Secret},
};

/// The bytes of an authorization code (RFC 6749 §4.1.2): the grant's id and a secret.
///
/// A format may be too short for the id. The code then is the secret alone, and a record of its own
/// points to the grant.
pub(crate) struct Code {
    grant: Option<GrantId>,
    secret: Zeroizing<Vec<u8>>,
}

impl Code {
    /// The length of an id and a whole secret.
    const LEN: usize = ID + 32;

    /// The code of a grant, with as much of the secret as fits.
    pub(crate) fn new(grant: GrantId, secret: &[u8; 32], formats: &Formats) -> Self {
        let format = formats.code.as_ref();
        let short = is_short(format);
        let len = room(format, if short { 0 } else { ID });
        Self {
            grant: (!short).then_some(grant),
            secret: Zeroizing::new(secret[..len].to_vec()),
        }
    }

    /// Reads a code; `None` if this server cannot have written it.
    pub(crate) fn decode(formats: &Formats, code: BorrowedSecret<'_>) -> Option<Self> {
        let format = formats.code.as_ref();
        let bytes = Zeroizing::new(format.decode(code.expose())?);
        if is_short(format) {
            return (bytes.len() == room(format, 0)).then_some(Self {
                grant: None,
                secret: bytes,
            });
        }
        if bytes.len() != Self::LEN {
            return None;
        }
        let (grant, secret) = bytes.split_first_chunk()?;
        Some(Self {
            grant: Some(GrantId::from_bytes(*grant)),
            secret: Zeroizing::new(secret.to_vec()),
        })
    }

    /// Encodes it for the wire.
    pub(crate) fn encode(&self, formats: &Formats) -> Secret {
        match self.grant {
            Some(grant) => {
                let bytes = Zeroizing::new([grant.as_bytes().as_slice(), &self.secret].concat());
                formats.code.encode(&bytes)
            }
            None => formats.code.encode(&self.secret),
        }
    }

    /// Where to look first: the grant, or the record that points to it.
    pub(crate) fn key(&self, realm: &Realm) -> Key {
        match self.grant {
            Some(grant) => Key::of_grant(realm, grant),
            None => self.pointer_key(realm),
        }
    }

    /// The record that points to the grant, if the code does not hold the grant's id. It lives as
    /// long as the grant, so a late replay is still noticed.
    pub(crate) fn pointer(
        &self,
        realm: &Realm,
        grant: GrantId,
        family: Family,
        forget_at: Timestamp,
    ) -> Option<Record> {
        self.grant.is_none().then(|| Record {
            key: self.pointer_key(realm),
            role: Role::Member(family),
            owner: None,
            forget_at,
            body: encode(&CodePointer { grant }),
        })
    }

    fn pointer_key(&self, realm: &Realm) -> Key {
        Key::new(realm, Kind::CODE, &[&self.secret])
    }

    fn digest(&self, realm: &Realm, grant: GrantId) -> Digest {
        *Key::new(realm, Kind::CODE, &[grant.as_bytes(), &self.secret]).digest()
    }
}

/// The length of a grant's id.
const ID: usize = 16;

fn is_short(format: &dyn TokenFormat) -> bool {
    format
        .capacity()
        .is_some_and(|capacity| capacity < Code::LEN)
}

/// Points to the grant of a code that is too short for the grant's id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodePointer {
    pub(crate) grant: GrantId,
}

numbered!(CodePointer { 0 => grant });

impl Body for CodePointer {}

/// What a grant keeps of a code before it is redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnspentCode {
    digest: [u8; 32],
    pub(crate) expires_at: Timestamp,
    /// `None` if it was issued to the client itself.
    redirect_uri: Option<[u8; 16]>,
    /// Whether the authorization request named it, so that the token request has to as well (RFC 6749 §4.1.3).
    pub(crate) is_redirect_uri_named: bool,
}

numbered!(UnspentCode {
    0 => digest,
    1 => expires_at,
    2 => redirect_uri,
    3 => is_redirect_uri_named,
});

impl UnspentCode {
    pub(crate) fn new(
        code: &Code,
        realm: &Realm,
        grant: GrantId,
        returns_to: Option<(&RedirectUri, bool)>,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            digest: *code.digest(realm, grant).as_bytes(),
            expires_at,
            redirect_uri: returns_to.map(|(uri, _)| half_digest([uri.as_str().as_bytes()])),
            is_redirect_uri_named: returns_to.is_some_and(|(_, is_named)| is_named),
        }
    }

    /// Whether `code` is this one.
    pub(crate) fn is(&self, code: &Code, realm: &Realm, grant: GrantId) -> bool {
        are_equal(code.digest(realm, grant).as_bytes(), &self.digest)
    }

    /// Whether the code was issued for this redirection URI.
    pub(crate) fn returns_to(&self, uri: &str) -> bool {
        is_digest_of(self.redirect_uri, uri)
    }

    /// What to keep of it once it is redeemed with this verifier.
    pub(crate) fn redeemed(&self, verifier: Option<CodeVerifier<'_>>) -> RedeemedCode {
        RedeemedCode {
            proof: proof(&self.digest, verifier),
            redirect_uri: self.redirect_uri,
            is_redirect_uri_named: self.is_redirect_uri_named,
        }
    }
}

/// What a grant keeps of a redeemed code: enough to recognize a replay that is valid in every other
/// way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedeemedCode {
    /// A digest of the code and of the verifier, if there was one.
    proof: [u8; 16],
    redirect_uri: Option<[u8; 16]>,
    pub(crate) is_redirect_uri_named: bool,
}

numbered!(RedeemedCode {
    0 => proof,
    1 => redirect_uri,
    2 => is_redirect_uri_named,
});

impl RedeemedCode {
    /// Whether this was the code, redeemed with this verifier.
    pub(crate) fn is(
        &self,
        code: &Code,
        verifier: Option<CodeVerifier<'_>>,
        realm: &Realm,
        grant: GrantId,
    ) -> bool {
        let proof = proof(code.digest(realm, grant).as_bytes(), verifier);
        self.proof.ct_eq(&proof).into()
    }

    /// Whether the code was issued for this redirection URI.
    pub(crate) fn returns_to(&self, uri: &str) -> bool {
        is_digest_of(self.redirect_uri, uri)
    }
}

fn proof(code: &[u8; 32], verifier: Option<CodeVerifier<'_>>) -> [u8; 16] {
    match verifier {
        Some(verifier) => half_digest([code.as_slice(), &verifier.digest()]),
        None => half_digest([code.as_slice()]),
    }
}

fn is_digest_of(digest: Option<[u8; 16]>, uri: &str) -> bool {
    digest == Some(half_digest([uri.as_bytes()]))
}

fn half_digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let digest = sha256(parts);
    let (halves, _) = digest.as_chunks();
    halves[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_bound_to_namespace_and_grant() {
        let (realm, other) = (Realm::new("realm"), Realm::new("other"));
        let [one, two] = [[1; 16], [2; 16]].map(GrantId::from_bytes);
        let code = Code::new(one, &[3; 32], &Formats::default());
        let unspent = UnspentCode::new(&code, &realm, one, None, Timestamp::MAX);
        let redeemed = unspent.redeemed(None);
        for (realm, grant, is_it) in [
            (&realm, one, true),
            (&realm, two, false),
            (&other, one, false),
        ] {
            assert_eq!(unspent.is(&code, realm, grant), is_it);
            assert_eq!(redeemed.is(&code, None, realm, grant), is_it);
        }
    }
}
