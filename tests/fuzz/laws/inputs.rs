//! Any text as one of the small files and words that a run reads beside its job.

use std::collections::HashSet;
use std::path::PathBuf;

use super::{Taken, assert_says_what_to_do};
use crate::cli::{hosts, nodelist};
use crate::flow::cluster::ClusterKey;
use crate::ingest::fields;
use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::ingest::titles;
use crate::job::{Column, Encoding, TitlesSpec};
use crate::watch::status::http;

/// The first byte says what the rest is taken for.
pub fn inputs(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let text = || String::from_utf8_lossy(rest);
    match kind {
        b'h' => hosts_file(&text()),
        b'm' => list_of_machines(rest),
        b'k' => key(&text()),
        b't' => item_titles(rest),
        b'f' => columns(rest),
        b'w' => http::take(rest),
        _ => {}
    }
}

fn hosts_file(text: &str) {
    match hosts::parse(text, "hosts") {
        Err(error) => assert_says_what_to_do(&error),
        Ok(hosts) => {
            assert!(hosts.iter().all(|host| hosts::is_address(host)));
            assert_eq!(hosts.iter().collect::<HashSet<_>>().len(), hosts.len());
            assert_eq!(hosts::parse(&hosts.join("\n"), "hosts"), Ok(hosts));
        }
    }
}

fn list_of_machines(data: &[u8]) {
    let mut data = Taken(data);
    let most = usize::from(data.byte()) * usize::from(data.byte());
    let list = String::from_utf8_lossy(data.0);
    let machines = nodelist::machines(&list, most).unwrap_or_default();
    assert!(machines.len() <= most && machines.iter().all(|name| !name.is_empty()));
    let tasks = nodelist::tasks_per_node(&list, most).unwrap_or_default();
    assert!(tasks.len() <= most && tasks.iter().all(|&n| n > 0));
}

fn key(text: &str) {
    match ClusterKey::parse(text, "here") {
        Err(error) => assert_says_what_to_do(&error),
        Ok(key) => assert_eq!(key.to_hex(), text.trim().to_lowercase()),
    }
}

fn item_titles(data: &[u8]) {
    let mut data = Taken(data);
    let choice = data.byte();
    let column = |by_name: bool, index: usize, name: &str| {
        if by_name { Column::Name(name.into()) } else { Column::Index(index) }
    };
    let spec = TitlesSpec {
        path: PathBuf::from("titles.csv"),
        delimiter: [None, Some(","), Some("::"), Some("|")][usize::from(choice & 3)].map(str::to_string),
        header: [None, Some(true), Some(false), None][usize::from(choice >> 2 & 3)],
        id: column(choice & 16 > 0, 0, "item"),
        title: column(choice & 32 > 0, 1 + usize::from(choice >> 7), "title"),
        metadata: Vec::new(),
        encoding: if choice & 64 > 0 { Encoding::Latin1 } else { Encoding::Utf8 },
    };
    match titles::from_bytes(&spec, data.0) {
        Err(error) => assert_says_what_to_do(&error),
        Ok(described) => {
            for (id, title) in described.titles() {
                let id_text = id.to_string();
                assert!((1..=MAX_ID_BYTES).contains(&id_text.len()) && Id::parse(&id_text) == *id, "{id:?}");
                assert!(!title.is_empty() && !title.contains(['\n', '\r', '\t']), "{title:?}");
            }
        }
    }
}

/// A line without quotes is cut where its delimiters are, whatever cuts it.
fn columns(data: &[u8]) {
    let Some((&delimiter, line)) = data.split_first() else { return };
    if matches!(delimiter, b'\n' | b'\r' | b'"') || line.contains(&b'\n') {
        return;
    }
    let found = fields::split(line, &[delimiter]);
    if !line.contains(&b'"') {
        let cut: Vec<Vec<u8>> = line.split(|&byte| byte == delimiter).map(<[u8]>::to_vec).collect();
        assert_eq!(found, Some(cut));
    } else if let Some(found) = found {
        assert!(found.iter().map(Vec::len).sum::<usize>() <= line.len());
    }
}
