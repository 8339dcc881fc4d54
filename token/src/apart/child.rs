use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::connection::{OPEN_SESSION, begun, content, receive, send};
use super::passing;
use super::wire::{Reader, Templates, Wire};
use crate::calls::{ModuleCall, SessionCall, Slot};
use crate::direct::{Module, Session};
use crate::error::Error;

/// Serves the embedded token to the process that started this one (see [`super::Program`]), until
/// that ends. To be called before anything else is opened: whatever was inherited is closed.
///
/// # Errors
/// When standard input is no socket of [`super::Process`].
pub fn serve() -> io::Result<()> {
    forget_the_parent();
    let connections = io::stdin();
    while let Some(stream) = passing::next(connections.as_fd())? {
        let name = "connection".to_owned();
        let serve = move || drop(serve_connection(&stream));
        std::thread::Builder::new().name(name).spawn(serve)?;
    }
    Ok(())
}

/// Its files, and the signals that are meant for it: it answers what is under way before it ends,
/// and its end is this process's.
fn forget_the_parent() {
    // SAFETY: the caller has opened nothing, so these belong to nobody here.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: no handler is installed that could run.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Calls of the module until one opens a session, then calls of that.
fn serve_connection(stream: &UnixStream) -> io::Result<()> {
    let module = Module::embedded().map_err(io::Error::other)?;
    let mut session = None;
    let done = loop {
        match answer_next(stream, module, &mut session) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Some(session) = session {
        session.close().map_err(io::Error::other)?;
    }
    done
}

/// False at the end.
fn answer_next(
    stream: &UnixStream,
    module: &'static Module,
    session: &mut Option<Session>,
) -> io::Result<bool> {
    let Some(message) = receive(stream)? else {
        return Ok(false);
    };
    let (templates, mut answer) = (Templates::default(), begun());
    let mut from = Reader::new(content(&message), &templates);
    let call = u8::take(&mut from);
    let answered = call.and_then(|call| match session {
        Some(session) => SessionCall::answer(session, call, &mut from, &mut answer),
        None if call == OPEN_SESSION => {
            let opened = module.open_session(Slot::take(&mut from)?);
            let done: Result<(), Error> = opened.map(|opened| *session = Some(opened));
            done.put(&mut answer);
            Some(())
        }
        None => ModuleCall::answer(module, call, &mut from, &mut answer),
    });
    answered.ok_or(io::ErrorKind::InvalidData)?;
    send(stream, &mut answer)?;
    Ok(true)
}
