//! `keyward token check`, `join`: tokens that hold the same masters, by ceremony or by the
//! vendor's cloning.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::place::Place;
use crate::cli::{Failure, assembly};
use crate::engine::founding;
use crate::hsm::{self, Hsm, HsmError, Source};

/// Shows whether all configured tokens hold the same masters, by what each one answers.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token check --config keyward.toml

Each master wraps or signs a constant in its token; shown is the SHA-256 of what comes out. Fails
where a token does not answer, lacks a master or holds another one. Compare the values of two
machines to see that their tokens are replicas, after the vendor's cloning for instance.")]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Makes this node's audit key in a token that has the masters already, cloned by its vendor's tool.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token join --config keyward.toml

An audit key is its node's own: it is not cloned with the masters. What came by
`keyward token import` has one.")]
pub(in crate::cli) struct Join {
    #[command(flatten)]
    place: Place,
}

/// Of one token: its answers by master, or why there are none.
type Answers = Result<BTreeMap<String, String>, HsmError>;

fn name(source: &Source) -> String {
    match source {
        Source::Embedded { dir } => dir.display().to_string(),
        Source::Module { label, .. } => label.clone(),
    }
}

impl Check {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = self.place.config()?;
        let store = assembly::store(&config).await?;
        let deployment = founding::claimed(&store).await?.ok_or_else(|| {
            Failure::Refused("the database is empty: there are no masters yet".to_owned())
        })?;
        let token = assembly::token(&config, &deployment.identifier, deployment.ceremony)?;
        let sources = [&token.source].into_iter().chain(&token.replicas.sources);
        let asked = |source: &Source| -> (String, Answers) {
            let answers = hsm::known_answers(source, &deployment.identifier);
            (name(source), answers.map(BTreeMap::from_iter))
        };
        let tokens: Vec<(String, Answers)> = sources.map(asked).collect();
        let first = tokens.iter().find_map(|(_, answers)| answers.as_ref().ok());
        let same = |answers: &Answers| match (answers, first) {
            (Ok(answers), Some(first)) => !answers.is_empty() && answers == first,
            _ => false,
        };
        let agree = tokens.iter().all(|(_, answers)| same(answers));
        let every: BTreeMap<&String, &String> = tokens
            .iter()
            .rev()
            .filter_map(|(_, answers)| answers.as_ref().ok())
            .flatten()
            .collect();
        // Against what the first token has, or the first that has it.
        let differing = |answers: &BTreeMap<String, String>| -> Vec<String> {
            let wrong = |(name, answer): (&&String, &&String)| match answers.get(*name) {
                None => Some(format!("{name} is missing")),
                Some(own) if own != *answer => Some(format!("{name} is another key")),
                Some(_) => None,
            };
            every.iter().filter_map(wrong).collect()
        };
        if self.json {
            let shown = |(name, answers): &(String, Answers)| match answers {
                Ok(answers) => serde_json::json!({
                    "token": name,
                    "masters": answers,
                    "differs": differing(answers),
                }),
                Err(error) => serde_json::json!({"token": name, "error": error.to_string()}),
            };
            let tokens: Vec<_> = tokens.iter().map(shown).collect();
            println!("{}", serde_json::json!({"agree": agree, "tokens": tokens}));
        } else {
            for (name, answers) in &tokens {
                println!("{name}");
                match answers {
                    Ok(answers) if answers.is_empty() => println!("  no masters"),
                    Ok(answers) => {
                        answers
                            .iter()
                            .for_each(|(master, answer)| println!("  {master:8} {answer}"));
                        for what in differing(answers) {
                            println!("  {what}");
                        }
                    }
                    Err(error) => println!("  {error}"),
                }
            }
        }
        match agree {
            true => Ok(()),
            false => Err(Failure::Refused(
                "the tokens do not all hold the same masters; what is on its way to them, or being destroyed, `keyward token versions` tells".to_owned(),
            )),
        }
    }
}

impl Join {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = self.place.config()?;
        let opened = assembly::open_with(&config, |opening| {
            if opening.first {
                return Err(HsmError::Damaged(
                    "the database is empty: give the deployment's, or make one with `keyward token init`"
                        .into(),
                ));
            }
            let token = assembly::token(&config, opening.deployment, opening.ceremony)?;
            Hsm::join(token)
        })
        .await?;
        let key = opened.hsm.audit_public_key().await?;
        println!("deployment  {}", opened.deployment);
        println!("audit key   {}", hex::encode(key));
        Ok(())
    }
}
