//! The excerpts in `data/`: NIST's form of known answers.

use std::collections::BTreeMap;

/// One case: its fields, and the section it stands in.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub section: String,
    fields: BTreeMap<String, String>,
}

impl Fields {
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub fn text(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// Hexadecimal; a number may lack its leading zero.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let text = self.text(name);
        match text.len() % 2 {
            0 => hex::decode(text).unwrap(),
            _ => hex::decode(format!("0{text}")).unwrap(),
        }
    }

    /// Of triple DES three parts, else one. The first part again is two-key triple DES.
    pub fn key(&self) -> Vec<u8> {
        if !self.has("KEY1") {
            return self.bytes("KEY");
        }
        let [one, two, three] = ["KEY1", "KEY2", "KEY3"].map(|name| self.bytes(name));
        match one == three {
            true => [one, two].concat(),
            false => [one, two, three].concat(),
        }
    }
}

pub fn cases(text: &str) -> Vec<Fields> {
    let mut cases = Vec::new();
    let mut current = Fields::default();
    for line in text.lines().chain([""]) {
        if let Some(section) = line.strip_prefix('[') {
            current.section = section.trim_end_matches(']').to_owned();
        } else if let Some((name, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let before = current
                .fields
                .insert(name.trim().to_owned(), value.trim().to_owned());
            assert_eq!(before, None, "{line}");
        } else if line.is_empty() && !current.fields.is_empty() {
            cases.push(current.clone());
            current.fields.clear();
        }
    }
    assert!(!cases.is_empty());
    cases
}

/// The hash's name in the table, message, digest.
pub fn hashes() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    cases(include_str!("data/hashes.rsp"))
        .into_iter()
        .map(|case| {
            let row = keyward::mechanism::hash::HASHES
                .iter()
                .find(|row| row.name == case.section)
                .unwrap_or_else(|| panic!("{}", case.section));
            let mut message = case.bytes("Msg");
            message.truncate(case.text("Len").parse::<usize>().unwrap() / 8);
            (row.name, message, case.bytes("MD"))
        })
        .collect()
}
