//! `keyward token init`, `request`, `import`: masters that several tokens hold (docs/tokens.md).

use std::path::PathBuf;

use clap::Args;

use crate::cli::bringing::{
    agree, read, read_requests, show_waits, vouch, waits_json, write_answers,
};
use crate::cli::place::Place;
use crate::cli::rotate::Works;
use crate::cli::{Failure, assembly};
use crate::config::Config;
use crate::engine::{founding, masters};
use crate::hsm::{self, Answer, Hsm, Request as TransportKey, Source};
use crate::secret::write_private;

/// Makes a deployment: the masters in its token, and its rows in an empty database.
///
/// With --ceremony the masters are made for several tokens: the configured one, those of
/// token.replicas, and those whose requests are given.
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
ceremony (`keyward token init --ceremony`, `keyward token rotate --request`), and its fingerprint by
another way."
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
else's. The next version of a master (`keyward token rotate --request`) needs none: the database says
what it is."
)]
pub(in crate::cli) struct Import {
    /// What `keyward token init --ceremony`, or a later ceremony, wrote for this token.
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
        let elsewhere = answers.get(local..).unwrap_or_default();
        let files = write_answers(&self.request, elsewhere)?;
        let deployment = opened.deployment.clone();
        drop(opened);
        enter(&self.place).await;
        let check = answers.first().map(Answer::check_value);
        self.show(&deployment, check.as_deref(), &files);
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
        targets.extend(read_requests(&self.request)?);
        vouch(&targets, &self.fingerprint)?;
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
        if answer.is_next() {
            return self.next(answer).await;
        }
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
        enter(&self.place).await;
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
    /// Later versions, for a token that has the masters already.
    async fn next(self, answer: Answer) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        // The database says, under a MAC of these masters, which ones are on their way: nobody has to
        // compare a value.
        let position = self.replica.unwrap_or(0);
        let plan = masters::import(works.ground(), position, answer).await?;
        if self.json {
            let waits = waits_json(&plan.waits);
            println!("{}", serde_json::json!({"used": plan.used, "waits": waits}));
            return Ok(());
        }
        println!("The token has what the ceremony made.");
        for version in &plan.used {
            println!("{version} is in all tokens: everything new is under it");
        }
        show_waits(&plan.waits, &[]);
        Ok(())
    }
}

/// Says in the database which tokens this node has, so that nothing is made or destroyed without them.
async fn enter(place: &Place) {
    let entered = async {
        let works = Works::open(place).await?;
        Ok::<_, Failure>(masters::complete(works.ground()).await.map(drop)?)
    };
    if let Err(error) = entered.await {
        eprintln!(
            "The database does not say yet that this node's tokens have the masters ({error}): start the server, or give `keyward token versions`, before the next rotation."
        );
    }
}
