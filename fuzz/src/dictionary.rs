//! Words that a fuzzer would not find by itself, as libFuzzer reads them.

use std::fmt::Write;

use keyward::protocol::enumeration::ENUMERATIONS;
use keyward::protocol::tag::TAGS;
use ttlv::Kind;

/// Words of the HTTPS port.
const HTTP: &[&str] = &[
    "POST /kmip HTTP/1.1\\x0d\\x0a",
    "GET /healthz HTTP/1.1\\x0d\\x0a",
    "GET /readyz HTTP/1.1\\x0d\\x0a",
    "GET /metrics HTTP/1.1\\x0d\\x0a",
    "Host: k\\x0d\\x0a",
    "Content-Type: application/octet-stream\\x0d\\x0a",
    "Content-Type: application/json\\x0d\\x0a",
    "Content-Type: text/xml\\x0d\\x0a",
    "Content-Length: 4\\x0d\\x0a",
    "Transfer-Encoding: chunked\\x0d\\x0a",
    "Connection: close\\x0d\\x0a",
    "Expect: 100-continue\\x0d\\x0a",
    "Upgrade: h2c\\x0d\\x0a",
    "Origin: https://a\\x0d\\x0a",
    "\\x0d\\x0a\\x0d\\x0a",
    "0\\x0d\\x0a\\x0d\\x0a",
];

/// The dictionary of a target; empty where none helps.
pub fn of(target: &str) -> String {
    let mut out = String::new();
    let mut word = |text: &str| writeln!(out, "\"{text}\"").is_ok();
    match target {
        "text" => {
            for row in TAGS {
                word(row.name);
            }
            for row in ENUMERATIONS.iter().flat_map(|table| table.rows) {
                word(row.name);
            }
            for kind in (1..=11).filter_map(Kind::from_byte) {
                word(kind.name());
            }
        }
        "http" => {
            for line in HTTP {
                word(line);
            }
        }
        _ => {}
    }
    out
}
