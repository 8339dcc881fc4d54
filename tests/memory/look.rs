//! Looking for secrets in a running server's memory.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::process::{Memory, Server};

/// Bytes that nothing else in the process has.
pub struct Secret {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Secret {
    /// Random ones.
    pub fn new(name: &'static str, length: usize) -> Secret {
        let mut bytes = vec![0; length];
        openssl::rand::rand_bytes(&mut bytes).unwrap();
        Secret { name, bytes }
    }
}

/// Where a part of a secret stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub secret: &'static str,
    /// `bytes`, or `text` where it is in hexadecimal.
    pub form: &'static str,
    pub place: String,
    pub address: u64,
    /// What stands before it.
    pub before: String,
}

/// How many bytes of a secret in a row are a find. What is left of memory that was given back may
/// lack its first sixteen bytes: the C library keeps its lists there.
const WINDOW: usize = 12;

struct Region {
    start: u64,
    end: u64,
    place: String,
}

/// What can be written to: code and constants hold no secrets.
fn regions(memory: &Memory) -> Vec<Region> {
    let mut text = String::new();
    let mut maps = &memory.maps;
    maps.seek(SeekFrom::Start(0)).unwrap();
    maps.read_to_string(&mut text).unwrap();
    assert!(
        text.contains("[heap]"),
        "the server's memory cannot be seen:\n{text}"
    );
    let mut regions = Vec::new();
    let mut guarded = false;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let name = words.nth(3).unwrap_or_default();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let place = match (name, guarded) {
            // A thread's stack lies behind a page that nobody may touch; so do arenas of the C library.
            ("", true) => "anonymous, behind a guard",
            ("", false) => "anonymous",
            (name, _) => name,
        };
        if rights.starts_with("rw") && !name.starts_with("/dev/") {
            regions.push(Region {
                start: number(start),
                end: number(end),
                place: place.to_owned(),
            });
        }
        guarded = rights.starts_with("---");
    }
    regions
}

/// What to look for, by how it begins.
struct Patterns {
    /// Whether one begins with these two bytes.
    begins: Vec<bool>,
    whole: HashMap<[u8; WINDOW], (&'static str, &'static str)>,
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

impl Patterns {
    fn of(secrets: &[Secret]) -> Patterns {
        let mut patterns = Patterns {
            begins: vec![false; 1 << 16],
            whole: HashMap::new(),
        };
        for secret in secrets {
            let forms = [
                ("bytes", secret.bytes.clone()),
                ("text", hex::encode(&secret.bytes).into_bytes()),
                ("text", hex::encode_upper(&secret.bytes).into_bytes()),
            ];
            for (form, bytes) in forms {
                for window in bytes.windows(WINDOW).step_by(4) {
                    patterns.begins[pair(window)] = true;
                    let meaning = (secret.name, form);
                    patterns.whole.insert(window.try_into().unwrap(), meaning);
                }
            }
        }
        patterns
    }

    fn at(&self, bytes: &[u8], place: usize) -> Option<(&'static str, &'static str)> {
        if !self.begins[pair(&bytes[place..])] {
            return None;
        }
        self.whole.get(bytes.get(place..place + WINDOW)?).copied()
    }
}

/// All finds, in the order of their places.
pub fn look(memory: &Memory, secrets: &[Secret]) -> Vec<Found> {
    let patterns = Patterns::of(secrets);
    let empty = [0; 4096];
    let mut found = Vec::new();
    for region in regions(memory) {
        let mut bytes = vec![0; usize::try_from(region.end - region.start).unwrap()];
        // A mapping may be gone since it was listed.
        if memory
            .bytes
            .read_exact_at(&mut bytes, region.start)
            .is_err()
        {
            continue;
        }
        let mut place = 0;
        while place + WINDOW <= bytes.len() {
            if place % 4096 == 0 && bytes.get(place..place + 4096) == Some(&empty[..]) {
                place += 4096;
                continue;
            }
            if let Some((secret, form)) = patterns.at(&bytes, place) {
                let before = &bytes[place.saturating_sub(48)..place];
                found.push(Found {
                    secret,
                    form,
                    place: region.place.clone(),
                    address: region.start + place as u64,
                    before: before.iter().map(|byte| shown(*byte)).collect(),
                });
                // Its other windows follow.
                place += 64;
                continue;
            }
            place += 1;
        }
    }
    found
}

fn shown(byte: u8) -> String {
    match byte {
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("·{other:02x}"),
    }
}

/// A table of what was found.
pub fn table(found: &[Found]) -> String {
    let mut counts: BTreeMap<(&str, &str, &str), (usize, &Found)> = BTreeMap::new();
    for one in found {
        let place = (one.secret, one.form, one.place.as_str());
        counts.entry(place).or_insert((0, one)).0 += 1;
    }
    let lines = counts.iter().map(|((secret, form, place), (count, one))| {
        format!(
            "{secret:32} {form:5} {count:3} × {place}  {:#x} after {}\n",
            one.address, one.before
        )
    });
    lines.collect()
}

/// The server's memory can be looked at from here on: where it was quicker to forbid that than the
/// test to open it, it is started again.
pub fn at(server: &mut Server) {
    for _ in 0..50 {
        if server.memory.is_some() {
            return;
        }
        server.kill();
        server.run();
    }
    panic!("the server's memory cannot be opened");
}

/// Kilobytes of memory that are kept from swap.
pub fn locked(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.pid());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}

/// The finds, once there are this many of them, or as they stay: what an operation's thread had on
/// its stack goes with the next one's.
pub fn settled(server: &Server, secrets: &[Secret], count: usize) -> Vec<Found> {
    settled_in(server.memory.as_ref().unwrap(), server, secrets, count)
}

/// The same in the memory of a process that works for the server.
pub fn settled_in(
    memory: &Memory,
    server: &Server,
    secrets: &[Secret],
    count: usize,
) -> Vec<Found> {
    let begun = Instant::now();
    loop {
        let found = look(memory, secrets);
        if found.len() == count || begun.elapsed() > Duration::from_secs(5) {
            return found;
        }
        server.page("/readyz");
        std::thread::sleep(Duration::from_millis(100));
    }
}
