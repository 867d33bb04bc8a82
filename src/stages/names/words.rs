//! Words of labels: titles and values, spoken and shortened.

use crate::ingest::Items;

/// The most characters of a value or a title in a name.
const LONGEST_PART: usize = 24;

/// Whether a value is more than a placeholder for none.
pub fn says_something(value: &str) -> bool {
    let words: String = value.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
    let nothing =
        ["", "unknown", "none", "null", "na", "nan", "other", "others", "misc", "miscellaneous", "no genres listed"];
    !nothing.contains(&words.trim())
}

/// The name of a value; that of a bare number or flag begins with its column.
pub fn value_name(column: &str, value: &str) -> String {
    let bare = value.parse::<f64>().is_ok() || ["true", "false", "yes", "no"].contains(&value.to_lowercase().as_str());
    let name = if bare { format!("{column} {value}") } else { value.to_string() };
    shortened(&capitalised(&name))
}

/// With a capital first letter if all letters are lower case; other spellings stay.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if text.chars().all(|c| !c.is_uppercase()) => first.to_uppercase().chain(chars).collect(),
        _ => text.to_string(),
    }
}

/// The title as it is spoken, or the id.
pub fn item_name(items: &Items, item: usize) -> String {
    match &items.titles[item] {
        Some(title) => shortened(&spoken(title)),
        None => shortened(&format!("item {}", items.ids[item])),
    }
}

/// Without parentheses at the end, such as a year; without a subtitle; and with the article in front that catalogues put
/// last.
fn spoken(title: &str) -> String {
    const ARTICLES: [&str; 11] = ["The", "A", "An", "Le", "La", "Les", "Il", "El", "Der", "Die", "Das"];
    let mut short = title.trim();
    while let Some(open) = short.rfind('(').filter(|open| *open > 0 && short.ends_with(')')) {
        short = short[..open].trim_end();
    }
    let subtitled = short.split_once(": ").map(|(head, _)| head.strip_suffix(" or").unwrap_or(head));
    short = subtitled.filter(|head| !head.is_empty()).unwrap_or(short);
    match short.rsplit_once(", ") {
        Some((head, "L'")) => format!("L'{head}"),
        Some((head, article)) if ARTICLES.contains(&article) => format!("{article} {head}"),
        _ => short.to_string(),
    }
}

/// Cut at a word if it is too long.
pub fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST_PART {
        return text;
    }
    let head: String = text.chars().take(LONGEST_PART).collect();
    let cut = head.rfind(' ').filter(|cut| *cut * 2 > head.len()).unwrap_or(head.len());
    let head = head[..cut].trim_end_matches(|c: char| !c.is_alphanumeric());
    format!("{head}…")
}
