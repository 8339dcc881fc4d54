//! `keyward token init`, `request`, `import`: masters that several tokens hold (docs/tokens.md).

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::place::Place;
use crate::cli::{Failure, assembly};
use crate::config::Config;
use crate::engine::founding;
use crate::hsm::{self, Answer, Hsm, Request as TransportKey, Source, is_typed};
use crate::secret::write_private;

/// Makes a deployment: the masters in its token, and its rows in an empty database.
///
/// With --ceremony the masters are made for several tokens: the configured one, those of
/// token.replicas, and those whose requests are given. Later no token can take part any more.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward token init --ceremony --config keyward.toml --request b.request

The masters of each other token travel under a transport key that was made in it. Type the
fingerprint that `keyward token request` shows there; take it from there by another way than the
request came. What is for b.request is written to b.request.answer, for `keyward token import`."
)]
pub(in crate::cli) struct Init {
    /// Make masters that several tokens hold.
    #[arg(long)]
    ceremony: bool,
    /// What `keyward token request` wrote for another machine's token; may be repeated.
    #[arg(long, value_name = "FILE", requires = "ceremony")]
    request: Vec<PathBuf>,
    /// A fingerprint, instead of typing it; may be repeated.
    #[arg(long, value_name = "SHA-256", requires = "ceremony")]
    fingerprint: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a transport key in this machine's token, under which masters reach it in a ceremony.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward token request b.request --config keyward.toml

The private half never leaves the token and serves once. Bring FILE to the machine that holds the
ceremony (`keyward token init --ceremony`), and its fingerprint by another way."
)]
pub(in crate::cli) struct Request {
    /// Where to write the request.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Of the token at this position of token.replicas, from 1 [default: the token itself]
    #[arg(long, value_name = "N")]
    replica: Option<usize>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Takes the masters that a ceremony made for this machine's token.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward token import b.request.answer --config keyward.toml

Type the check value that the ceremony showed: it tells that these are its masters and nobody
else's."
)]
pub(in crate::cli) struct Import {
    /// What `keyward token init --ceremony` wrote for this token.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The check value, instead of typing it.
    #[arg(long, value_name = "SHA-256")]
    check: Option<String>,
    /// Into the token at this position of token.replicas, from 1 [default: the token itself]
    #[arg(long, value_name = "N")]
    replica: Option<usize>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// The token itself, or one of the replicas.
fn source(token: &hsm::Config, replica: Option<usize>) -> Result<&Source, Failure> {
    let Some(number) = replica else {
        return Ok(&token.source);
    };
    let source = number.checked_sub(1);
    let source = source.and_then(|position| token.replicas.sources.get(position));
    source.ok_or_else(|| {
        Failure::Refused(format!(
            "there is no replica {number}: token.replicas has {}",
            token.replicas.sources.len()
        ))
    })
}

/// Compares with what the operator says, at the terminal or in an option.
fn agree(question: &str, shown: &str, given: &[String]) -> Result<(), Failure> {
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

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::path(path))
}

impl Init {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = self.place.config()?;
        let store = assembly::store(&config).await?;
        if let Some(deployment) = founding::claimed(&store).await? {
            return Err(Failure::Refused(format!(
                "the database already belongs to the deployment {}; masters are made once",
                deployment.identifier
            )));
        }
        if !self.ceremony {
            let opened = assembly::open(&config).await?;
            self.show(&opened.deployment, None, &[]);
            return Ok(());
        }
        let targets = self.targets(&config)?;
        if targets.is_empty() {
            return Err(Failure::Refused(
                "a ceremony is for several tokens: give --request FILE or set token.replicas"
                    .to_owned(),
            ));
        }
        let mut answers = Vec::new();
        let opened = assembly::open_with(&config, |opening| {
            let token = assembly::token(&config, opening.deployment, true)?;
            answers = hsm::make_masters(&token, &targets)?;
            for (source, answer) in token.replicas.sources.iter().zip(&answers) {
                hsm::take_masters(&token, source, answer)?;
            }
            Hsm::open(token)
        })
        .await?;
        let local = config.token.replicas.len();
        let mut files = Vec::new();
        for (request, answer) in self.request.iter().zip(answers.iter().skip(local)) {
            let mut file = request.clone().into_os_string();
            file.push(".answer");
            let file = PathBuf::from(file);
            let text = serde_json::to_vec_pretty(answer)
                .map_err(|error| Failure::Refused(error.to_string()))?;
            write_private(&file, &text).map_err(Failure::path(&file))?;
            files.push(file);
        }
        let check = answers.first().map(Answer::check_value);
        self.show(&opened.deployment, check.as_deref(), &files);
        Ok(())
    }

    /// Transport keys of the replicas, then of the requests, each with the operator's word for it.
    fn targets(&self, config: &Config) -> Result<Vec<TransportKey>, Failure> {
        let token = assembly::token(config, "", true)?;
        let mut targets = Vec::new();
        for source in &token.replicas.sources {
            let target = hsm::request(source)?;
            eprintln!(
                "token of token.replicas: {}\n  {}",
                target.token,
                target.fingerprint()
            );
            targets.push(target);
        }
        for file in &self.request {
            targets.push(TransportKey::read(&read(file)?)?);
        }
        for target in &targets {
            let question = format!("Fingerprint that the token {:?} shows", target.token);
            agree(&question, &target.fingerprint(), &self.fingerprint)?;
        }
        Ok(targets)
    }

    fn show(&self, deployment: &str, check: Option<&str>, files: &[PathBuf]) {
        if self.json {
            let shown = serde_json::json!({
                "deployment": deployment,
                "check_value": check,
                "answers": files,
            });
            println!("{shown}");
            return;
        }
        println!("deployment   {deployment}");
        if let Some(check) = check {
            println!("check value  {check}");
        }
        for file in files {
            println!("answer       {}", file.display());
        }
    }
}

impl Request {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let token = assembly::token(&self.place.config()?, "", true)?;
        let request = hsm::request(source(&token, self.replica)?)?;
        let text = serde_json::to_vec_pretty(&request)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        write_private(&self.file, &text).map_err(Failure::path(&self.file))?;
        let fingerprint = request.fingerprint();
        if self.json {
            let shown = serde_json::json!({
                "token": request.token,
                "fingerprint": fingerprint,
                "request": self.file,
            });
            println!("{shown}");
            return Ok(());
        }
        println!("token        {}", request.token);
        println!("fingerprint  {fingerprint}");
        println!("request      {}", self.file.display());
        Ok(())
    }
}

impl Import {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let answer = Answer::read(&read(&self.file)?)?;
        let token = assembly::token(&self.place.config()?, &answer.deployment, true)?;
        // Its audit key stays where it is; two machines of one name would write one log.
        if self.replica.is_none() && answer.node() == token.node {
            return Err(Failure::Refused(format!(
                "this node is called {:?} as the one whose token made the masters: set another `node`",
                token.node
            )));
        }
        let check = answer.check_value();
        let given: Vec<String> = self.check.into_iter().collect();
        agree("Check value that the ceremony showed", &check, &given)?;
        hsm::take_masters(&token, source(&token, self.replica)?, &answer)?;
        if self.json {
            let shown = serde_json::json!({
                "deployment": answer.deployment,
                "check_value": check,
                "node": token.node,
            });
            println!("{shown}");
            return Ok(());
        }
        println!("deployment   {}", answer.deployment);
        println!("node         {}", token.node);
        println!("The token has the masters.");
        Ok(())
    }
}
