//! KMIP in HTTPS POST (KMIP Profiles 2.1 §5.6, §5.10, §5.11): one request, its answer, on a connection
//! that stays open.

use std::io::{Read, Write};

use crate::transport::{LARGEST, TransportError};

/// Where the profiles want it (KMIP Profiles 2.1 §5.6.2).
const PATH: &str = "/kmip";
/// Largest head of an answer, in bytes, and its most fields.
const HEAD: usize = 16 * 1024;
const FIELDS: usize = 64;

/// What the head of an answer says.
struct Head {
    /// Bytes of the head itself.
    length: usize,
    status: u16,
    media_type: String,
    body: usize,
    /// The server closes the connection after this answer.
    last: bool,
}

/// An answer's body, and whether the connection may be used again.
pub struct Posted {
    pub body: Vec<u8>,
    pub open: bool,
}

/// `host`: what the Host field says.
pub fn post(
    stream: &mut (impl Read + Write),
    host: &str,
    media_type: &str,
    body: &[u8],
) -> Result<Posted, TransportError> {
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\nAccept: {media_type}\r\n\
         Content-Length: {}\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request)?;
    stream.flush()?;
    let (head, mut answer) = read_head(stream)?;
    if head.status != 200 {
        return Err(TransportError::Http(format!("status {}", head.status)));
    }
    if head.media_type != media_type {
        let said = format!(
            "the content type is {:?}, not {media_type}",
            head.media_type
        );
        return Err(TransportError::Http(said));
    }
    if head.body > LARGEST {
        return Err(TransportError::TooLong(head.body));
    }
    let mut body = answer.split_off(head.length);
    let came = body.len();
    if came > head.body {
        let said = format!("{} bytes after the answer", came - head.body);
        return Err(TransportError::Http(said));
    }
    body.resize(head.body, 0);
    let (_, rest) = body.split_at_mut(came);
    stream.read_exact(rest)?;
    Ok(Posted {
        body,
        open: !head.last,
    })
}

/// The head, and the bytes that came: the head's and perhaps some of the body.
fn read_head(stream: &mut impl Read) -> Result<(Head, Vec<u8>), TransportError> {
    let mut came = Vec::new();
    let mut step = [0; 4096];
    loop {
        let read = stream.read(&mut step)?;
        if read == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        came.extend_from_slice(step.get(..read).unwrap_or_default());
        if let Some(head) = parse(&came)? {
            return Ok((head, came));
        }
        if came.len() > HEAD {
            return Err(TransportError::Http(format!("a head of over {HEAD} bytes")));
        }
    }
}

/// None: not all of it is there.
fn parse(bytes: &[u8]) -> Result<Option<Head>, TransportError> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    let parsed = answer.parse(bytes);
    let parsed = parsed.map_err(|error| TransportError::Http(error.to_string()))?;
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let field = |name: &str| {
        let mut found = answer.headers.iter();
        let found = found.find(|field| field.name.eq_ignore_ascii_case(name));
        found.map(|field| String::from_utf8_lossy(field.value).trim().to_owned())
    };
    let body = field("Content-Length").and_then(|text| text.parse().ok());
    let media_type = field("Content-Type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default();
    Ok(Some(Head {
        length,
        status: answer.code.unwrap_or(0),
        media_type: media_type.trim().to_ascii_lowercase(),
        // The server knows the length of every answer before it sends the first byte.
        body: body.ok_or_else(|| TransportError::Http("no Content-Length".to_owned()))?,
        last: field("Connection").is_some_and(|word| word.eq_ignore_ascii_case("close")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, and what is still to be read, three bytes at a time.
    struct Line(Vec<u8>, Vec<u8>);

    impl Read for Line {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let most = into.len().min(3).min(self.1.len());
            let part: Vec<u8> = self.1.drain(..most).collect();
            into.iter_mut()
                .zip(&part)
                .for_each(|(to, from)| *to = *from);
            Ok(part.len())
        }
    }

    impl Write for Line {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn answered(answer: &str) -> (Vec<u8>, Result<Posted, TransportError>) {
        let mut line = Line(Vec::new(), answer.as_bytes().to_vec());
        let posted = post(&mut line, "here", "text/xml", b"<a/>");
        (line.0, posted)
    }

    #[test]
    fn a_body_of_the_length_and_kind_that_the_head_says() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml; charset=utf-8\r\n";
        let (sent, posted) = answered(&format!("{head}content-length: 4\r\n\r\n<b/>"));
        assert!(posted.is_ok_and(|posted| posted.body == b"<b/>" && posted.open));
        assert!(sent.starts_with(b"POST /kmip HTTP/1.1\r\nHost: here\r\n"));
        assert!(sent.ends_with(b"\r\n\r\n<a/>"));
        let (_, last) = answered(&format!(
            "{head}connection: close\r\ncontent-length: 4\r\n\r\n<b/>"
        ));
        assert!(last.is_ok_and(|posted| !posted.open));
    }

    #[test]
    fn anything_else_is_told() {
        for (answer, told) in [
            ("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", "status 403"),
            ("HTTP/1.1 200 OK\r\n\r\n", "no Content-Length"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1",
                "content type",
            ),
            ("TTLV\r\n\r\n", "HTTP"),
        ] {
            let (_, posted) = answered(answer);
            let error = posted.err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains(told)), "{told}");
        }
        let (_, cut) = answered("HTTP/1.1 200 OK\r\ncontent-le");
        assert!(matches!(cut, Err(TransportError::Connection(_))));
    }
}
