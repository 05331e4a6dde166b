//! The cookie that tells one browser from another.

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};
use oauth_core::{authorize::Browser, types::Issuer};

/// The browser that sent these headers, if it has the cookie.
pub fn browser(headers: &HeaderMap, issuer: &Issuer) -> Option<Browser> {
    // One that this server never wrote may stand before it, and must not hide it.
    cookies(headers, name(issuer)).find_map(Browser::from_cookie)
}

/// Gives a browser its cookie: for this host only, not readable by scripts, and over TLS only unless the issuer is a loopback
/// address without it.
pub fn set_browser(headers: &mut HeaderMap, browser: &Browser, issuer: &Issuer) {
    append_cookie(
        headers,
        name(issuer),
        browser.cookie().expose(),
        issuer,
        None,
    );
}

/// The values of the cookies of this name: more than one, if they were set for different paths.
pub(crate) fn cookies<'a>(
    headers: &'a HeaderMap,
    name: &'a str,
) -> impl Iterator<Item = &'a str> + 'a {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        // Other applications of the host put any bytes into theirs.
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Adds a cookie, whose value has to be of base64url; `max_age` in seconds.
pub(crate) fn append_cookie(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    issuer: &Issuer,
    max_age: Option<u64>,
) {
    let mut cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax");
    if let Some(seconds) = max_age {
        cookie += &format!("; Max-Age={seconds}");
    }
    if issuer.is_secure() {
        cookie += "; Secure";
    }
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}

/// `__Host-` keeps sibling domains and plain HTTP from planting the cookie (RFC 6265bis §4.1.3.2).
fn name(issuer: &Issuer) -> &'static str {
    if issuer.is_secure() {
        "__Host-oauth-browser"
    } else {
        "oauth-browser"
    }
}

#[cfg(test)]
mod tests {
    use oauth_core::random::Random;

    use super::*;

    /// 6750-5.3-b: what is in a cookie is not sent in the clear.
    #[test]
    fn the_cookie_comes_back_and_is_secure_with_https() {
        let fresh = Browser::new(&mut Random::from_seed([1; 32]));
        for (issuer, secure) in [
            ("https://login.example", true),
            ("http://127.0.0.1:8080", false),
        ] {
            let issuer = Issuer::new(issuer).unwrap();
            let mut headers = HeaderMap::new();
            set_browser(&mut headers, &fresh, &issuer);
            let set = headers[SET_COOKIE].to_str().unwrap().to_owned();
            assert_eq!(set.contains("; Secure"), secure);
            assert_eq!(set.starts_with("__Host-"), secure);
            assert!(
                set.contains("; HttpOnly")
                    && set.contains("; SameSite=Lax")
                    && set.contains("; Path=/")
            );
            let pair = set.split(';').next().unwrap();
            let sent = HeaderMap::from_iter([(COOKIE, format!("a=b; {pair}").parse().unwrap())]);
            assert_eq!(
                browser(&sent, &issuer).unwrap().cookie().expose(),
                fresh.cookie().expose()
            );
        }
    }

    #[test]
    fn a_cookie_that_no_server_wrote_is_none() {
        let issuer = Issuer::new("http://127.0.0.1").unwrap();
        for value in [
            "oauth-browser=",
            "oauth-browser=short",
            "xoauth-browser=AAAA",
            "oauth-browser",
        ] {
            let sent = HeaderMap::from_iter([(COOKIE, value.parse().unwrap())]);
            assert!(browser(&sent, &issuer).is_none(), "{value}");
        }
    }
}
