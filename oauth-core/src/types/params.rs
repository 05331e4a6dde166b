//! Request parameters, decoded, with every repetition kept.

use super::Secret;

/// The parameters of a request, in their order, names and values decoded.
///
/// A parameter without a value counts as absent (RFC 6749 §3.1, §3.2). Repetitions are kept, since each endpoint has to answer
/// them in its own way; a repetition is judged after decoding.
#[derive(Clone, Default)]
pub struct Params {
    /// All names and values, one behind the other.
    text: String,
    /// Where each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

/// Among so many names, each is sooner compared with all before it than a list of them sorted.
const FEW: usize = 16;

impl Params {
    /// The value of the parameter `name`; the first, if it is repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(own, value)| *own == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    /// The value of the parameter `name`, as a secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }

    /// Every value of the parameter `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(own, value)| *own == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    /// Whether `name` is repeated, with or without a value.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.iter().filter(|(own, _)| *own == name).nth(1).is_some()
    }

    /// A parameter that stands there more than once, out of those that must not: all but `resource`
    /// (RFC 8707 §2).
    pub fn repeated(&self) -> Option<&str> {
        let names = || {
            let names = self.iter().map(|(name, _)| name);
            names.filter(|name| *name != "resource")
        };
        if self.ends.len() <= FEW {
            let mut numbered = names().enumerate();
            let is_again = |&(index, name): &(usize, &str)| names().take(index).any(|n| n == name);
            return numbered.find(is_again).map(|(_, name)| name);
        }
        let mut names: Vec<&str> = names().collect();
        names.sort_unstable();
        names.array_windows().find(|[a, b]| a == b).map(|[a, _]| *a)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(name, value)| {
            let pair = (&self.text[start..name], &self.text[name..value]);
            start = value;
            pair
        })
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(params: I) -> Self {
        // Enough for most token requests.
        let mut text = String::with_capacity(256);
        let mut ends = Vec::with_capacity(8);
        for (name, value) in params {
            text.push_str(name.as_ref());
            let end = text.len();
            text.push_str(value.as_ref());
            ends.push((end, text.len()));
        }
        Self { text, ends }
    }
}

impl std::fmt::Debug for Params {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 6749-3.1-e, 6749-3.2-b, 8707-2-c
    #[test]
    fn empty_is_absent_and_repetition_is_seen() {
        let params = Params::from_iter([
            ("a", ""),
            ("a", "1"),
            ("b", ""),
            ("resource", "x"),
            ("resource", "y"),
        ]);
        assert_eq!(params.get("a"), Some("1"));
        assert_eq!(params.get("b"), None);
        assert_eq!(params.repeated(), Some("a"));
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["x", "y"]);
        for more in [0, FEW, 2 * FEW] {
            let others = (0..more).map(|n| (format!("other{n}"), String::new()));
            let names = |names: [&str; 3]| names.map(|name| (name.to_owned(), "1".to_owned()));
            let params = |own| -> Params { names(own).into_iter().chain(others.clone()).collect() };
            assert_eq!(params(["a", "b", "a"]).repeated(), Some("a"));
            assert_eq!(params(["a", "resource", "resource"]).repeated(), None);
        }
        assert_eq!(
            format!("{params:?}"),
            r#"["a", "a", "b", "resource", "resource"]"#
        );
    }
}
