//! The password file of libpq: lines of `host:port:database:user:password`.
//!
//! A field is `*` for anything, or a text in which `\` stands before `:` and `\`. The first line that fits counts. Lines that
//! begin with `#` are comments. Source: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

/// What a connection is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    pub host: &'a str,
    pub port: u16,
    pub database: &'a str,
    pub user: &'a str,
}

/// The password for a connection in the text of a password file.
pub fn look_up(text: &[u8], wanted: &Wanted<'_>) -> Option<Vec<u8>> {
    let port = wanted.port.to_string();
    let wanted = [wanted.host, &port, wanted.database, wanted.user];
    let lines = text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.starts_with(b"#")).find_map(|line| {
        let mut rest = line;
        for field in wanted {
            rest = after_field(rest, field.as_bytes())?;
        }
        Some(field(rest).0).filter(|password| !password.is_empty())
    })
}

/// What follows a field that fits, and its colon.
fn after_field<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let (text, rest) = field(line);
    rest.filter(|_| text == wanted)
}

/// The first field without its escapes, and what follows its colon.
fn field(line: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    let mut text = Vec::new();
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b':' => return (text, Some(&line[at + 1..])),
            b'\\' if at + 1 < line.len() => at += 1,
            _ => {}
        }
        text.push(line[at]);
        at += 1;
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Wanted<'_> = Wanted { host: "db", port: 5432, database: "shop", user: "ana" };

    fn found(text: &str) -> Option<String> {
        look_up(text.as_bytes(), &HERE).map(|password| String::from_utf8(password).unwrap())
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = "# db:5432:shop:ana:comment\n\nother:5432:shop:ana:a\ndb:5432:*:ana:b\r\ndb:5432:shop:ana:c\n";
        assert_eq!(found(file).as_deref(), Some("b"));
        assert_eq!(found("*:*:*:*:any").as_deref(), Some("any"));
        assert_eq!(found("db:5432:shop:ana:a\\:b\\\\c:rest").as_deref(), Some("a:b\\c"));
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        for line in [
            "",
            "db",
            "db:5432:shop:ana",
            "db:5432:shop:ana:",
            "db:543:shop:ana:x",
            "**:5432:shop:ana:x",
            "d*:5432:shop:ana:x",
            "db:5432:shop:an\\:a:x",
            " # db",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    fn written(text: &str) -> String {
        text.replace('\\', "\\\\").replace(':', "\\:")
    }

    /// A field of a line, and what it fits: `None` for anything.
    fn field_of_line() -> impl Strategy<Value = Option<String>> {
        prop_oneof![Just(None), "[ab:\\\\#*é]{0,3}".prop_map(Some)]
    }

    proptest! {
        /// Against a search through the lines as they were meant.
        #[test]
        fn lines_mean_what_was_written(
            lines in prop::collection::vec((field_of_line(), prop::option::of(1u16..4), field_of_line(), field_of_line(), "[a:\\\\é]{1,4}"), 0..6),
            host in "[ab:\\\\#*é]{0,3}", port in 1u16..4, database in "[ab:\\\\]{0,3}", user in "[ab:\\\\]{0,3}",
        ) {
            let star = |field: &Option<String>| field.as_deref().map_or("*".to_string(), |text| if text == "*" { "\\*".into() } else { written(text) });
            // A host that begins with # makes a comment.
            let lines: Vec<_> = lines.into_iter().filter(|line| line.0.as_deref().is_none_or(|host| !host.starts_with('#'))).collect();
            let text: String = lines.iter().map(|(host, port, database, user, password)| {
                let port = port.map_or("*".to_string(), |port| port.to_string());
                format!("{}:{port}:{}:{}:{}\n", star(host), star(database), star(user), written(password))
            }).collect();
            let fits = |field: &Option<String>, wanted: &str| field.as_deref().is_none_or(|text| text == wanted);
            let meant = lines.iter().find(|line| fits(&line.0, &host) && line.1.is_none_or(|p| p == port) && fits(&line.2, &database) && fits(&line.3, &user));
            let wanted = Wanted { host: &host, port, database: &database, user: &user };
            prop_assert_eq!(look_up(text.as_bytes(), &wanted), meant.map(|line| line.4.as_bytes().to_vec()));
        }

        #[test]
        fn no_bytes_make_it_panic(text in any::<Vec<u8>>()) {
            look_up(&text, &HERE);
        }
    }
}
