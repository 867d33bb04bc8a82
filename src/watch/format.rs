//! Numbers for people, and text made safe for HTML and for scripts inside it.

/// `1234567` as `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 user`, `2 users`.
pub fn plural(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// A count with three significant digits at most: `999`, `12.3 k`, `4.56 M`.
pub fn short(value: u64) -> String {
    let units = ["", " k", " M", " G", " T", " P", " E"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 999.5 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{}{}", significant(scaled, 3), units[unit])
}

/// A share as a percentage with three significant digits at most: `64%`, `5.3%`, `0.42%`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return "–".into();
    }
    let decimals = match value.abs() {
        v if v == 0.0 || v >= 99.995 => 0,
        v if v >= 99.95 => 2,
        v if v >= 9.95 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}%")
}

/// Decimals that show `value` with `digits` significant digits; none for 0 and what is not finite.
pub fn decimals(value: f64, digits: usize) -> usize {
    (digits as i32 - 1 - exponent(value)).max(0) as usize
}

/// The power of ten of the leading digit; 0 for 0 and what is not finite.
fn exponent(value: f64) -> i32 {
    let scientific = format!("{value:e}");
    scientific.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// `value` with `digits` significant digits, without trailing zeros.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if exponent(value) < -6 {
        return format!("{value:.*e}", digits - 1);
    }
    let text = format!("{value:.*}", decimals(value, digits));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// Seconds: `0.18 s`, `42 s`, `3 min 20 s`, `2 h 5 min`.
pub fn seconds(value: f64) -> String {
    match value {
        v if !v.is_finite() => "–".into(),
        v if v < 0.001 => "under 1 ms".into(),
        v if v < 0.0995 => format!("{} ms", significant(v * 1000.0, 2)),
        v if v < 59.5 => format!("{} s", significant(v, 2)),
        v if v < 3599.5 => minutes((v + 0.5) as u64),
        v => format!("{} h {} min", (v + 30.0) as u64 / 3600, (v + 30.0) as u64 % 3600 / 60),
    }
}

fn minutes(whole: u64) -> String {
    format!("{} min {} s", whole / 60, whole % 60)
}

/// Bytes in powers of 1024: `213 MiB`.
pub fn bytes(value: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < units.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{} {}", if unit == 0 { count(value) } else { significant(scaled, 3) }, units[unit])
}

/// Text as it stands in HTML, in content and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON as it stands inside a `<script>` element: `<`, `>` and `&` only ever occur inside its strings, where an escape
/// means the same, so that no text can end the element.
pub fn script_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1000, 12_345, 999_499, 999_500].map(short), ["0", "999", "1 k", "12.3 k", "999 k", "1 M"]);
        assert_eq!(short(u64::MAX), "18.4 E");
        assert_eq!([plural(1, "user"), plural(0, "user")], ["1 user", "0 users"]);
        assert_eq!(
            [1.0, 0.123456, 0.0532, 0.0042, 0.0, 0.9999].map(percent),
            ["100%", "12.3%", "5.32%", "0.42%", "0%", "99.99%"]
        );
        assert_eq!([0.123456, 12345.6, 0.0, 2.0, 0.1].map(|v| significant(v, 3)), ["0.123", "12346", "0", "2", "0.1"]);
        assert_eq!(significant(1.5e-9, 3), "1.50e-9");
        assert_eq!(
            [0.0002, 0.0123, 0.18, 4.0, 200.0, 7500.0].map(seconds),
            ["under 1 ms", "12 ms", "0.18 s", "4 s", "3 min 20 s", "2 h 5 min"]
        );
        assert_eq!([5, 2048, 223_000_000].map(bytes), ["5 bytes", "2 KiB", "213 MiB"]);
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let title = "</script><b>\"&'";
        assert_eq!(html(title), "&lt;/script&gt;&lt;b&gt;&quot;&amp;&#39;");
        let json = serde_json::to_string(title).unwrap();
        let safe = script_json(&json);
        assert!(!safe.contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), title);
    }
}
