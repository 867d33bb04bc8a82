//! Tables of the page for people.

use std::fmt::Write;

use crate::watch::format::html;

/// Whether the row is marked, and its cells.
pub(super) type Row = (bool, Vec<String>);

/// A row that is not marked.
pub(super) fn cells(texts: &[&str]) -> Row {
    (false, texts.iter().map(|text| text.to_string()).collect())
}

/// The first column is text, the others are numbers.
pub(super) fn table(out: &mut String, caption: &str, columns: &[&str], rows: Vec<Row>) {
    open_table(out, caption, columns);
    for (marked, cells) in rows {
        out.push_str(if marked { "<tr class=\"now\">" } else { "<tr>" });
        for (at, cell) in cells.iter().enumerate() {
            let (open, close) = if at == 0 { ("<th scope=\"row\">", "</th>") } else { ("<td>", "</td>") };
            let _ = write!(out, "{open}{}{close}", html(cell));
        }
        out.push_str("</tr>\n");
    }
    close_table(out);
}

/// All of a table before its first row.
pub(super) fn open_table(out: &mut String, caption: &str, columns: &[&str]) {
    let _ = write!(
        out,
        "<div class=\"box\" role=\"group\" aria-label=\"{caption}\" tabindex=\"0\">\n<table>\n<caption>{caption}</caption>\n<thead><tr>"
    );
    for column in columns {
        let _ = write!(out, "<th scope=\"col\">{column}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

pub(super) fn close_table(out: &mut String) {
    out.push_str("</tbody>\n</table>\n</div>\n");
}
