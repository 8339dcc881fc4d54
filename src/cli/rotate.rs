//! `keyward token versions`, `rotate`, `retire`, `destroy`: the masters' versions.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::assembly::Opened;
use super::bringing::{Bringing, show_waits, waits_json};
use super::place::Place;
use super::{Failure, assembly};
use crate::audit::administration::ADMINISTRATOR;
use crate::config::Config;
use crate::engine::masters::{self, Ground, MastersError, Pace, Targets, Turn};
use crate::hsm::MasterKind;
use crate::store::archive::Archive;

/// How often the bar is drawn, and how often it is looked whether another process is done.
const LOOK: Duration = Duration::from_millis(200);

impl From<MastersError> for Failure {
    fn from(error: MastersError) -> Self {
        match error {
            MastersError::Store(error) => error.into(),
            MastersError::Token(error) => error.into(),
            other => Failure::Refused(other.to_string()),
        }
    }
}

/// Store, token and archive of a command.
pub(super) struct Works {
    pub(super) opened: Opened,
    config: Config,
    archive: Archive,
}

impl Works {
    pub(super) async fn open(place: &Place) -> Result<Works, Failure> {
        let config: Config = place.config()?;
        Ok(Works {
            opened: assembly::open(&config).await?,
            archive: Archive::new(config.archive.directory.clone()),
            config,
        })
    }

    pub(super) fn ground(&self) -> Ground<'_> {
        Ground {
            store: &self.opened.store,
            hsm: &self.opened.hsm,
            clock: &self.opened.clock,
            deployment: &self.opened.deployment,
            archive: &self.archive,
            by: ADMINISTRATOR,
        }
    }
}

/// Shows every version of the masters, and how many rows are still under it.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token versions --json")]
pub(super) struct Versions {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl Versions {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let listed = masters::list(works.ground()).await?;
        if self.json {
            println!("{}", serde_json::json!(listed));
            return Ok(());
        }
        for version in listed {
            let made = version.made.map(super::client::date);
            println!(
                "{:<9} {:<10}  {:>9} rows under it  {}",
                version.name,
                version.state,
                version.under,
                made.unwrap_or_default()
            );
            for place in &version.tokens {
                let has = match &place.answer {
                    Some(answer) => answer.get(..8).unwrap_or_default(),
                    None => "-",
                };
                let away = place.away.as_ref().map(|why| format!("  away: {why}"));
                println!(
                    "    {:<8}  {} of {}{}",
                    has,
                    place.token,
                    place.node,
                    away.unwrap_or_default()
                );
            }
        }
        Ok(())
    }
}

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The key that wraps tenants' keys.
    Kek,
    /// The key of the rows' MACs.
    Mac,
    All,
}

impl What {
    fn kinds(self) -> &'static [MasterKind] {
        match self {
            What::Kek => &[MasterKind::Kek],
            What::Mac => &[MasterKind::Mac],
            What::All => &MasterKind::ALL,
        }
    }
}

/// Makes the next version of the masters and moves everything to it, while the server serves.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token rotate kek

Where several tokens hold the masters this is a ceremony: type the fingerprint of each one's transport
key (docs/tokens.md).

What is made from now on is under the new version. What is under an older one is moved by this
command, or by a running server (--background). Either may be stopped at any time: the other, or
the next one, goes on (--resume). An older version is of use until `keyward token destroy`.")]
pub(super) struct Rotate {
    /// Which masters.
    #[arg(value_enum, default_value = "all")]
    what: What,
    /// Make no new version: move what is still under older ones.
    #[arg(long, conflicts_with = "background")]
    resume: bool,
    #[command(flatten)]
    moving: Moving,
    #[command(flatten)]
    bringing: Bringing,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// How rows are moved.
#[derive(Debug, Args)]
pub(super) struct Moving {
    /// Leave the moving to the running server.
    #[arg(long)]
    background: bool,
    /// Rows per second at the most; 0: as many as it can.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    rate: u64,
}

impl Rotate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let mut made = Vec::new();
        if self.resume {
            return self.moving.end(&works, &made, self.json).await;
        }
        if works.ground().hsm.shares_masters() {
            return self.in_all(&works).await;
        }
        self.bringing.targets(works.ground()).await?;
        for kind in self.what.kinds() {
            let version = masters::make(works.ground(), *kind).await?;
            made.push(kind.called(version));
        }
        self.moving.end(&works, &made, self.json).await
    }

    /// The same where several tokens hold the masters: in a ceremony.
    async fn in_all(&self, works: &Works) -> Result<(), Failure> {
        let (ground, anew) = (works.ground(), self.bringing.to_others());
        let plan = masters::plan(ground, self.what.kinds(), anew).await?;
        let targets = match plan.needs_targets() {
            true => self.bringing.targets(ground).await?,
            false => Targets::default(),
        };
        let carried = masters::carry_out(ground, plan, &targets).await?;
        let files = self.bringing.write(&carried.answers)?;
        if carried.waits.is_empty() {
            return self.moving.end(works, &carried.used, self.json).await;
        }
        if self.json {
            let shown = serde_json::json!({
                "made": carried.used,
                "waits": waits_json(&carried.waits),
                "answers": files,
            });
            println!("{shown}");
            return Ok(());
        }
        for version in &carried.used {
            println!("{version}: everything new is under it");
        }
        show_waits(&carried.waits, &files);
        Ok(())
    }
}

impl Moving {
    /// After new versions were made: says so, and moves what is under older ones unless a server shall.
    pub(super) async fn end(
        &self,
        works: &Works,
        made: &[String],
        json: bool,
    ) -> Result<(), Failure> {
        if !json && !made.is_empty() {
            println!("{}: everything new is under it", made.join(", "));
        }
        let moved = match self.background {
            true => None,
            false => Some(self.run(works).await?),
        };
        if json {
            println!("{}", serde_json::json!({ "made": made, "moved": moved }));
        } else if let Some(moved) = moved {
            println!("{moved} rows were moved; nothing is under an older version");
        }
        Ok(())
    }

    /// Moves rows until nothing is left, here or in another process; how many this one moved.
    pub(super) async fn run(&self, works: &Works) -> Result<u64, Failure> {
        // Rows that cannot be moved are named there.
        super::serve::start_log(&works.config)?;
        let pace = Pace::new(self.rate, Default::default(), Default::default());
        let worker = format!("command-line/{}", std::process::id());
        let (mut all, mut bar) = (0, Bar::default());
        loop {
            let mut turn = std::pin::pin!(masters::turn(works.ground(), &worker, &pace));
            let done = loop {
                tokio::select! {
                    done = &mut turn => break done,
                    () = tokio::time::sleep(LOOK) => bar.draw(&pace),
                }
            };
            match done? {
                Turn::Nothing => break,
                Turn::Elsewhere => {
                    bar.say("a server is moving them");
                    tokio::time::sleep(LOOK).await;
                }
                Turn::Done { moved, stuck: 0 } => all += moved,
                Turn::Done { stuck, .. } => {
                    bar.end();
                    return Err(Failure::Refused(format!(
                        "{stuck} rows could not be moved; the log above names them and why"
                    )));
                }
            }
        }
        bar.end();
        Ok(all)
    }
}

/// How far it is, on a terminal.
#[derive(Debug, Default)]
struct Bar {
    drawn: bool,
}

impl Bar {
    const WIDTH: u64 = 30;

    fn draw(&mut self, pace: &Pace) {
        let (done, left) = (pace.done(), pace.left());
        let all = done + left;
        if all == 0 {
            return;
        }
        let full = usize::try_from(Self::WIDTH * done / all).unwrap_or(0);
        let empty = usize::try_from(Self::WIDTH)
            .unwrap_or(0)
            .saturating_sub(full);
        self.say(&format!(
            "[{}{}] {done} of {all} rows",
            "#".repeat(full),
            " ".repeat(empty)
        ));
    }

    fn say(&mut self, line: &str) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K{line}");
            drop(std::io::stderr().flush());
            self.drawn = true;
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[K");
        }
    }
}
