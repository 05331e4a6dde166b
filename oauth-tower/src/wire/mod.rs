//! HTTP on one side, request and response types on the other. Nothing here knows what a grant is.

mod body;
mod browser;
mod credentials;
mod form;
mod page;
mod params;
mod request;
mod response;

pub(crate) use self::{
    body::read,
    form::{Unread, read_client_request, read_form},
    page::{plain_page, secure_page},
    params::{decode, parse},
    request::{client_request, dpop_proofs, method},
    response::{
        RETRY, empty, error, found, json, method_not_allowed, refusal, retry_after, too_many,
    },
};
pub use self::{
    body::{Body, Limits},
    browser::{browser, set_browser},
    page::EscapedHtml,
    response::authorization_response,
};
#[cfg(feature = "ui")]
pub(crate) use self::{
    browser::{append_cookie, cookies},
    response::see_other,
};
