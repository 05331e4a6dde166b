//! Chromium, without a window, driven through chromedriver.

use std::{future::Future, process::Stdio};

use fantoccini::{
    Client, ClientBuilder, Locator,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use url::Url;

use super::place::PATIENCE;

const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// What a browser is to be like.
#[derive(Clone, Copy, Default)]
pub struct Looks {
    pub scripts_off: bool,
    pub dark: bool,
}

/// Runs a test in a browser of its own. Where there is none, the test says so; it fails if `REQUIRE_BROWSER` is set.
pub async fn with_chromium<F>(looks: Looks, test: impl FnOnce(Client) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    if !std::path::Path::new(CHROMEDRIVER).exists() {
        assert!(
            std::env::var_os("REQUIRE_BROWSER").is_none(),
            "REQUIRE_BROWSER is set, and {CHROMEDRIVER} is missing"
        );
        eprintln!("NOT TESTED: {CHROMEDRIVER} is missing; install chromium and chromium-driver");
        return;
    }
    let profile = tempfile::tempdir().expect("a temporary directory");
    let (_driver, address) = start(&profile).await;
    let client = connect(looks, &profile, &address).await;
    let outcome = tokio::spawn(test(client.clone())).await;
    // Also after a failure, since nothing else ends the browser.
    client.close().await.expect("a browser that ends");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic.into_panic());
    }
}

async fn start(profile: &TempDir) -> (Child, String) {
    let mut driver = Command::new(CHROMEDRIVER)
        .arg("--port=0")
        .current_dir(profile.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver");
    let mut output = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
    let port = loop {
        let line = output.next_line().await.expect("text");
        let line = line.expect("a driver that starts");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').to_owned();
        }
    };
    (driver, format!("http://127.0.0.1:{port}"))
}

async fn connect(looks: Looks, profile: &TempDir, address: &str) -> Client {
    let mut arguments = vec![
        "--headless".to_owned(),
        // There is no sandbox for root, as whom tests often run in containers.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--window-size=800,1000".to_owned(),
        format!(
            "--user-data-dir={}",
            profile.path().join("profile").display()
        ),
    ];
    if looks.dark {
        arguments.push("--force-dark-mode".to_owned());
        arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let mut options = json!({ "args": arguments });
    if looks.scripts_off {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(address)
        .await
        .expect("a browser")
}

/// What the pages have complained of in the console since this was last asked.
pub async fn console(client: &Client) -> Vec<String> {
    let entries = client.issue_cmd(ReadLog).await.expect("a log");
    let entries = entries.as_array().expect("a list").iter();
    entries.map(|entry| entry["message"].to_string()).collect()
}

/// The browser's console log: an extension of chromedriver.
#[derive(Debug)]
struct ReadLog;

impl WebDriverCompatibleCommand for ReadLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (
            http::Method::POST,
            Some(json!({ "type": "browser" }).to_string()),
        )
    }
}

/// Waits for a page with this heading.
pub async fn shows(client: &Client, heading: &str) {
    says(client, "h1", heading).await;
}

/// Waits for a page that has a text in an element.
pub async fn says(client: &Client, css: &str, text: &str) {
    let mut last = String::new();
    let looking = async {
        loop {
            // While pages change, elements come and go.
            if let Ok(element) = client.find(Locator::Css(css)).await
                && let Ok(found) = element.text().await
            {
                if found.contains(text) {
                    return;
                }
                last = found;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, looking).await;
    assert!(seen.is_ok(), "no {text:?} in {css}, but {last:?}");
}

/// Clicks on an element as soon as there is one.
pub async fn click(client: &Client, css: &str) {
    let clicking = async {
        loop {
            if let Ok(element) = client.find(Locator::Css(css)).await
                && element.click().await.is_ok()
            {
                return;
            }
        }
    };
    let clicked = tokio::time::timeout(PATIENCE, clicking).await;
    assert!(clicked.is_ok(), "nothing to click at {css}");
}

/// Fills in the sign-in form and sends it.
pub async fn sign_in(client: &Client, (name, password): (&str, &str)) {
    for (field, value) in [("username", name), ("password", password)] {
        let css = format!("input[name={field}]");
        let field = client.wait().for_element(Locator::Css(&css)).await;
        let field = field.expect("a field");
        field.clear().await.expect("an empty field");
        field.send_keys(value).await.expect("a filled field");
    }
    click(client, "form button").await;
}
