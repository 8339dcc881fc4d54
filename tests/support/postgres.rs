//! A PostgreSQL cluster of the tests' own, in a temporary directory, on a free port of 127.0.0.1.
//!
//! A keeper (a small shell) holds the server and a pipe to the test process: when that ends, in
//! whatever way, the server stops and its directory goes. Without PostgreSQL's programs tests fail;
//! set KEYWARD_NO_POSTGRES to leave them out.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub struct Cluster {
    keeper: Child,
    orders: Option<ChildStdin>,
    pub port: u16,
    pub directory: PathBuf,
    databases: AtomicU32,
}

const KEEPER: &str = r#"
start() { "$1/postgres" -D "$2/data" >>"$2/log" 2>&1 & server=$!; }
start "$1" "$2"
while read -r order; do
    case $order in
    crash) children=$(pgrep -P $server); kill -9 $server $children; wait $server ;;
    start) ps -o stat= -p $server | grep -q '^[^Z]' || start "$1" "$2" ;;
    esac
done
kill -QUIT $server; wait $server; rm -rf "$2"
"#;

/// The cluster that all tests of this process share; it does not wait for the disk.
/// None: the tests are to be left out.
pub fn shared() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(false)).as_ref()
}

impl Cluster {
    /// `durable`: with fsync, for tests that kill it.
    pub fn start(durable: bool) -> Option<Cluster> {
        if std::env::var_os("KEYWARD_NO_POSTGRES").is_some() {
            eprintln!("KEYWARD_NO_POSTGRES is set: PostgreSQL is not tested");
            return None;
        }
        let programs = programs()
            .expect("PostgreSQL is not installed: install it, or set KEYWARD_NO_POSTGRES");
        let directory = tempfile::Builder::new()
            .prefix("keyward-pg-")
            .tempdir()
            .expect("a directory")
            .keep();
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        let root = Command::new("id").arg("-u").output().expect("id").stdout == b"0\n";
        if root {
            assert!(
                Command::new("chown")
                    .arg("postgres")
                    .arg(&directory)
                    .status()
                    .expect("chown")
                    .success()
            );
        }
        let data = directory.join("data");
        let made = as_postgres(root, programs.join("initdb").to_str().expect("a path"))
            .args([
                "--no-sync",
                "--no-instructions",
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "-D",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb").success(), "initdb failed");
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nmax_connections = 200\n\
             fsync = {}\nsynchronous_commit = on\nshared_buffers = 64MB\n",
            directory.display(),
            if durable { "on" } else { "off" },
        );
        std::fs::write(data.join("postgresql.auto.conf"), settings)
            .expect("the settings are written");
        let mut keeper = as_postgres(root, "sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&programs)
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the terminal's group: Ctrl-C ends the tests, and the keeper sees them end.
            .process_group(0)
            .spawn()
            .expect("the keeper starts");
        let orders = keeper.stdin.take();
        let cluster = Cluster {
            keeper,
            orders,
            port,
            directory,
            databases: AtomicU32::new(0),
        };
        cluster.wait();
        Some(cluster)
    }

    /// URL of a new, empty database.
    pub fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", &name)
    }

    pub fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement as the superuser, by psql; its output, or its error as text.
    pub fn try_sql(&self, role: &str, database: &str, sql: &str) -> Result<String, String> {
        let psql = programs().expect("programs").join("psql");
        let done = Command::new(psql)
            .args([
                "-X",
                "-q",
                "-t",
                "-A",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
                &self.url(role, database),
            ])
            .output()
            .expect("psql");
        if done.status.success() {
            Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }

    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql("postgres", database, sql)
            .expect("the statement runs")
    }

    /// kill -9 of the server and everything it started.
    pub fn crash(&mut self) {
        self.order("crash");
    }

    /// Until it runs: what was forked in the moment of the crash may hold its memory a little longer.
    pub fn restart(&mut self) {
        for _ in 0..30 {
            self.order("start");
            std::thread::sleep(Duration::from_millis(500));
            if self.try_sql("postgres", "postgres", "SELECT 1").is_ok() {
                return;
            }
        }
        self.wait();
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().expect("orders"), "{order}").expect("the keeper listens");
    }

    fn wait(&self) {
        let begun = Instant::now();
        while let Err(error) = self.try_sql("postgres", "postgres", "SELECT 1") {
            let log = || std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "PostgreSQL does not start: {error}\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.orders.take());
        drop(self.keeper.wait());
    }
}

/// The newest version installed.
fn programs() -> Option<PathBuf> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|e| e.path())
        .collect();
    versions.sort_by_key(|path| number(path));
    versions
        .into_iter()
        .rev()
        .map(|path| path.join("bin"))
        .find(|path| path.join("postgres").exists())
}

/// PostgreSQL refuses to run as root.
fn as_postgres(root: bool, program: &str) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=postgres",
            "--regid=postgres",
            "--clear-groups",
            program,
        ])
        .current_dir("/");
    command
}
