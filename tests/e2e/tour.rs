//! The tours of the README and of operators' pages, typed as they stand there: every line of their console blocks is run by
//! a shell, with the real kubectl, and the lines below a command must occur in its output.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::binary::{binary, project};
use hanse_tests::federation::Federation;

struct Step {
    command: String,
    expected: Vec<String>,
}

/// The steps of a page between its two marks: `$ command`, then words that its output must hold in this order.
/// `...` stands for anything.
fn steps(page: &str) -> Result<Vec<Step>> {
    let tour = page.split("<!-- tour -->").nth(1).context("the page has a tour")?;
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in tour.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step { command: command.to_owned(), expected: Vec::new() });
        } else if inside && !line.trim().is_empty() {
            let step = steps.last_mut().context("output follows a command")?;
            step.expected.push(line.to_owned());
        }
    }
    Ok(steps)
}

/// Types the steps of a page beside a running federation. `places` stand in for addresses of the page.
fn walk(page: &str, federation: &Federation, places: &[(String, String)]) -> Result<()> {
    let page = fs::read_to_string(project().join(page))?;
    let steps = steps(&page)?;
    ensure!(steps.len() >= 10, "the tour has {} steps", steps.len());
    let hanse = binary("hanse")?;
    let tools = hanse.parent().context("an executable has a directory")?.to_path_buf();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let home = tempfile::tempdir()?;
    let mut done = String::new();
    for step in steps {
        // The tour speaks of the default directory and ports; the test has its own.
        let mut command = step.command.replace("hanse-data", &federation.path().display().to_string());
        for (there, here) in places {
            command = command.replace(there, here);
        }
        if command.starts_with("cargo ") || command.starts_with("export ") {
            continue;
        }
        let output = Command::new("timeout")
            .args(["90", "bash", "-c", &command])
            .current_dir(project())
            .env("PATH", &path)
            .env("HOME", home.path())
            .env("HANSE_DATA_DIR", federation.path())
            .env("KUBECONFIG", federation.path().join("kubeconfig"))
            .output()?;
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        done = format!("{done}$ {command}\n{printed}");
        let mut rest = printed.as_str();
        for line in &step.expected {
            for piece in line.split("...").flat_map(str::split_whitespace) {
                // Addresses are those of the test's federation.
                if piece.starts_with("https://") {
                    continue;
                }
                let Some(found) = rest.find(piece) else { bail!("no {piece:?} of {line:?} in the output:\n{done}") };
                rest = &rest[found + piece.len()..];
            }
        }
        let is_refusal =
            |line: &String| ["Error", "error: ", "The Boat", "hanse: "].iter().any(|start| line.starts_with(start));
        let fails = step.expected.first().is_some_and(is_refusal);
        ensure!(output.status.success() || fails, "it fails:\n{done}");
    }
    println!("{done}");
    Ok(())
}

/// Types a page beside a federation of three regions, whose addresses are those of `hansed up` on the page.
fn walk_three_regions(page: &str) -> Result<()> {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        println!("skipped: no kubectl on this machine");
        return Ok(());
    }
    let mut federation = Federation::up("eu,us,ap", 1)?;
    let members = federation.members()?.into_iter().enumerate();
    let places: Vec<_> =
        members.map(|(position, member)| (format!("127.0.0.1:{}", 6443 + 10 * position), member.api)).collect();
    walk(page, &federation, &places)?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}

#[test]
fn the_tour_of_the_readme_works_line_by_line() -> Result<()> {
    walk_three_regions("README.md")
}

#[test]
fn the_page_about_backups_works_line_by_line() -> Result<()> {
    walk_three_regions("docs/operate/backup.md")
}

#[test]
fn the_page_of_members_works_line_by_line() -> Result<()> {
    let mut federation = Federation::up("eu,us", 1)?;
    let mut places = Vec::new();
    for position in 0..4 {
        let (there, api) = (6543 + 10 * position, TcpListener::bind("127.0.0.1:0")?.local_addr()?);
        let peers = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        places.push((format!("127.0.0.1:{there}"), api.to_string()));
        places.push((format!("127.0.0.1:{}", there + 1), peers.to_string()));
    }
    walk("docs/operate/members.md", &federation, &places)?;
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
