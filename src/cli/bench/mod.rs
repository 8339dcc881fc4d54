//! `keyward bench`: how fast a KMIP server is, this one or another.

mod echo;
mod line;
mod load;
mod operation;
mod report;
mod request;
mod scene;
mod stock;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use self::echo::Echo;
use self::line::Target;
use self::load::{Plan, Settings, Tally};
use self::operation::{OPERATIONS, Row};
use self::report::{Measured, Paced, Progress, grouped};
use self::request::Trouble;
use self::scene::Scene;
use super::Failure;
use super::place::Place;
use crate::config::Address;

/// Measures a KMIP server: requests per second and latency of each operation.
///
/// Every connection has one request in flight. What it makes is destroyed at the end.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward bench --operations get,encrypt-gcm-4k --echo

Any server that speaks KMIP 1.4 over mutual TLS can be measured:

  keyward bench --server kms.example:5696 --ca ca.pem --cert client.pem --key client.key

Without them the files of a quickstart in ./keyward-data are used (--dir: elsewhere). It runs on the
machine that it runs on: against a server on the same one both share its cores, and \"of echo\"
(--echo) says what is left of the rate of a server that does nothing. `keyward bench --list` names
the operations. derive needs a master:

  keyward key create-master bench --owner first-client --scope bench
  keyward bench --operations derive,derive-100 --master bench"
)]
pub(super) struct Bench {
    /// [default: where the quickstart's configuration says]
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<Address>,
    /// Who vouches for the server, PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The client's certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The client's private key, PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Only these, in this order, with commas between.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = known)]
    operations: Vec<String>,
    /// Names the operations and ends.
    #[arg(long)]
    list: bool,
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// How long each operation is measured.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// How long it runs before that.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    warm_up: Duration,
    /// How many named keys get, get-attributes and locate-name choose from.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    keys: u32,
    /// Measures each operation also against a server that does nothing, in this process.
    #[arg(long)]
    echo: bool,
    /// Measures at this many iterations per second; `half`: as fast as it goes, then at half of that.
    #[arg(long, value_name = "RATE|half", value_parser = rate)]
    rate: Option<Rate>,
    /// Name of the derivation master for derive.
    #[arg(long, value_name = "NAME")]
    master: Option<String>,
    /// The scope to derive for.
    #[arg(long, value_name = "SCOPE", default_value = "bench")]
    scope: String,
    /// First makes this many more objects, which stay: to see how the store grows.
    #[arg(long, value_name = "N", default_value_t = 0)]
    fill: u32,
    /// Leaves what was made.
    #[arg(long)]
    keep: bool,
    /// Answer in JSON, one document at the end.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rate {
    Half,
    Fixed(f64),
}

fn rate(text: &str) -> Result<Rate, String> {
    match (text, text.parse::<f64>()) {
        ("half", _) => Ok(Rate::Half),
        (_, Ok(rate)) if rate > 0.0 && rate < 1e7 => Ok(Rate::Fixed(rate)),
        _ => Err("expected `half`, or a number of iterations per second".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= 3600.0);
    let seconds = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected seconds, up to 3600".to_owned())
}

fn known(text: &str) -> Result<String, String> {
    match OPERATIONS.iter().any(|row| row.name == text) {
        true => Ok(text.to_owned()),
        false => Err("`keyward bench --list` names the operations".to_owned()),
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        Failure::Refused(trouble.to_string())
    }
}

impl Bench {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.list {
            for row in OPERATIONS {
                println!("{:<18} {}", row.name, row.about);
            }
            return Ok(());
        }
        let target = self.target()?;
        let master = self.master.clone().map(|name| (name, self.scope.clone()));
        let connections = usize::from(self.connections);
        let mut scene = Scene::new(target, self.keys as usize, connections, master);
        scene
            .ask(&request::discover_versions(), 1)
            .map_err(|trouble| {
                Failure::Refused(format!(
                    "{} does not answer: {trouble}",
                    scene.target.server
                ))
            })?;
        let progress = Progress::new();
        let measured = self.measure(&mut scene, &progress);
        // Also where it failed: nothing of ours is left behind.
        let cleaned = self.clean(&mut scene, &progress);
        progress.end();
        if let (Err(_), Err(left)) = (&measured, &cleaned) {
            eprintln!("keyward: {left}");
        }
        match (measured?, cleaned?) {
            (0, ()) => Ok(()),
            (failed, ()) => Err(Failure::Refused(format!(
                "{} requests came to nothing; the figures of their operations are worth nothing",
                grouped(failed as f64)
            ))),
        }
    }

    /// Measures what is wanted and says so; how many requests failed.
    fn measure(&self, scene: &mut Scene, progress: &Progress) -> Result<u64, Failure> {
        self.fill(scene, progress)?;
        let echo = self
            .echo
            .then(|| Echo::start(scene.version()))
            .transpose()?;
        let settings = Settings {
            connections: scene.connections,
            warm_up: self.warm_up,
            seconds: self.seconds,
            rate: None,
        };
        let (mut failed, mut results) = (0, Vec::new());
        let tls = scene.tls();
        if !self.json {
            println!(
                "KMIP 1.4 over {tls}; {} connections, {} s after {} s of warm-up\n\n{}",
                self.connections,
                self.seconds.as_secs_f64(),
                self.warm_up.as_secs_f64(),
                report::HEAD
            );
        }
        for row in self.rows() {
            progress.say(&format!("{}: makes ready", row.name));
            let plan = match row.prepare(scene) {
                Ok(plan) => plan,
                Err(Trouble::Refused(why)) => {
                    progress.end();
                    results.push(json!({"operation": row.name, "refused": why}));
                    self.say(&format!("{:<18} refused: {why}", row.name));
                    continue;
                }
                Err(trouble) => {
                    return Err(Failure::Refused(format!("{}: {trouble}", row.name)));
                }
            };
            let measured = self.one(row, plan, scene, echo.as_ref(), settings, progress)?;
            progress.end();
            measured
                .lines(row.name)
                .iter()
                .for_each(|line| self.say(line));
            failed += measured.failed();
            results.push(measured.json(row.name, &settings));
        }
        if self.json {
            let report = json!({
                "kmip": "1.4",
                "run": scene.run,
                "tls": tls,
                "connections": self.connections,
                "keys": self.keys,
                "fill": self.fill,
                "operations": results,
            });
            println!("{report:#}");
        }
        Ok(failed)
    }

    /// One operation: the echo, the server, and both at half of the server's rate.
    fn one(
        &self,
        row: &Row,
        plan: Plan,
        scene: &mut Scene,
        echo: Option<&Echo>,
        settings: Settings,
        progress: &Progress,
    ) -> Result<Measured, Failure> {
        scene.hang_up();
        let echoed = |settings: &Settings| {
            let Some(echo) = echo else { return Ok(None) };
            echo.answer(&plan.answers);
            let what = format!("{} of the echo", row.name);
            let mut tally = load::run(&echo.target, &plan, settings, |answered, since| {
                progress.requests(&what, answered, since);
            })?;
            // The echo made nothing.
            tally.made.clear();
            Ok::<_, Failure>(Some(tally))
        };
        let highest = echoed(&settings)?;
        let target = scene.target.clone();
        let mut seen = |answered, since| progress.requests(row.name, answered, since);
        let fixed = match self.rate {
            Some(Rate::Fixed(rate)) => Some(rate),
            _ => None,
        };
        let at = |rate| Settings { rate, ..settings };
        let mut peak = load::run(&target, &plan, &at(fixed), &mut seen)?;
        note(scene, &mut peak);
        let half = peak.iterations as f64 / peak.seconds.max(1e-9) / 2.0;
        let paced = match self.rate {
            Some(Rate::Half) if half > 0.0 => {
                let mut tally = load::run(&target, &plan, &at(Some(half)), &mut seen)?;
                note(scene, &mut tally);
                Some(Paced {
                    rate: half,
                    server: tally,
                    echo: echoed(&at(Some(half)))?,
                })
            }
            _ => None,
        };
        Ok(Measured {
            plan,
            peak,
            echo: highest,
            paced,
        })
    }

    fn rows(&self) -> Vec<&'static Row> {
        match self.operations.is_empty() {
            true => OPERATIONS.iter().collect(),
            false => {
                let wanted = self.operations.iter();
                let row = |name: &String| OPERATIONS.iter().find(|row| row.name == *name);
                wanted.filter_map(row).collect()
            }
        }
    }

    fn say(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    /// Objects that stay.
    fn fill(&self, scene: &Scene, progress: &Progress) -> Result<(), Failure> {
        if self.fill == 0 {
            return Ok(());
        }
        let prefix = format!("keyward-bench-fill-{}-", uuid::Uuid::new_v4());
        let (count, begun) = (self.fill as usize, std::time::Instant::now());
        let connections = scene.connections.max(16);
        stock::create(&scene.target, &prefix, count, connections, |done| {
            progress.objects("fills the store", done, count);
        })?;
        progress.end();
        let seconds = begun.elapsed().as_secs_f64();
        self.say(&format!(
            "{} objects made in {seconds:.1} s, {}/s; they stay",
            grouped(f64::from(self.fill)),
            grouped(f64::from(self.fill) / seconds)
        ));
        Ok(())
    }

    fn clean(&self, scene: &mut Scene, progress: &Progress) -> Result<(), Failure> {
        let made = std::mem::take(&mut scene.made);
        if self.keep || made.is_empty() {
            return Ok(());
        }
        let (target, count) = (&scene.target, made.len());
        stock::destroy(target, &made, scene.connections.max(16), |done| {
            progress.objects("destroys what it made", done, count);
        })
        .map_err(|trouble| {
            Failure::Refused(format!(
                "not all that was made could be destroyed; their names begin with keyward-bench: {trouble}"
            ))
        })
    }

    /// The server, from the options or from the quickstart's directory.
    fn target(&self) -> Result<Target, Failure> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => self.place.config()?.server.listen,
        };
        let directory = self.place.directory();
        let of_quickstart = |name: &str| directory.join("pki").join(name);
        let file =
            |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| of_quickstart(name));
        Target::new(
            &server,
            &file(&self.ca, "ca.pem"),
            &file(&self.cert, "client.pem"),
            &file(&self.key, "client.key"),
        )
    }
}

/// Objects that a run made are destroyed at the end.
fn note(scene: &mut Scene, tally: &mut Tally) {
    let made = std::mem::take(&mut tally.made);
    scene
        .made
        .extend(made.into_iter().map(|id| stock::Made { id, active: false }));
}
