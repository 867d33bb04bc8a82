//! What `segmill publish` says at its end.

use std::io::{self, Write};

use crate::publish::Published;
use crate::watch::format::plural;

/// A line with the publication and where it is.
pub fn print(published: &Published, place: &str, sink: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let record = &published.record;
    let users = plural(record.users, "user");
    let number = record.publication;
    match published.was_there {
        true => writeln!(sink, "{place} has this run already: {users}, publication {number} of {}", record.when),
        false if number == 1 => writeln!(sink, "{place}: {users}, publication 1"),
        false => {
            let changes = plural(record.changes, "change");
            writeln!(sink, "{place}: {users}, {changes}, publication {number}")
        }
    }
}
