//! `keyward user`: whom a credential in the header of a request may name.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use nix::sys::termios::{self, LocalFlags, SetArg};
use zeroize::Zeroizing;

use super::place::Place;
use super::{Failure, assembly};
use crate::engine::founding;
use crate::engine::freshness::Freshness;
use crate::engine::session::register::{Listed, NewUser, Register};
use crate::engine::session::user::Device;
use crate::protocol::enumeration::{Enumeration, Operation};

/// Users and devices that clients name in their requests, beside their certificate.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward user add array-7 --password-file ./password")]
pub(super) struct UserFamily {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    Add(Box<Add>),
    List(List),
    Remove(Remove),
    Password(Password),
    OneTime(OneTime),
}

/// Where a password comes from: never from the command line, where everybody on the host sees it.
#[derive(Debug, Args)]
struct Source {
    /// A file that holds the password; without an option it is asked for at the terminal.
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    password_file: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// Where the users are.
#[derive(Debug, Args)]
struct Whose {
    /// The tenant of the users.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

/// Adds a user, or a device.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward user add array-7 --identity array-7 --password-file ./password

A device: keyward user add tape-3 --device-serial-number 1LT0042 --no-password
Narrowed: keyward user add reader --operation Get --operation Locate"
)]
struct Add {
    /// Name of the user, unique in its tenant.
    name: String,
    #[command(flatten)]
    source: Source,
    /// A device that shows only what it is, beside its certificate.
    #[arg(long, conflicts_with_all = ["password_file", "password_stdin", "hashed"])]
    no_password: bool,
    /// Accept Hashed Password, too. What is kept for it is as good as the password to whoever
    /// opens the tenant's seal.
    #[arg(long)]
    hashed: bool,
    /// Only clients of this identity may be this user.
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// Leave this operation to whoever shows the credential, and nothing else; may be repeated.
    #[arg(long = "operation", value_name = "OPERATION", value_parser = operation)]
    operations: Vec<Operation>,
    /// A device's Device Serial Number.
    #[arg(long, value_name = "TEXT")]
    device_serial_number: Option<String>,
    /// A device's Device Identifier.
    #[arg(long, value_name = "TEXT")]
    device_identifier: Option<String>,
    /// A device's Network Identifier.
    #[arg(long, value_name = "TEXT")]
    network_identifier: Option<String>,
    /// A device's Machine Identifier.
    #[arg(long, value_name = "TEXT")]
    machine_identifier: Option<String>,
    /// A device's Media Identifier.
    #[arg(long, value_name = "TEXT")]
    media_identifier: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Shows all users of a tenant; never a password.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward user list --tenant storage --json")]
struct List {
    #[command(flatten)]
    whose: Whose,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Removes a user; its tickets end at once.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward user remove array-7 --yes")]
struct Remove {
    name: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    whose: Whose,
}

/// Sets another password; the user's tickets end at once.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward user password array-7 --password-stdin < ./password")]
struct Password {
    name: String,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    whose: Whose,
}

/// Makes one-time passwords in the place of those that are left, and shows them this once.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward user one-time array-7 --count 20 --json")]
struct OneTime {
    name: String,
    /// How many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    count: u8,
    #[command(flatten)]
    whose: Whose,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl UserFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            UserCommand::Add(command) => super::block_on(command.run()),
            UserCommand::List(command) => super::block_on(command.run()),
            UserCommand::Remove(command) => super::block_on(command.run()),
            UserCommand::Password(command) => super::block_on(command.run()),
            UserCommand::OneTime(command) => super::block_on(command.run()),
        }
    }
}

fn operation(name: &str) -> Result<Operation, String> {
    Operation::TABLE
        .rows
        .iter()
        .find(|row| row.name == name)
        .map(|row| Operation(row.value))
        .ok_or_else(|| {
            "expected the standard's name, such as Get, Locate or GetAttributes".to_owned()
        })
}

impl Source {
    /// The password without the line end that editors leave.
    fn read(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = &self.password_file {
            let bytes = Zeroizing::new(std::fs::read(file).map_err(Failure::path(file))?);
            return line(&bytes);
        }
        if self.password_stdin {
            let mut bytes = Zeroizing::new(Vec::new());
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(Failure::io("standard input"))?;
            return line(&bytes);
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::Refused(
                "there is no terminal to ask for the password at; give it with --password-file or --password-stdin"
                    .to_owned(),
            ));
        }
        let (first, second) = (asked("Password: ")?, asked("Again: ")?);
        match first == second {
            true => Ok(first),
            false => Err(Failure::Refused("the two are not the same".to_owned())),
        }
    }
}

fn line(bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| Failure::Refused("the password is not UTF-8 text".to_owned()))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Asks at the terminal without showing what is typed.
fn asked(question: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: nix::Error| Failure::Io {
        what: "the terminal".to_owned(),
        cause: error.into(),
    };
    let input = std::io::stdin();
    eprint!("{question}");
    let _ = std::io::stderr().flush();
    let shown = termios::tcgetattr(&input).map_err(failed)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    termios::tcsetattr(&input, SetArg::TCSAFLUSH, &hidden).map_err(failed)?;
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let read = input.read_line(&mut text);
    termios::tcsetattr(&input, SetArg::TCSAFLUSH, &shown).map_err(failed)?;
    eprintln!();
    read.map_err(Failure::io("the terminal"))?;
    line(text.as_bytes())
}

impl Whose {
    /// Runs a job with the tenant's register.
    async fn register<T>(
        &self,
        job: impl AsyncFnOnce(Register<'_>) -> Result<T, founding::FoundingError>,
    ) -> Result<T, Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let register = Register {
            store: &opened.store,
            hsm: &opened.hsm,
            clock: &opened.clock,
            tenant,
            freshness: Freshness::default(),
        };
        Ok(job(register).await?)
    }
}

impl Add {
    fn device(&self) -> Option<Device> {
        let device = Device {
            serial_number: self.device_serial_number.clone(),
            identifier: self.device_identifier.clone(),
            network: self.network_identifier.clone(),
            machine: self.machine_identifier.clone(),
            media: self.media_identifier.clone(),
        };
        (!device.is_empty()).then_some(device)
    }

    async fn run(self) -> Result<(), Failure> {
        let password = match self.no_password {
            true => None,
            false => Some(self.source.read()?),
        };
        let new = NewUser {
            name: &self.name,
            password: password.as_ref().map(|password| password.as_str()),
            hashed: self.hashed,
            device: self.device(),
            identity: self.identity.as_deref(),
            operations: (!self.operations.is_empty()).then(|| self.operations.clone()),
        };
        self.whose
            .register(async |register| register.add(new).await)
            .await?;
        match self.json {
            true => println!(
                "{}",
                serde_json::json!({ "name": self.name, "tenant": self.whose.tenant })
            ),
            false => println!(
                "{} may be named by clients of tenant {}",
                self.name, self.whose.tenant
            ),
        }
        Ok(())
    }
}

fn for_people(user: &Listed) -> String {
    let mut words = vec![user.name.clone()];
    words.push(match user.removed {
        Some(when) => format!("removed {}", super::client::date(when)),
        None => format!("since {}", super::client::date(user.created)),
    });
    if user.device.is_some() {
        words.push("device".to_owned());
    }
    words.extend(user.identity.iter().map(|name| format!("of {name}")));
    words.extend(
        user.operations
            .iter()
            .map(|operations| format!("only {}", operations.join(", "))),
    );
    if user.hashed {
        words.push("hashed password".to_owned());
    }
    if user.one_time_passwords > 0 {
        words.push(format!("{} one-time passwords", user.one_time_passwords));
    }
    words.join("  ")
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let users = self
            .whose
            .register(async |register| register.list().await)
            .await?;
        match self.json {
            true => println!("{}", serde_json::json!(users)),
            false => users
                .iter()
                .for_each(|user| println!("{}", for_people(user))),
        }
        Ok(())
    }
}

impl Remove {
    async fn run(self) -> Result<(), Failure> {
        if !self.yes && !super::confirmed(&format!("Remove {:?}?", self.name))? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        self.whose
            .register(async |register| register.remove(&self.name).await)
            .await?;
        println!("{} is removed", self.name);
        Ok(())
    }
}

impl Password {
    async fn run(self) -> Result<(), Failure> {
        let password = self.source.read()?;
        self.whose
            .register(async |register| register.set_password(&self.name, &password).await)
            .await?;
        println!("{} has another password", self.name);
        Ok(())
    }
}

impl OneTime {
    async fn run(self) -> Result<(), Failure> {
        let codes = self
            .whose
            .register(async |register| register.one_time(&self.name, self.count).await)
            .await?;
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        match self.json {
            true => println!(
                "{}",
                serde_json::json!({ "name": self.name, "one_time_passwords": codes })
            ),
            false => codes.iter().for_each(|code| println!("{code}")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_line_end_is_no_part_of_a_password_and_nothing_else_is_taken_off() {
        let read = |bytes: &[u8]| line(bytes).map(|text| text.to_string()).ok();
        assert_eq!(read(b"secret\n").as_deref(), Some("secret"));
        assert_eq!(read(b"secret\r\n").as_deref(), Some("secret"));
        assert_eq!(read(b" secret \n\n").as_deref(), Some(" secret \n"));
        assert_eq!(read(b"secret").as_deref(), Some("secret"));
        assert_eq!(read(b"\xff"), None);
    }

    #[test]
    fn operations_go_by_the_standards_names() {
        assert_eq!(operation("Get").unwrap(), Operation::GET);
        assert!(operation("get").is_err());
    }
}
