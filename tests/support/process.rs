//! The program as its users run it: `keyward quickstart` in a directory of its own, on free ports
//! of 127.0.0.1, and a client that speaks TTLV over TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, Operation, ResultReason, ResultStatus,
};
use keyward::protocol::tag;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_rustls::rustls;
use ttlv::{Node, Tag, Value};

const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");

/// How a server is started; the same for every start in its directory.
#[derive(Default)]
pub struct Setup {
    /// A PostgreSQL URL; None: SQLite in the directory.
    pub database: Option<String>,
    /// SoftHSM's configuration and PIN file, token label `keyward`.
    pub softhsm: Option<SoftHsm>,
    /// KEYWARD_… variables.
    pub environment: Vec<(&'static str, String)>,
    /// Its memory is to be looked at.
    pub watched: bool,
}

/// What a process has mapped, and the bytes there.
#[allow(dead_code, reason = "not every test looks")]
pub struct Memory {
    pub maps: std::fs::File,
    pub bytes: std::fs::File,
}

impl Memory {
    /// Open as soon as the process is there: the server forbids it to everybody but root, itself
    /// included, and what is open then stays so.
    pub fn open(process: u32) -> Option<Memory> {
        let file = |name: &str| std::fs::File::open(format!("/proc/{process}/{name}")).ok();
        Some(Memory {
            maps: file("maps")?,
            bytes: file("mem")?,
        })
    }
}

pub struct SoftHsm {
    pub tokens: PathBuf,
    configuration: PathBuf,
    pin: PathBuf,
}

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

impl SoftHsm {
    /// A new token below `home`; None where SoftHSM is not installed.
    pub fn make(home: &Path) -> Option<SoftHsm> {
        if !Path::new(SOFTHSM).exists() {
            eprintln!("SoftHSM is not installed: not tested");
            return None;
        }
        let (tokens, configuration, pin) = (
            home.join("tokens"),
            home.join("softhsm2.conf"),
            home.join("pin"),
        );
        std::fs::create_dir_all(&tokens).unwrap();
        std::fs::write(
            &configuration,
            format!("directories.tokendir = {}\n", tokens.display()),
        )
        .unwrap();
        std::fs::write(&pin, "1234").unwrap();
        let done = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                "keyward",
                "--so-pin",
                "12345678",
                "--pin",
                "1234",
            ])
            .env("SOFTHSM2_CONF", &configuration)
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        Some(SoftHsm {
            tokens,
            configuration,
            pin,
        })
    }
}

/// A server in its directory, running or not.
pub struct Server {
    pub home: tempfile::TempDir,
    setup: Setup,
    child: Option<Child>,
    kmip: u16,
    https: u16,
    /// From spawning to its `ready`.
    pub took: Duration,
    #[allow(dead_code, reason = "not every test looks")]
    /// None also where the server was quicker to forbid it than the test to look.
    pub memory: Option<Memory>,
}

impl Server {
    pub fn start(setup: Setup) -> Server {
        Server::start_in(
            tempfile::Builder::new()
                .prefix("keyward-attacks-")
                .tempdir()
                .unwrap(),
            setup,
        )
    }

    pub fn start_in(home: tempfile::TempDir, setup: Setup) -> Server {
        let mut server = Server {
            home,
            setup,
            child: None,
            kmip: 0,
            https: 0,
            took: Duration::ZERO,
            memory: None,
        };
        server.run();
        server
    }

    pub fn directory(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A command of the program with the server's environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(KEYWARD);
        command.envs(
            self.setup
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        if let Some(softhsm) = &self.setup.softhsm {
            command.env("SOFTHSM2_CONF", &softhsm.configuration);
        }
        command
    }

    /// Starts it (again) and waits until it is ready.
    pub fn run(&mut self) {
        let mut command = self.command();
        command.arg("quickstart").arg("--dir").arg(self.directory());
        command.args(["--listen", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
        if let Some(url) = &self.setup.database {
            command.args(["--database", url]);
        }
        if let Some(softhsm) = &self.setup.softhsm {
            command.args(["--token", SOFTHSM, "--token-label", "keyward"]);
            command.arg("--token-pin-file").arg(&softhsm.pin);
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        self.memory = match self.setup.watched {
            true => Memory::open(child.id()),
            false => None,
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ready "))
            .unwrap_or_else(|| panic!("the server does not start:\n{}", self.log()));
        self.took = begun.elapsed();
        let port = |word: &str| {
            let rest = ready
                .split(word)
                .nth(1)
                .unwrap()
                .split_whitespace()
                .next()
                .unwrap();
            rest.rsplit(':').next().unwrap().parse().unwrap()
        };
        (self.kmip, self.https) = (port("kmip="), port("https="));
        // Who starts it again without an end before leaves no process behind.
        if let Some(mut before) = self.child.replace(child) {
            drop(before.kill());
            drop(before.wait());
        }
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// All that the server ever wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    #[allow(dead_code, reason = "not every test needs it")]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; its exit code and how long that took.
    pub fn terminate(&mut self) -> (Option<i32>, Duration) {
        let mut child = self.child.take().unwrap();
        let begun = Instant::now();
        let told = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        (child.wait().unwrap().code(), begun.elapsed())
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// `keyward WORDS --dir DIR`.
    pub fn cli(&self, words: &[&str]) -> Output {
        self.command()
            .args(words)
            .arg("--dir")
            .arg(self.directory())
            .output()
            .unwrap()
    }

    /// The same; its output when it succeeds.
    pub fn told(&self, words: &[&str]) -> String {
        let done = self.cli(words);
        assert!(
            done.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    }

    /// A connection as the first client.
    pub fn client(&self) -> Client {
        let pki = self.directory().join("pki");
        self.client_with(&pki.join("client.pem"), &pki.join("client.key"))
            .unwrap()
    }

    /// A client that `keyward client add NAME` made.
    pub fn client_named(&self, name: &str) -> Client {
        let clients = self.directory().join("clients");
        let file = |ending: &str| clients.join(format!("{name}.{ending}"));
        self.client_with(&file("pem"), &file("key")).unwrap()
    }

    /// A connection that shows this certificate.
    pub fn client_with(&self, certificate: &Path, key: &Path) -> std::io::Result<Client> {
        let config = ClientConfig::builder()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(
                CertificateDer::pem_file_iter(certificate)
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap(),
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap();
        Ok(Client {
            stream: connect(self.kmip, config)?,
        })
    }

    /// The first client's connection to the HTTPS port.
    pub fn https(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let pki = self.directory().join("pki");
        let config = ClientConfig::builder()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(
                CertificateDer::pem_file_iter(pki.join("client.pem"))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap(),
                PrivateKeyDer::from_pem_file(pki.join("client.key")).unwrap(),
            )
            .unwrap();
        connect(self.https, config).unwrap()
    }

    /// The first client's answer to a message that it posts to the HTTPS port as TTLV.
    pub fn posted(&self, message: &[u8]) -> Answer {
        let mut stream = self.https();
        write!(
            stream,
            "POST /kmip HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            message.len()
        )
        .unwrap();
        stream.write_all(message).unwrap();
        let mut whole = Vec::new();
        let _ = stream.read_to_end(&mut whole);
        let end = whole.windows(4).position(|four| four == b"\r\n\r\n");
        let body = &whole[end.unwrap() + 4..];
        let node = ttlv::binary::decode(body, &ttlv::Limits::default()).unwrap();
        Answer::read(node.child(tag::BATCH_ITEM).unwrap())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(self.directory().join("pki/ca.pem")).unwrap() {
            roots.add(root.unwrap()).unwrap();
        }
        roots
    }

    /// Status of a page of the HTTPS port, asked without a certificate.
    pub fn page(&self, path: &str) -> u16 {
        let config = ClientConfig::builder()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        let mut stream = connect(self.https, config).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
    }

    /// A page of the HTTPS port as the first client sees it.
    #[allow(dead_code, reason = "not every test needs it")]
    pub fn text(&self, path: &str) -> String {
        let pki = self.directory().join("pki");
        let config = ClientConfig::builder()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(
                CertificateDer::pem_file_iter(pki.join("client.pem"))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap(),
                PrivateKeyDer::from_pem_file(pki.join("client.key")).unwrap(),
            )
            .unwrap();
        let mut stream = connect(self.https, config).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut whole = Vec::new();
        let _ = stream.read_to_end(&mut whole);
        let whole = String::from_utf8_lossy(&whole).into_owned();
        let body = whole.split_once("\r\n\r\n").unwrap().1;
        body.to_owned()
    }

    /// Waits until a page has this status.
    pub fn wait_for(&self, path: &str, status: u16) {
        let begun = Instant::now();
        while self.page(path) != status {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{path} is not {status}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn connect(
    port: u16,
    config: ClientConfig,
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    socket.set_nodelay(true)?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

pub struct Client {
    pub stream: StreamOwned<ClientConnection, TcpStream>,
}

/// A batch item's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: ResultStatus,
    pub reason: Option<ResultReason>,
    pub message: String,
    /// Of an answer that is pending.
    pub correlation: Option<Vec<u8>>,
    pub payload: Node<'static>,
}

impl Answer {
    fn read(item: &Node<'_>) -> Answer {
        let number = |tag: Tag| match item.child(tag).map(|node| &node.value) {
            Some(Value::Enumeration(number)) => Some(*number),
            _ => None,
        };
        let empty = || Node::structure(tag::RESPONSE_PAYLOAD, Vec::new());
        Answer {
            status: ResultStatus(number(tag::RESULT_STATUS).unwrap()),
            reason: number(tag::RESULT_REASON).map(ResultReason),
            message: text(item, tag::RESULT_MESSAGE).unwrap_or_default(),
            correlation: match item
                .child(tag::ASYNCHRONOUS_CORRELATION_VALUE)
                .map(|node| &node.value)
            {
                Some(Value::ByteString(bytes)) => Some(bytes.to_vec()),
                _ => None,
            },
            payload: item
                .child(tag::RESPONSE_PAYLOAD)
                .cloned()
                .map_or_else(empty, Node::into_owned),
        }
    }

    #[track_caller]
    pub fn ok(self) -> Answer {
        assert_eq!(
            self.status,
            ResultStatus::SUCCESS,
            "{:?} {}",
            self.reason,
            self.message
        );
        self
    }

    /// Failed for this reason, with a sentence.
    #[track_caller]
    pub fn fails(&self, reason: ResultReason) {
        assert_eq!(self.status, ResultStatus::OPERATION_FAILED, "it succeeded");
        assert_eq!(self.reason, Some(reason), "{}", self.message);
        assert!(!self.message.is_empty());
        assert!(
            self.payload.items().is_empty(),
            "a failure answers a payload"
        );
    }

    pub fn id(&self) -> String {
        text(&self.payload, tag::UNIQUE_IDENTIFIER).unwrap()
    }

    pub fn ids(&self) -> Vec<String> {
        let texts = self
            .payload
            .items()
            .iter()
            .filter(|node| node.tag == tag::UNIQUE_IDENTIFIER);
        texts.map(|node| plain(node).unwrap()).collect()
    }

    pub fn bytes(&self, tag: Tag) -> Vec<u8> {
        match self.payload.child(tag).map(|node| &node.value) {
            Some(Value::ByteString(bytes)) => bytes.to_vec(),
            other => panic!("{tag:?}: {other:?}"),
        }
    }
}

fn plain(node: &Node<'_>) -> Option<String> {
    match &node.value {
        Value::TextString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn text(node: &Node<'_>, tag: Tag) -> Option<String> {
    node.child(tag).and_then(plain)
}

/// Operation and payload of a request item.
pub type Item = (Operation, Vec<Node<'static>>);

pub fn integer(tag: Tag, value: i32) -> Node<'static> {
    Node::new(tag, Value::Integer(value))
}

pub fn enumeration(tag: Tag, value: u32) -> Node<'static> {
    Node::new(tag, Value::Enumeration(value))
}

pub fn name(text: &str) -> Node<'static> {
    Node::structure(
        tag::NAME,
        vec![
            Node::text(tag::NAME_VALUE, text.to_owned()),
            enumeration(tag::NAME_TYPE, 1),
        ],
    )
}

fn version() -> Node<'static> {
    Node::structure(
        tag::PROTOCOL_VERSION,
        vec![
            integer(tag::PROTOCOL_VERSION_MAJOR, 2),
            integer(tag::PROTOCOL_VERSION_MINOR, 1),
        ],
    )
}

/// A request message of KMIP 2.1; `fields` go into the header after the version.
pub fn message(fields: Vec<Node<'static>>, items: Vec<Item>) -> Vec<u8> {
    let count = integer(tag::BATCH_COUNT, i32::try_from(items.len()).unwrap());
    let mut header = vec![version()];
    header.extend(fields);
    header.push(count);
    let mut message = vec![Node::structure(tag::REQUEST_HEADER, header)];
    for (position, (operation, payload)) in items.into_iter().enumerate() {
        message.push(Node::structure(
            tag::BATCH_ITEM,
            vec![
                enumeration(tag::OPERATION, operation.0),
                Node::bytes(
                    tag::UNIQUE_BATCH_ITEM_ID,
                    vec![u8::try_from(position % 256).unwrap()],
                ),
                Node::structure(tag::REQUEST_PAYLOAD, payload),
            ],
        ));
    }
    ttlv::binary::to_vec(&Node::structure(tag::REQUEST_MESSAGE, message))
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// The next whole message, whatever it is.
    pub fn receive_message(&mut self) -> std::io::Result<Node<'static>> {
        let mut bytes = vec![0; 8];
        self.stream.read_exact(&mut bytes)?;
        let length = u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize;
        bytes.resize(8 + length, 0);
        self.stream.read_exact(&mut bytes[8..])?;
        let limits = ttlv::Limits {
            bytes: 64 << 20,
            items: 1 << 20,
            ..ttlv::Limits::default()
        };
        Ok(ttlv::binary::decode(&bytes, &limits).unwrap().into_owned())
    }

    pub fn receive(&mut self) -> std::io::Result<Vec<Answer>> {
        let node = self.receive_message()?;
        let items = node
            .items()
            .iter()
            .filter(|node| node.tag == tag::BATCH_ITEM);
        Ok(items.map(Answer::read).collect())
    }

    pub fn try_ask(
        &mut self,
        operation: Operation,
        payload: Vec<Node<'static>>,
    ) -> std::io::Result<Answer> {
        self.send(&message(Vec::new(), vec![(operation, payload)]))?;
        Ok(self.receive()?.remove(0))
    }

    pub fn ask(&mut self, operation: Operation, payload: Vec<Node<'static>>) -> Answer {
        self.try_ask(operation, payload).unwrap()
    }

    pub fn batch(&mut self, option: BatchErrorContinuationOption, items: Vec<Item>) -> Vec<Answer> {
        let option = enumeration(tag::BATCH_ERROR_CONTINUATION_OPTION, option.0);
        self.send(&message(vec![option], items)).unwrap();
        self.receive().unwrap()
    }

    /// An operation on an object.
    pub fn on(&mut self, operation: Operation, id: &str) -> Answer {
        self.ask(operation, on(id))
    }

    /// An AES-256 key of this name; its identifier.
    pub fn create(&mut self, called: &str) -> String {
        self.ask(Operation::CREATE, aes(vec![name(called)]))
            .ok()
            .id()
    }

    pub fn locate(&mut self, terms: Vec<Node<'static>>) -> Answer {
        self.ask(
            Operation::LOCATE,
            vec![Node::structure(tag::ATTRIBUTES, terms)],
        )
    }

    pub fn located(&mut self, called: &str) -> Vec<String> {
        self.locate(vec![name(called)]).ok().ids()
    }

    /// The State of an object.
    pub fn state(&mut self, id: &str) -> u32 {
        let answer = self.on(Operation::GET_ATTRIBUTES, id).ok();
        let attributes = answer.payload.child(tag::ATTRIBUTES).unwrap();
        match attributes.child(tag::STATE).unwrap().value {
            Value::Enumeration(state) => state,
            _ => panic!("State"),
        }
    }
}

/// The payload that is an identifier.
pub fn on(id: &str) -> Vec<Node<'static>> {
    vec![Node::text(tag::UNIQUE_IDENTIFIER, id.to_owned())]
}

/// The payload of a Create: AES-256 for encryption, with more attributes.
pub fn aes(more: Vec<Node<'static>>) -> Vec<Node<'static>> {
    let mut attributes = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0xC),
    ];
    attributes.extend(more);
    vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, attributes),
    ]
}
