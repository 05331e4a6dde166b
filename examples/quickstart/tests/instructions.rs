//! The commands that are printed at the start, as they stand, in a shell.

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

async fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().await;
    let output = output.expect("a shell");
    assert!(output.status.success(), "{output:?}: is curl installed?");
    String::from_utf8(output.stdout).expect("text")
}
