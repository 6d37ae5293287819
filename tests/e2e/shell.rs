//! A shell with kubectl, and steps to type in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use hanse_tests::federation::Federation;

/// One line to type in a shell, and what must come of it.
pub(crate) struct Step {
    pub(crate) line: &'static str,
    /// Pieces of the output, in this order.
    pub(crate) shows: &'static [&'static str],
    /// Whether the line ends well.
    pub(crate) fails: bool,
}

/// A line that ends well.
pub(crate) const fn works(line: &'static str, shows: &'static [&'static str]) -> Step {
    Step { line, shows, fails: false }
}

/// A line that ends with an error.
pub(crate) const fn fails(line: &'static str, shows: &'static [&'static str]) -> Step {
    Step { line, shows, fails: true }
}

/// Whether this machine has kubectl; says so where it has not.
pub(crate) fn kubectl_is_here() -> bool {
    let here = Command::new("kubectl").args(["version", "--client"]).output().is_ok();
    if !here {
        println!("skipped: no kubectl on this machine");
    }
    here
}

/// A directory with the files, and what a shell must know.
pub(crate) struct Shell {
    directory: tempfile::TempDir,
    kubeconfig: String,
    server: String,
}

impl Shell {
    /// A directory with these files, and the environment of the federation's administrator.
    pub(crate) fn new(federation: &Federation, files: &[(&str, &str)]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().context("a file is in a directory")?)?;
            fs::write(path, text)?;
        }
        let kubeconfig = federation.path().join("kubeconfig");
        let text = fs::read_to_string(&kubeconfig)?;
        fs::write(directory.path().join("anonymous"), without_token(&text))?;
        let members = federation.members()?;
        let api = &members.first().context("a federation has a daemon")?.api;
        Ok(Self { directory, kubeconfig: display(&kubeconfig), server: format!("https://{api}") })
    }

    /// What bash makes of the line, for at most 30 seconds.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["30", "bash", "-c", line])
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env("SERVER", &self.server)
            .env("KUBECONFIG", &self.kubeconfig);
        command
    }

    /// Types all lines; those that go wrong are told together at the end.
    pub(crate) fn run_all(&self, steps: &[Step]) -> Result<()> {
        let wrong: Vec<String> =
            steps.iter().filter_map(|step| self.run(step).err()).map(|error| format!("{error:#}")).collect();
        ensure!(wrong.is_empty(), "{} of {} steps went wrong:\n{}", wrong.len(), steps.len(), wrong.join("\n"));
        Ok(())
    }

    pub(crate) fn run(&self, step: &Step) -> Result<()> {
        let printed = self.type_line(step.line, step.fails)?;
        let mut rest = printed.as_str();
        for piece in step.shows {
            let Some(found) = rest.find(piece) else { bail!("no {piece:?} in what {} prints:\n{printed}", step.line) };
            rest = &rest[found + piece.len()..];
        }
        Ok(())
    }

    /// Types one line and returns what it prints; an error where it ends otherwise than told.
    pub(crate) fn type_line(&self, line: &str, fails: bool) -> Result<String> {
        let output = self.command(line).output()?;
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        println!("$ {line}\n{printed}");
        ensure!(output.status.success() != fails, "{line} ends with {}:\n{printed}", output.status);
        Ok(printed)
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// The kubeconfig with users that show nothing of who they are.
fn without_token(kubeconfig: &str) -> String {
    let secret = ["token:", "client-certificate-data:", "client-key-data:"];
    let lines = kubeconfig
        .lines()
        .map(|line| if secret.iter().any(|word| line.trim_start().starts_with(word)) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
