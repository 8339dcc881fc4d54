//! Writes what the targets begin with. `seeds cases DIRECTORY FOLDER` makes `FOLDER/{engine,text}/NAME`
//! of the cases in `DIRECTORY`; `seeds conversations DIRECTORY FOLDER` makes
//! `FOLDER/{text,pkcs11}/NAME` of inputs of `engine`.

use std::path::Path;
use std::process::ExitCode;

use keyward_fuzz::messages::split;
use keyward_fuzz::{ground, seeds};
use ttlv::{Limits, Node};

fn main() -> std::io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cases", from, to] => {
            let standing = ground::standing();
            for (name, document) in files(Path::new(from))? {
                let requests = seeds::requests(&document, standing);
                let requests = requests.map_err(std::io::Error::other)?;
                let bytes: Vec<u8> = requests.iter().flat_map(ttlv::binary::to_vec).collect();
                write(Path::new(to), "engine", &name, &bytes)?;
                texts(Path::new(to), &name, &requests)?;
            }
        }
        ["conversations", from, to] => {
            for (name, input) in files(Path::new(from))? {
                let messages = split(&input).into_iter();
                let requests: Vec<Node<'_>> = messages
                    .map_while(|message| ttlv::binary::decode(message, &Limits::default()).ok())
                    .collect();
                texts(Path::new(to), &name, &requests)?;
                let calls = seeds::calls(&requests);
                if !calls.is_empty() {
                    write(Path::new(to), "pkcs11", &name, &calls)?;
                }
            }
        }
        _ => {
            eprintln!("usage: seeds cases FROM TO | conversations FROM TO");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn texts(to: &Path, name: &str, requests: &[Node<'_>]) -> std::io::Result<()> {
    let [xml, json] = seeds::texts(requests);
    write(to, "text", &format!("{name}.xml"), &xml)?;
    write(to, "text", &format!("{name}.json"), &json)
}

fn files(directory: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned());
        found.push((name.unwrap_or_default(), std::fs::read(path)?));
    }
    Ok(found)
}

fn write(to: &Path, target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(to.join(target))?;
    std::fs::write(to.join(target).join(name), bytes)
}
