//! A real server process for tests, made by `keyward quickstart` in a temporary directory on a free
//! port of 127.0.0.1, and a client that sends it bytes over TLS.
//!
//! A keeper (a small shell) holds the server and a pipe to the test process: when that ends, in
//! whatever way, the server stops and its directory goes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned,
};
use ttlv::{Limits, Node};

const KEEPER: &str = r#"
directory=$1; shift
"$@" 2>"$directory/log" & server=$!
exec >/dev/null
cat
kill $server; wait $server; rm -rf "$directory"
"#;

#[derive(Debug)]
pub struct Server {
    pub port: u16,
    /// Of the legacy port.
    pub legacy: u16,
    configuration: Arc<ClientConfig>,
    directory: PathBuf,
    _keeper: Child,
    /// Closed when the test process ends.
    _pipe: Option<ChildStdin>,
}

fn configuration(pki: &Path, certificate: &Path, key: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(pki.join("ca.pem")).expect("the CA"))
        .expect("a CA");
    let certificates = CertificateDer::pem_file_iter(certificate)
        .expect("the client's certificate")
        .collect::<Result<Vec<_>, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_file(key).expect("the client's key");
    let configuration = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates, key)
        .expect("a client");
    Arc::new(configuration)
}

/// The server that all tests of this process share.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::start();
        let user = ["user", "add", "fortigate", "--password-stdin"];
        server.keyward(&user, "agreed on before");
        server
    })
}

impl Server {
    pub fn start() -> Server {
        let directory: PathBuf = tempfile::Builder::new()
            .prefix("keyward-test-")
            .tempdir()
            .expect("a directory")
            .keep();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&directory)
            .args([
                env!("CARGO_BIN_EXE_keyward"),
                "quickstart",
                "--listen",
                "127.0.0.1:0",
                "--dir",
            ])
            .arg(directory.join("data"))
            // What is due is rotated while a test waits for it.
            .env("KEYWARD_ROTATION", "1s")
            .env("KEYWARD_LEGACY_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let port = |line: &str, name: &str| {
            let address = line.split(name).nth(1)?.split_whitespace().next()?;
            address.rsplit(':').next()?.parse().ok()
        };
        let (port, legacy) = BufReader::new(keeper.stdout.take().expect("its output"))
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("ready "))
            .find_map(|line| Some((port(&line, " kmip=")?, port(&line, " legacy=")?)))
            .unwrap_or_else(|| {
                panic!(
                    "no server: {}",
                    std::fs::read_to_string(directory.join("log")).unwrap_or_default()
                )
            });
        let pki = directory.join("data/pki");
        let configuration = configuration(&pki, &pki.join("client.pem"), &pki.join("client.key"));
        let pipe = keeper.stdin.take();
        Server {
            port,
            legacy,
            configuration,
            directory: directory.join("data"),
            _keeper: keeper,
            _pipe: pipe,
        }
    }

    /// A TCP connection on which nothing was said.
    pub fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a time limit");
        socket.set_nodelay(true).expect("no delay");
        socket
    }

    /// Files of the first client: its certificate and its key.
    pub fn first_client(&self) -> [PathBuf; 2] {
        ["client.pem", "client.key"].map(|name| self.directory.join("pki").join(name))
    }

    /// What `keyward WORDS --dir DIR` says, given this to read.
    pub fn keyward(&self, words: &[&str], input: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"))
            .args(words)
            .arg("--dir")
            .arg(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut pipe = command.stdin.take().expect("its input");
        pipe.write_all(input.as_bytes()).expect("it reads");
        drop(pipe);
        let done = command.wait_with_output().expect("its output");
        assert!(done.status.success(), "{words:?}");
        String::from_utf8(done.stdout).expect("text")
    }

    /// A new identity of the first tenant, and what its client connects with.
    pub fn identity(&self, name: &str, options: &[&str]) -> Arc<ClientConfig> {
        self.keyward(&[&["client", "add", name], options].concat(), "");
        let clients = self.directory.join("clients");
        configuration(
            &self.directory.join("pki"),
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
    }

    pub fn connect(&self) -> Client {
        self.connect_with(&self.configuration)
    }

    pub fn connect_with(&self, configuration: &Arc<ClientConfig>) -> Client {
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let session = ClientConnection::new(Arc::clone(configuration), name).expect("a session");
        Client {
            stream: StreamOwned::new(session, self.dial()),
        }
    }
}

/// One TLS connection.
#[derive(Debug)]
pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Client {
    /// Finishes the handshake, says nothing, hangs up.
    pub fn hang_up_silently(mut self) {
        while self.stream.conn.is_handshaking() {
            self.stream
                .conn
                .complete_io(&mut self.stream.sock)
                .expect("a handshake");
        }
        self.stream.conn.send_close_notify();
        let _ = self.stream.conn.complete_io(&mut self.stream.sock);
    }

    /// Whether the handshake took up an earlier session.
    pub fn is_resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
        self.stream.flush().expect("the server reads");
    }

    /// The next whole answer, as it came.
    pub fn read_bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        self.stream.read_exact(&mut bytes).expect("an answer");
        let length = u32::from_be_bytes(bytes[4..8].try_into().expect("four bytes"));
        bytes.resize(8 + length as usize, 0);
        self.stream
            .read_exact(&mut bytes[8..])
            .expect("a whole answer");
        bytes
    }

    pub fn read(&mut self) -> Node<'static> {
        let bytes = self.read_bytes();
        ttlv::binary::decode(&bytes, &Limits::default())
            .expect("an answer in TTLV")
            .into_owned()
    }
}
