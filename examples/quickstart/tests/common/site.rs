//! A site of somebody else: an application that users return to, and what is framed and linked there.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Query, RawForm, State},
    response::{Html, Redirect},
    routing::get,
};
use tokio::net::TcpListener;

/// A site on a port of its own. As `localhost` and as `127.0.0.1` it is two origins.
pub struct Site {
    port: u16,
    visits: Visits,
}

type Visits = Arc<Mutex<Vec<Vec<(String, String)>>>>;

impl Site {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let visits = Visits::default();
        let app = Router::new()
            .route("/callback", get(arrive).post(arrive))
            .route("/onward", get(onward))
            .route("/frame", get(frame))
            .route("/scripted", get(scripted))
            .with_state(visits.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, visits }
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// The parameters of each visit to the callback.
    pub fn visits(&self) -> Vec<Vec<(String, String)>> {
        self.visits.lock().expect("visits").clone()
    }

    /// A parameter of the last visit.
    pub fn last(&self, name: &str) -> Option<String> {
        let visits = self.visits();
        let mut params = visits.last().expect("a visit").iter();
        let param = params.find(|(own, _)| own == name);
        param.map(|(_, value)| value.clone())
    }
}

/// Takes the parameters from the query or the form.
async fn arrive(State(visits): State<Visits>, RawForm(form): RawForm) -> Html<&'static str> {
    let params = form_urlencoded::parse(&form).into_owned().collect();
    visits.lock().expect("visits").push(params);
    Html("<!doctype html><title>Arrived</title><h1>Arrived</h1>")
}

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

/// An application whose callback sends the browser on to yet another site.
async fn onward(Query(To { to }): Query<To>) -> Redirect {
    Redirect::to(&to)
}

async fn frame(Query(To { to }): Query<To>) -> Html<String> {
    Html(format!(
        "<!doctype html><title>Frame</title><h1>Frame</h1><iframe src=\"{}\"></iframe>",
        to.replace('&', "&amp;")
    ))
}

/// Tells whether scripts run.
async fn scripted() -> Html<&'static str> {
    Html(
        "<!doctype html><h1>off</h1><script>document.querySelector('h1').textContent='on'</script>",
    )
}
