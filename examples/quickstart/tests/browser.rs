//! The pages in a real browser.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{
    ALICE, Application, Begun, CONFIG, Http, Place, Quickstart, Site, Store,
    chromium::{Looks, click, console, says, shows, sign_in, with_chromium},
};
use fantoccini::{
    Client, Locator,
    actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
};

/// The server, and an application on another origin.
struct Stage {
    server: Quickstart,
    _place: Place,
    site: Site,
    far: Site,
    application: Application,
    onward: Application,
}

impl Stage {
    async fn new() -> Self {
        let (site, far) = (Site::open().await, Site::open().await);
        let callback = site.url("localhost", "/callback");
        let to = far.url("127.0.0.1", "/callback");
        let onward = site.url("localhost", &format!("/onward?to={to}"));
        let place = Place::new(&format!(
            r#"{CONFIG}
            [[client]]
            client_id = "site"
            client_secret = "the secret of site"
            client_name = "Site & <Sons>"
            redirect_uris = ["{callback}"]
            scope = "read admin"

            [[client]]
            client_id = "onward"
            redirect_uris = ["{onward}"]
            scope = "read"
            "#
        ));
        let server = place.start(Store::Memory).await;
        Self {
            server,
            _place: place,
            site,
            far,
            application: Application::confidential("site", "the secret of site", &callback),
            onward: Application::public("onward", &onward),
        }
    }

    fn begin(&self, extra: &[(&str, &str)]) -> Begun {
        self.application.begin(&self.server, "read admin", extra)
    }

    /// Exchanges the code of the last visit; what is allowed.
    async fn finish(&self, begun: &Begun) -> String {
        assert_eq!(
            self.site.last("state").as_deref(),
            Some(begun.state.secret().as_str())
        );
        let code = self.site.last("code").expect("a code");
        let tokens = self
            .application
            .exchange(&self.server, begun, &code, &[])
            .await
            .unwrap();
        let answer = Http::default()
            .with_token(&self.server.url("/api"), &tokens.access)
            .await;
        assert_eq!(answer.json()["subject"], "alice");
        tokens.scope.expect("a scope")
    }
}

const QUESTION: &str = "Allow Site & <Sons> to use your account?";
const ALLOW: &str = "button[value=approve]";
const DENY: &str = "button[value=deny]";

#[tokio::test]
async fn a_user_signs_in_and_allows_less_than_was_asked_for() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.begin(&[]);
        client.goto(begun.url.as_str()).await.unwrap();
        sign_in(&client, ("alice", "wrong")).await;
        says(&client, "[role=alert]", "do not belong together").await;
        sign_in(&client, ALICE).await;
        shows(&client, QUESTION).await;
        click(&client, "input[name='scope:admin']").await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.finish(&begun).await, "read");
        assert_silent(&client).await;
    })
    .await;
}

#[tokio::test]
async fn the_way_back_from_a_decision_cannot_change_it() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.begin(&[]);
        ask(&client, &begun).await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        let code = stage.site.last("code");

        client.back().await.unwrap();
        shows(&client, QUESTION).await;
        click(&client, DENY).await;
        shows(&client, "This cannot go on").await;
        says(&client, "main", "decided about this request before").await;
        client.back().await.unwrap();
        click(&client, "input[name='scope:admin']").await;
        click(&client, ALLOW).await;
        shows(&client, "This cannot go on").await;

        client.back().await.unwrap();
        let admin = client
            .find(Locator::Css("input[name='scope:admin']"))
            .await
            .unwrap();
        if !admin.is_selected().await.unwrap() {
            admin.click().await.unwrap();
        }
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.site.last("code"), code, "the same again");
        assert_eq!(stage.finish(&begun).await, "admin read");

        // Back to where they signed in: they are, so it goes on from there.
        client.back().await.unwrap();
        client.back().await.unwrap();
        shows(&client, QUESTION).await;
        assert_silent(&client).await;
    })
    .await;
}

#[tokio::test]
async fn a_double_click_is_one_decision() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.begin(&[]);
        ask(&client, &begun).await;
        // The same question in another tab, for the same click once more.
        let first = client.window().await.unwrap();
        let question = client.current_url().await.unwrap();
        let second = client.new_window(true).await.unwrap().handle;
        client.switch_to_window(second.clone()).await.unwrap();
        client.goto(question.as_str()).await.unwrap();
        shows(&client, QUESTION).await;

        client.switch_to_window(first).await.unwrap();
        double_click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        client.switch_to_window(second).await.unwrap();
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        let visits = stage.site.visits();
        assert!(visits.len() >= 2 && visits.iter().all(|visit| *visit == visits[0]));
        assert_eq!(stage.finish(&begun).await, "admin read");

        // One grant, not one for each click.
        client
            .goto(&stage.server.url("/connections"))
            .await
            .unwrap();
        assert_eq!(
            client.find_all(Locator::Css("legend")).await.unwrap().len(),
            1
        );
        assert_silent(&client).await;
    })
    .await;
}

#[tokio::test]
async fn a_user_denies() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.begin(&[]);
        ask(&client, &begun).await;
        click(&client, DENY).await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.site.last("error").as_deref(), Some("access_denied"));
        assert_eq!(stage.site.last("code"), None);
        assert_silent(&client).await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_is_posted_to_another_origin() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.begin(&[("response_mode", "form_post")]);
        ask(&client, &begun).await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        let at = client.current_url().await.unwrap();
        assert_eq!(
            at.as_str(),
            stage.site.url("localhost", "/callback"),
            "no query"
        );
        assert_eq!(stage.finish(&begun).await, "admin read");
        assert_silent(&client).await;
    })
    .await;
}

/// Browsers check the policy for forms again at each redirect after the form.
#[tokio::test]
async fn the_policy_lets_a_decision_through_two_other_origins() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        let begun = stage.onward.begin(&stage.server, "read", &[]);
        client.goto(begun.url.as_str()).await.unwrap();
        sign_in(&client, ALICE).await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.far.visits().len(), 1);
        assert_silent(&client).await;

        // Signed in and remembered nothing: what is asked of the next one goes the same way from the start.
        let begun = stage.onward.begin(&stage.server, "read", &[]);
        client.goto(begun.url.as_str()).await.unwrap();
        click(&client, DENY).await;
        shows(&client, "Arrived").await;
        assert_silent(&client).await;
    })
    .await;
}

/// A consent that is remembered answers the sign-in form with a redirect to the application.
#[tokio::test]
async fn the_policy_lets_a_sign_in_through_to_an_application() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        ask(&client, &stage.begin(&[])).await;
        click(&client, "input[name=remember]").await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        client
            .goto(&stage.server.url("/connections"))
            .await
            .unwrap();
        click(&client, "form[action$=logout] button").await;
        shows(&client, "Sign in").await;

        for extra in [&[][..], &[("response_mode", "form_post")]] {
            let begun = stage.begin(extra);
            client.goto(begun.url.as_str()).await.unwrap();
            sign_in(&client, ALICE).await;
            shows(&client, "Arrived").await;
            assert_eq!(stage.finish(&begun).await, "admin read");
            client
                .goto(&stage.server.url("/connections"))
                .await
                .unwrap();
            click(&client, "form[action$=logout] button").await;
            shows(&client, "Sign in").await;
        }
        assert_silent(&client).await;
    })
    .await;
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let stage = Stage::new().await;
    let looks = Looks {
        scripts_off: true,
        ..Looks::default()
    };
    with_chromium(looks, |client| async move {
        let scripted = stage.site.url("localhost", "/scripted");
        client.goto(&scripted).await.unwrap();
        shows(&client, "off").await;

        let begun = stage.begin(&[]);
        ask(&client, &begun).await;
        click(&client, ALLOW).await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.finish(&begun).await, "admin read");
        let begun = stage.begin(&[("response_mode", "form_post")]);
        client.goto(begun.url.as_str()).await.unwrap();
        click(&client, ALLOW).await;
        click(&client, "form[action$='/callback'] button").await;
        shows(&client, "Arrived").await;
        assert_eq!(stage.finish(&begun).await, "admin read");
        client
            .goto(&stage.server.url("/connections"))
            .await
            .unwrap();
        click(&client, "form button").await;
        says(&client, "main", "No application has access").await;
    })
    .await;
}

#[tokio::test]
async fn no_page_is_shown_in_a_frame_of_another_origin() {
    let stage = Stage::new().await;
    with_chromium(Looks::default(), |client| async move {
        ask(&client, &stage.begin(&[])).await;
        let question = client.current_url().await.unwrap();
        let connections = stage.server.url("/connections");
        let begun = stage.begin(&[]);
        for page in [question.as_str(), &connections, begun.url.as_str()] {
            let page = form_urlencoded::byte_serialize(page.as_bytes()).collect::<String>();
            let frame = stage.site.url("127.0.0.1", &format!("/frame?to={page}"));
            client.goto(&frame).await.unwrap();
            client.enter_frame(0).await.unwrap();
            assert!(
                client
                    .find_all(Locator::Css("form"))
                    .await
                    .unwrap()
                    .is_empty()
            );
            client.enter_parent_frame().await.unwrap();
            let complaints = console(&client).await;
            let is_refused = complaints
                .iter()
                .any(|line| line.contains("frame-ancestors"));
            assert!(is_refused, "{complaints:?}");
        }
    })
    .await;
}

/// Opens what an application asks for, as alice.
async fn ask(client: &Client, begun: &Begun) {
    client.goto(begun.url.as_str()).await.unwrap();
    sign_in(client, ALICE).await;
    shows(client, QUESTION).await;
}

async fn double_click(client: &Client, css: &str) {
    let element = client.find(Locator::Css(css)).await.unwrap();
    let press = PointerAction::Down {
        button: MOUSE_BUTTON_LEFT,
    };
    let release = PointerAction::Up {
        button: MOUSE_BUTTON_LEFT,
    };
    let to = PointerAction::MoveToElement {
        element,
        duration: None,
        x: 0.0,
        y: 0.0,
    };
    let mouse = MouseActions::new("mouse".to_owned())
        .then(to)
        .then(press.clone())
        .then(release.clone())
        .then(press)
        .then(release);
    client.perform_actions(mouse).await.unwrap();
}

/// No page has broken its own policy, or anything else that a browser complains of, but for statuses that are errors.
async fn assert_silent(client: &Client) {
    let mut complaints = console(client).await;
    complaints.retain(|line| !line.contains("the server responded with a status of 4"));
    assert!(complaints.is_empty(), "{complaints:#?}");
}
