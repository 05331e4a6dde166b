//! The commands that are printed at the start, as they stand, in a shell.

use super::{
    applications::{ALL, Everydo, Liuyuan, Minapp, Pigai, Proauth},
    place::{run, shell},
    wire::{ALICE, decide, get},
};

/// What each command that shows something has to show.
fn shown(provider: super::applications::Provider) -> &'static [&'static str] {
    match provider {
        Pigai => &[
            "myfun({\"access_token\":\"",
            "\"scope\":null}",
            "\"client_id\":\"demo-app\"}",
            "myfun({\"number\":",
            "\"scope\":null}",
        ],
        Liuyuan => &["{\"username\":\"alice\"}"],
        Proauth => &[
            "{\"access_token\":\"RES_",
            "{\"username\":\"alice\"",
            "HTTP/1.1 403 ",
            "\"scope\":\"user:read\"",
        ],
        Minapp => &[
            "\"expires_in\":600}",
            "\"expires_in\":31535999}",
            "{\"objects\":[{\"name\":",
        ],
        Everydo => &[
            "\"uid\":\"alice\"}",
            "{\"uid\":\"alice\"",
            "\"refrash_token\":",
            "\"uid\":\"alice\"}",
            "{\"uid\":\"alice\"",
            "\"refrash_token\":",
        ],
    }
}

/// Runs commands, and puts a line between those that show something.
async fn answers(commands: &[&str]) -> Vec<String> {
    let mut script = String::new();
    for command in commands {
        let shows = command.starts_with("curl ") && !command.contains("-o /dev/null")
            || command.ends_with("echo \"$ANSWER\"");
        let before = if shows { "printf '\\n>>>\\n'\n" } else { "" };
        script += &format!("{before}{command}\n");
    }
    let output = shell(&script).await;
    output.split(">>>\n").skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_printed_commands_work_as_they_stand() {
    for provider in ALL {
        let server = run(&[provider.name()], None).await;
        let (_, commands) = server
            .printed
            .split_once("In a shell:\n")
            .expect("commands");
        let commands: Vec<_> = commands
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let answers = answers(&commands).await;
        let strict = ["\"access_token\":\"oauth_at_", "\"issuer\":\"http://"];
        let expected = shown(provider).iter().chain(&strict);
        assert_eq!(answers.len(), expected.clone().count(), "{answers:#?}");
        for (answer, expected) in answers.iter().zip(expected) {
            assert!(
                answer.contains(expected),
                "{provider:?} {expected}: {answer}"
            );
        }
    }
}

/// The address for the browser, and the commands on the page where it leads.
#[tokio::test]
async fn the_printed_address_leads_to_commands_that_work() {
    for provider in ALL {
        if provider == Minapp {
            continue;
        }
        let server = run(&[provider.name()], None).await;
        let (_, rest) = server
            .printed
            .split_once("In a browser:\n")
            .expect("an address");
        let address = rest.lines().next().expect("an address").trim();
        let returned = decide(&server, address, ALICE, "approve").await;
        let page = get(&returned).await.body;
        let (_, commands) = page.split_once("\n\n").expect("commands");
        let commands: Vec<_> = commands.lines().collect();
        let answers = answers(&commands).await;
        let all = shown(provider);
        let expected = match provider {
            Pigai => &all[4..],
            Everydo => &all[3..],
            _ => all,
        };
        assert_eq!(answers.len(), expected.len(), "{answers:#?}");
        for (answer, expected) in answers.iter().zip(expected) {
            assert!(
                answer.contains(expected),
                "{provider:?} {expected}: {answer}"
            );
        }
    }
}

/// A link to the page of the demo's application gets nothing into the commands that users paste.
#[tokio::test]
async fn the_demo_shows_no_command_of_others() {
    let server = run(&["pigai"], None).await;
    for code in ["x;touch%20y", "$(touch)", "`touch`", "x'touch"] {
        for name in ["code", "error"] {
            let page = get(&server.url(&format!("/callback?{name}={code}"))).await;
            assert!(!page.body.contains("touch"), "{page:?}");
        }
    }
}
