//! Scopes: sets of permissions.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

use super::text::{all_bytes, serde_as_text};

/// A set of scope tokens (RFC 6749 §3.3): order and repetition do not count, case does.
///
/// It is kept as the tokens in ascending order with one space between, which is also how it goes over the wire. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope(Option<Arc<str>>);

/// A text that is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a scope is tokens of visible ASCII without '\"' and '\\', with single spaces between")]
pub struct InvalidScope;

impl Scope {
    /// The scope that permits nothing.
    pub const EMPTY: Self = Self(None);

    /// Whether it permits nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Its tokens, in ascending order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|tokens| tokens.split(' '))
    }

    /// Whether `token` is in it.
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|own| own == token)
    }

    /// Whether every token of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0 == other.0 || self.tokens().all(|token| other.contains(token))
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self::from_valid(
            self.tokens()
                .filter(|token| other.contains(token))
                .collect(),
        )
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_valid(self.tokens().chain(other.tokens()).collect())
    }

    /// The tokens with one space between, ascending; empty if there are none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    fn from_valid(mut tokens: Vec<&str>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        Self((!tokens.is_empty()).then(|| tokens.join(" ").into()))
    }
}

serde_as_text!(Scope);

impl FromStr for Scope {
    type Err = InvalidScope;

    /// Reads `scope-token *( SP scope-token )`; the empty text is the empty scope.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Ok(Self::EMPTY);
        }
        // As it is asked for mostly: one.
        if is_scope_token(text) {
            return Ok(Self(Some(text.into())));
        }
        let tokens = || text.split(' ');
        if !tokens().all(is_scope_token) {
            return Err(InvalidScope);
        }
        // As nearly everybody writes it, and every record.
        if tokens().is_sorted_by(|a, b| a < b) {
            return Ok(Self(Some(text.into())));
        }
        Ok(Self::from_valid(tokens().collect()))
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:?})", self.as_str())
    }
}

/// `1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_scope_token(token: &str) -> bool {
    !token.is_empty() && all_bytes(token, |b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    /// 6749-3.3-a: a set of case-sensitive tokens.
    #[test]
    fn order_and_repetition_do_not_count_and_case_does() {
        assert_eq!(scope("b a b"), scope("a b"));
        assert_ne!(scope("A"), scope("a"));
        assert_eq!(scope("b a").as_str(), "a b");
    }

    /// 6749-3.3-b: nothing outside the grammar.
    #[test]
    fn the_grammar_is_kept() {
        for bad in [
            " ", " a", "a ", "a  b", "a\"", "a\\", "a\tb", "é", "\u{7f}", "a\n",
        ] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad:?}");
        }
        assert_eq!(scope("!#[]~").as_str(), "!#[]~");
        assert_eq!(scope(""), Scope::EMPTY);
    }

    #[test]
    fn sets_relate_as_sets() {
        let (wide, narrow) = (scope("a b c"), scope("c a"));
        assert!(narrow.is_subset(&wide) && !wide.is_subset(&narrow));
        assert!(Scope::EMPTY.is_subset(&narrow));
        assert!(!scope("a").is_subset(&scope("aa")));
        assert_eq!(wide.intersection(&scope("b z")), scope("b"));
        assert_eq!(narrow.union(&scope("b a")), wide);
        let nothing = wide.intersection(&scope("z"));
        assert_eq!(nothing, Scope::EMPTY);
        assert!(nothing.is_empty() && nothing.tokens().next().is_none());
    }
}
