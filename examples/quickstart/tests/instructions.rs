//! The commands that are printed at the start, as they stand, in a shell.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test fails by panicking, its helpers included, and a table is as long as it is"
)]

mod common;

use common::{ALICE, Place, Visitor};
use tokio::process::Command;

#[tokio::test]
async fn the_printed_commands_work_as_they_stand() {
    let place = Place::new("");
    let server = place.start_demo().await;
    let printed = server.printed();
    let (_, commands) = printed.split_once("In a shell:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("an end");
    let commands: Vec<_> = commands.lines().map(str::trim).collect();
    let [take, commands @ ..] = commands.as_slice() else {
        panic!("{printed}")
    };
    let mut script = format!("{take}\n");
    for command in commands {
        assert!(command.starts_with("curl "), "{command}");
        script += &format!("echo '>>>'\n{command}\necho\n");
    }
    let output = shell(&script).await;
    let mut answers = output.split(">>>\n").skip(1);
    for expected in [
        "\"client_id\":\"demo-machine\"",
        "HTTP/1.1 403",
        "\"active\":true",
        "",
        "HTTP/1.1 401",
        "\"token_endpoint\"",
    ] {
        let answer = answers.next().expect("an answer");
        assert!(answer.contains(expected), "{expected}: {answer}");
        assert!(!expected.is_empty() || answer.trim().is_empty(), "{answer}");
    }
    assert_eq!(answers.next(), None);
    assert!(place.path().join("quickstart.db").exists());

    // And in a browser: the address, the sign-in, and the command on the page where it leads.
    let mut links = printed
        .split_whitespace()
        .filter(|word| word.starts_with("http"));
    let mut alice = Visitor::new(&server);
    let page = alice.open(links.next().expect("an address")).await;
    assert!(printed.contains(&format!("{} / {}", ALICE.0, ALICE.1)));
    let page = alice.sign_in(&page, ALICE).await;
    let page = alice.submit(&page.form("Allow")).await;
    let command = page.html.lines().find(|line| line.starts_with("curl "));
    let answer = shell(command.unwrap_or_else(|| panic!("{page:?}"))).await;
    assert!(answer.contains("\"refresh_token\""), "{answer}");
    let page = alice.open(links.next().expect("an address")).await;
    assert!(page.html.contains("<legend>Demo web application</legend>"));
}

#[tokio::test]
async fn the_demo_has_a_page_to_begin_with() {
    let place = Place::new("");
    let server = place.start_demo().await;
    let mut alice = Visitor::new(&server);
    let page = alice.open("/").await;
    let link = page
        .html
        .split('"')
        .find(|part| part.contains("/authorize?"));
    let link = link.expect("a link").replace("&amp;", "&");
    assert!(server.printed().contains(&link));
    let page = alice.open(&link).await;
    assert_eq!(page.heading(), "Sign in");
}

/// A link to the page of the demo's applications gets nothing into the command that users paste.
#[tokio::test]
async fn the_demo_shows_no_command_of_others() {
    let place = Place::new("");
    let server = place.start_demo().await;
    for code in ["x;id", "x%0aid", "$(id)", "x%20-o%20y", "`id`", "x'"] {
        for name in ["code", "error"] {
            let page = Visitor::new(&server)
                .open(&format!("/callback?{name}={code}"))
                .await;
            assert!(
                page.html.starts_with("Begin at http://127.0.0.1:"),
                "{page:?}"
            );
            assert!(!page.html.contains("id"), "{page:?}");
        }
    }
}

async fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().await;
    let output = output.expect("a shell");
    assert!(output.status.success(), "{output:?}: is curl installed?");
    String::from_utf8(output.stdout).expect("text")
}
