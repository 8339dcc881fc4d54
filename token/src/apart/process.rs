use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::connection::{Connection, OPEN_SESSION};
use super::passing;
use super::wire::Wire;
use crate::calls::Slot;
use crate::error::Error;

/// How the token's process is started: a program that calls [`super::serve`].
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

/// A process that holds a token. It is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    connections: UnixStream,
}

impl Process {
    pub(crate) fn start(program: &Program) -> Result<Process, Error> {
        let failed = |error: std::io::Error| {
            let path = program.path.display();
            Error::Process(format!(
                "the token's process {path} does not start: {error}"
            ))
        };
        let (connections, its) = UnixStream::pair().map_err(failed)?;
        let child = Command::new(&program.path)
            // As people know it from this process.
            .arg0(std::env::args_os().next().unwrap_or_default())
            .args(&program.arguments)
            // This process's may hold a password (KEYWARD_DATABASE_URL).
            .env_clear()
            .stdin(OwnedFd::from(its))
            .stdout(Stdio::null())
            // The terminal's signals are for this process alone.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Process { child, connections })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn connect(&self) -> Result<Connection, Error> {
        let id = self.id();
        let passed = UnixStream::pair().and_then(|(stream, its)| {
            passing::pass(&self.connections, &its)?;
            Ok(Connection { stream, id })
        });
        passed.map_err(|error| {
            Error::Process(format!("the token's process {id} takes no calls: {error}"))
        })
    }

    /// A call of the module.
    pub(crate) fn ask<T: for<'a> Wire<'a>>(
        &self,
        call: u8,
        arguments: impl FnOnce(&mut Vec<u8>),
    ) -> Result<T, Error> {
        self.connect()?.ask(call, arguments)
    }

    /// A session, which is open as long as its connection.
    pub(crate) fn open_session(&self, slot: Slot) -> Result<Connection, Error> {
        let connection = self.connect()?;
        connection.ask::<()>(OPEN_SESSION, |message| slot.put(message))?;
        Ok(connection)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; what is left of it is taken away in any case.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
