//! JSONP in a real browser, from a page of another origin, with jQuery as the document of 批改网 shows.

use axum::{Router, http::header::CONTENT_TYPE, response::Html, routing::get};
use tokio::net::TcpListener;

use super::{
    chromium::{Looks, says, with_chromium},
    place::{CONFIG, start},
};

const JQUERY: &str = "/usr/share/javascript/jquery/jquery.min.js";

/// The document's example, and the API with the token that it got.
const PAGE: &str = r#"<!doctype html><title>Application</title>
<h1>waiting</h1><h2>waiting</h2><h3>waiting</h3>
<script src="/jquery.min.js"></script>
<script>
$.ajax({
	   url: 'SERVER/oauth2/authorize2',
	   type: 'get',
	   data: {
		response_type: 'token',
		client_id: 'CLIENT',
		state: 'xyz'
	   },
	   dataType: 'jsonp'
	}).done(function(d) {
		$('h1').text(d.access_token ? [typeof d.expires_in, d.expires_in, d.token_type, d.state].join(' ') : d.error + ' ' + d.error_code);
		['h2', 'h3'].forEach(function(heading) {
			$.ajax({
				url: 'SERVER/essays/rapid_experience',
				data: { access_token: heading === 'h2' ? d.access_token : 'unknown' },
				dataType: 'jsonp'
			}).done(function(d) {
				$(heading).text(d.title || d.error + ' ' + d.error_code);
			});
		});
	});
</script>"#;

/// A site with that page; its port.
async fn site(page: String) -> u16 {
    let script = std::fs::read_to_string(JQUERY).expect("jQuery");
    let app = Router::new().route("/", get(async || Html(page))).route(
        "/jquery.min.js",
        get(async || ([(CONTENT_TYPE, "text/javascript")], script)),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

/// Where jQuery is missing the test says so; it fails if `REQUIRE_BROWSER` is set.
fn has_jquery() -> bool {
    let is_there = std::path::Path::new(JQUERY).exists();
    assert!(
        is_there || std::env::var_os("REQUIRE_BROWSER").is_none(),
        "REQUIRE_BROWSER is set, and {JQUERY} is missing"
    );
    if !is_there {
        eprintln!("NOT TESTED: {JQUERY} is missing; install libjs-jquery");
    }
    is_there
}

#[tokio::test]
async fn a_page_of_another_origin_gets_and_uses_a_token() {
    if !has_jquery() {
        return;
    }
    let server = start("pigai", CONFIG).await;
    let port = site(PAGE.replace("SERVER", &server.base).replace("CLIENT", "1")).await;
    with_chromium(Looks::default(), |client| async move {
        client
            .goto(&format!("http://localhost:{port}/"))
            .await
            .unwrap();
        says(&client, "h1", "string 7200 Bearer xyz").await;
        says(&client, "h2", "A rapid experience").await;
        says(&client, "h3", "invalid_token 21334").await;
    })
    .await;
}

#[tokio::test]
async fn a_client_is_used_from_the_pages_of_its_hosts_only() {
    if !has_jquery() {
        return;
    }
    let config = format!("{CONFIG}jsonp_hosts = [\"localhost\"]\n");
    let server = start("pigai", &config).await;
    let port = site(PAGE.replace("SERVER", &server.base).replace("CLIENT", "2")).await;
    with_chromium(Looks::default(), |client| async move {
        client
            .goto(&format!("http://localhost:{port}/"))
            .await
            .unwrap();
        says(&client, "h1", "string 7200 Bearer xyz").await;
        says(&client, "h2", "A rapid experience").await;
        client
            .goto(&format!("http://127.0.0.1:{port}/"))
            .await
            .unwrap();
        says(&client, "h1", "access_denied 21330").await;
        says(&client, "h2", "invalid_token 21334").await;
    })
    .await;
}
