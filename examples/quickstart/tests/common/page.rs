//! A page and the forms on it, as far as the pages of this program go.

use http::{HeaderMap, StatusCode};
use url::Url;

/// What a visitor is shown at the end of the redirects.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address of the page; of the application, if the visitor was sent there.
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub html: String,
    /// Whether the visitor was sent to another origin than the server's, where tests do not go.
    pub has_left: bool,
}

/// A form with what is filled in.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
    buttons: Vec<(String, Option<(String, String)>)>,
}

impl Page {
    pub fn heading(&self) -> &str {
        let after = self.html.split_once("<h1>").map_or("", |(_, after)| after);
        after.split("</h1>").next().unwrap_or_default()
    }

    /// The text of the problem that the page shows.
    pub fn problem(&self) -> Option<&str> {
        let (_, after) = self.html.split_once("role=\"alert\">")?;
        after.split("</p>").next()
    }

    /// A parameter of the address.
    pub fn param(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        pairs
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The form that a button belongs to, as it is before anything is changed in it, with the button pressed.
    pub fn form(&self, button: &str) -> Form {
        let mut form = self
            .forms()
            .into_iter()
            .find(|form| form.buttons.iter().any(|(text, _)| text == button))
            .unwrap_or_else(|| panic!("no button {button} on {self:?}"));
        let pressed = form.buttons.iter().find(|(text, _)| text == button);
        let named = pressed.and_then(|(_, named)| named.clone());
        form.fields.extend(named);
        form
    }

    pub fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        let mut rest = self.html.as_str();
        while let Some((_, from)) = rest.split_once('<') {
            let (tag, after) = from.split_once('>').expect("a tag that ends");
            rest = after;
            let attribute = |name: &str| attribute(tag, name);
            let form = || Form {
                action: attribute("action").unwrap_or_default(),
                ..Form::default()
            };
            match tag.split_whitespace().next() {
                Some("form") => {
                    assert_eq!(attribute("method").as_deref(), Some("post"));
                    forms.push(form());
                }
                Some("input") => {
                    let is_box = attribute("type").as_deref() == Some("checkbox");
                    let is_checked = tag.split_whitespace().any(|word| word == "checked");
                    let current = forms.last_mut().expect("an input in a form");
                    if let Some(name) = attribute("name").filter(|_| !is_box || is_checked) {
                        let value = attribute("value").unwrap_or_default();
                        Form::set(current, &name, &value);
                    }
                }
                Some("button") => {
                    let text = after.split('<').next().unwrap_or_default().to_owned();
                    let named = attribute("name").zip(attribute("value"));
                    let current = forms.last_mut().expect("a button in a form");
                    current.buttons.push((text, named));
                }
                _ => {}
            }
        }
        forms
    }
}

impl Form {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Without a box checked.
    pub fn without(mut self, name: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(own, _)| own != name);
        assert_ne!(before, self.fields.len(), "no field {name}");
        self
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(own, _)| own == name);
        field.map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: &str) {
        match self.fields.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => value.clone_into(own),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(after.split('"').next()?))
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('&') {
        let (entity, after) = from.split_once(';').expect("an escape that ends");
        let code = entity
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("&{entity};"));
        plain += before;
        plain.extend(code.parse().ok().and_then(char::from_u32));
        rest = after;
    }
    plain + rest
}
