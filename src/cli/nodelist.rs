//! How Slurm writes lists of machines, and how many tasks each has.
//!
//! `node[01-03,07],gpu5` is node01, node02, node03, node07 and gpu5; zeros in front stay, and of several brackets in one
//! name the last changes fastest. `2(x3),1` is 2, 2, 2 and 1 tasks. Whoever reads one says how many it may name at most, so
//! that a mistyped range fills no memory. Problems come back as text, for the caller to say which variable had them.

type Parsed<T> = std::result::Result<T, String>;

/// The machines of a list, at most `most`.
pub fn machines(list: &str, most: usize) -> Parsed<Vec<String>> {
    let mut machines = Vec::new();
    for pattern in split(list)? {
        let room = most - machines.len();
        machines.extend(names(pattern, room).map_err(|problem| format!("{pattern:?}: {problem}"))?);
    }
    Ok(machines)
}

/// The tasks of each machine, at most `most` machines.
pub fn tasks_per_node(list: &str, most: usize) -> Parsed<Vec<usize>> {
    let mut tasks = Vec::new();
    for item in list.split(',') {
        let wrong = || format!("{item:?} is no number of tasks");
        let (count, times) = match item.split_once("(x") {
            Some((count, times)) => (count, times.strip_suffix(')').ok_or_else(wrong)?),
            None => (item, "1"),
        };
        let count = number(count).filter(|&count| count > 0).ok_or_else(wrong)?;
        let times = number(times).filter(|&times| times > 0).ok_or_else(wrong)?;
        if times > most - tasks.len() {
            return Err(format!("more than {most} machines"));
        }
        tasks.extend(std::iter::repeat_n(count, times));
    }
    Ok(tasks)
}

/// The parts between the commas that are in no brackets.
fn split(list: &str) -> Parsed<Vec<&str>> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, c) in list.char_indices() {
        match c {
            '[' | ']' if inside == (c == '[') => return Err(format!("{list:?}: brackets do not match")),
            '[' | ']' => inside = !inside,
            ',' if !inside => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(format!("{list:?}: brackets do not match"));
    }
    parts.push(&list[start..]);
    Ok(parts)
}

/// The names that a pattern such as `rack[1-2]n[01-16]` stands for. Its brackets match.
fn names(pattern: &str, most: usize) -> Parsed<Vec<String>> {
    let mut names = vec![String::new()];
    for part in pattern.split(']') {
        let (text, ranges) = part.split_once('[').map_or((part, None), |(text, ranges)| (text, Some(ranges)));
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(format!("{text:?} is not part of a host name"));
        }
        let ends = match ranges {
            Some(ranges) => numbers(ranges, most)?,
            None => vec![String::new()],
        };
        if names.len().saturating_mul(ends.len()) > most {
            return Err("more machines than tasks".into());
        }
        names = names.iter().flat_map(|name| ends.iter().map(move |end| format!("{name}{text}{end}"))).collect();
    }
    if names.iter().any(String::is_empty) { Err("a name is empty".into()) } else { Ok(names) }
}

/// The numbers of `01-03,07` as they are written.
fn numbers(ranges: &str, most: usize) -> Parsed<Vec<String>> {
    let mut numbers = Vec::new();
    for range in ranges.split(',') {
        let wrong = || format!("{range:?} is no range");
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (width, first) = (first.len(), number(first).ok_or_else(wrong)?);
        let last = number(last).filter(|&last| last >= first).ok_or_else(wrong)?;
        if last - first >= most - numbers.len() {
            return Err("more machines than tasks".into());
        }
        numbers.extend((first..=last).map(|number| format!("{number:0width$}")));
    }
    Ok(numbers)
}

/// A number of plain digits, at most 18 so that nothing overflows.
fn number(text: &str) -> Option<usize> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_of_machines_are_spelt_out() {
        for (list, expected) in [
            ("n1", &["n1"][..]),
            ("node[01-03,07],gpu5", &["node01", "node02", "node03", "node07", "gpu5"]),
            ("n[8-11]", &["n8", "n9", "n10", "n11"]),
            ("n[098-101]", &["n098", "n099", "n100", "n101"]),
            ("r[1-2]n[1,3]-ib", &["r1n1-ib", "r1n3-ib", "r2n1-ib", "r2n3-ib"]),
            ("127.0.0.1,[1-2]", &["127.0.0.1", "1", "2"]),
        ] {
            assert_eq!(machines(list, 16).unwrap(), expected, "{list}");
        }
    }

    #[test]
    fn wrong_lists_are_refused() {
        for list in [
            "",
            "a,",
            ",a",
            "a[1-2",
            "a1-2]",
            "a[[1]]",
            "a[]",
            "a[1-]",
            "a[-2]",
            "a[2-1]",
            "a[1,,2]",
            "a[x-y]",
            "a b",
            "a[1-99]",
            "a:1",
            "a[1-4]b[1-5]",
            "a[1-99999999999999999999]",
            "é",
            "a[1-9],b[1-9]",
            "a[+1]",
        ] {
            assert!(machines(list, 16).is_err(), "{list}: {:?}", machines(list, 16));
        }
    }

    #[test]
    fn tasks_are_counted_by_machine() {
        assert_eq!(tasks_per_node("2(x3),1", 8).unwrap(), [2, 2, 2, 1]);
        assert_eq!(tasks_per_node("4", 8).unwrap(), [4]);
        for list in ["", "0", "2(x0)", "2(x3", "2x3", "2(3)", "2,", "-1", "2(x9)", "1(x999999999999999999)"] {
            assert!(tasks_per_node(list, 8).is_err(), "{list}");
        }
    }

    proptest! {
        /// Whatever is written, it is read or refused, and never more than asked for.
        #[test]
        fn any_text_is_read_or_refused(list in "[a-c0-9\\[\\],x()-]{0,24}", most in 1..50usize) {
            prop_assert!(machines(&list, most).map_or(0, |machines| machines.len()) <= most);
            prop_assert!(tasks_per_node(&list, most).map_or(0, |tasks| tasks.len()) <= most);
        }

        #[test]
        fn a_range_names_every_number_once(first in 0..2000usize, count in 1..40usize, width in 1..6usize) {
            let last = first + count - 1;
            let read = machines(&format!("n[{first:0width$}-{last:0width$}]"), count).unwrap();
            let expected: Vec<String> = (first..=last).map(|number| format!("n{number:0width$}")).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn tasks_written_as_slurm_does_are_read_back(runs in prop::collection::vec((1..9usize, 1..5usize), 1..6)) {
            let item = |&(count, times): &(usize, usize)| match times {
                1 => count.to_string(),
                _ => format!("{count}(x{times})"),
            };
            let list: Vec<String> = runs.iter().map(item).collect();
            let expected: Vec<usize> = runs.iter().flat_map(|&(count, times)| vec![count; times]).collect();
            prop_assert_eq!(tasks_per_node(&list.join(","), expected.len()).unwrap(), expected);
        }
    }
}
