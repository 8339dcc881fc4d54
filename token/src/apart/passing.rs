//! Sockets that pass through a socket (SCM_RIGHTS).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

pub(super) fn pass(through: &UnixStream, socket: &UnixStream) -> io::Result<()> {
    let sockets = [socket.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&sockets)];
    let byte = [IoSlice::new(&[0])];
    sendmsg::<()>(
        through.as_fd().as_raw_fd(),
        &byte,
        &rights,
        MsgFlags::empty(),
        None,
    )?;
    Ok(())
}

/// The next socket; None when there will be no more.
pub(super) fn next(through: BorrowedFd<'_>) -> io::Result<Option<UnixStream>> {
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!(RawFd);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = loop {
        match recvmsg::<()>(through.as_raw_fd(), &mut bytes, Some(&mut space), flags) {
            Err(nix::errno::Errno::EINTR) => {}
            other => break other?,
        }
    };
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(sockets) = part
            && let Some(socket) = sockets.first()
        {
            // SAFETY: the system has just made it for this process, and nobody else knows it.
            let socket = unsafe { OwnedFd::from_raw_fd(*socket) };
            return Ok(Some(socket.into()));
        }
    }
    match message.bytes {
        0 => Ok(None),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
