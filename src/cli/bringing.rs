//! What commands ask for that make a master which several tokens hold: transport keys of the other
//! tokens, and the operator's word for each (docs/tokens.md).

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::engine::masters::{self, Ground, Targets, Waits};
use crate::hsm::{Answer, Request, is_typed};
use crate::secret::write_private;

/// The other tokens, where several hold the masters.
#[derive(Debug, Args)]
pub(super) struct Bringing {
    /// Of several tokens: what `keyward token request` wrote for another machine's; may be repeated.
    #[arg(long, value_name = "FILE")]
    request: Vec<PathBuf>,
    /// Of several tokens: a fingerprint of a transport key, instead of typing it; may be repeated.
    #[arg(long, value_name = "SHA-256")]
    fingerprint: Vec<String>,
}

fn show(keys: &[Request]) {
    for key in keys {
        eprintln!(
            "token of token.replicas: {}\n  {}",
            key.token,
            key.fingerprint()
        );
    }
}

/// Compares with what the operator says, at the terminal or in an option.
pub(super) fn agree(question: &str, shown: &str, given: &[String]) -> Result<(), Failure> {
    let agrees = |typed: &String| is_typed(typed, shown);
    if given.iter().any(agrees) {
        return Ok(());
    }
    if !given.is_empty() || !std::io::stdin().is_terminal() {
        return Err(Failure::Refused(format!(
            "{question}: none was given that agrees, and there is no terminal to ask at"
        )));
    }
    eprint!("{question}: ");
    let _ = std::io::stderr().flush();
    let mut typed = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut typed)
        .map_err(Failure::io("the terminal"))?;
    match agrees(&typed) {
        true => Ok(()),
        false => Err(Failure::Refused(
            "that is not it: somebody may have exchanged the file; nothing was done".to_owned(),
        )),
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::path(path))
}

pub(super) fn read_requests(files: &[PathBuf]) -> Result<Vec<Request>, Failure> {
    let request = |file: &PathBuf| Ok(Request::read(&read(file)?)?);
    files.iter().map(request).collect()
}

/// The operator's word for each.
pub(super) fn vouch(requests: &[Request], given: &[String]) -> Result<(), Failure> {
    for request in requests {
        let question = format!("Fingerprint that the token {:?} shows", request.token);
        agree(&question, &request.fingerprint(), given)?;
    }
    Ok(())
}

/// Writes each answer beside its request; where.
pub(super) fn write_answers(
    requests: &[PathBuf],
    answers: &[Answer],
) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for (request, answer) in requests.iter().zip(answers) {
        let mut file = request.clone().into_os_string();
        file.push(".answer");
        let file = PathBuf::from(file);
        let text = serde_json::to_vec_pretty(answer)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        write_private(&file, &text).map_err(Failure::path(&file))?;
        files.push(file);
    }
    Ok(files)
}

impl Bringing {
    /// Whether other machines' tokens are to be given what is made now.
    pub(super) fn to_others(&self) -> bool {
        !self.request.is_empty()
    }

    /// The tokens that a new master goes to, each with the operator's word for it. None where one
    /// token holds the masters, or clones of it do, which get theirs by their vendor's tools.
    pub(super) async fn targets(&self, ground: Ground<'_>) -> Result<Targets, Failure> {
        if !ground.hsm.shares_masters() || !ground.hsm.ceremony() {
            if self.to_others() {
                return Err(Failure::Refused(
                    "these masters were not made in a ceremony: they are brought to no other token"
                        .to_owned(),
                ));
            }
            return Ok(Targets::default());
        }
        let elsewhere = read_requests(&self.request)?;
        let here = masters::transport_keys(ground, &elsewhere).await?;
        show(&here);
        vouch(&here, &self.fingerprint)?;
        vouch(&elsewhere, &self.fingerprint)?;
        Ok(Targets { here, elsewhere })
    }

    /// Writes the answers beside their requests; where.
    pub(super) fn write(&self, answers: &[Answer]) -> Result<Vec<PathBuf>, Failure> {
        write_answers(&self.request, answers)
    }
}

/// What is on its way, and what an administrator does about it.
pub(super) fn show_waits(waits: &[Waits], files: &[PathBuf]) {
    for file in files {
        println!("answer       {}", file.display());
    }
    for waits in waits {
        println!(
            "{} is not used yet: it is not in {}. `keyward token import FILE.answer` there, or your vendor's cloning, makes it complete; then it is used at once",
            waits.version,
            waits.tokens.join("; ")
        );
    }
}

pub(super) fn waits_json(waits: &[Waits]) -> serde_json::Value {
    let one = |waits: &Waits| serde_json::json!({"version": waits.version, "tokens": waits.tokens});
    waits.iter().map(one).collect()
}
