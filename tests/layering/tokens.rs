//! Rust source as tokens, as far as imports need it: without comments, literals and tests.

use std::path::{Path, PathBuf};

/// Identifiers, `::`, and single characters of everything else that matters.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Word(String),
    PathSep,
    Mark(char),
}

/// The tokens of Rust source, without comments and literals.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        match chars[at] {
            '/' if next == '/' => at = end_of_line(&chars, at),
            '/' if next == '*' => at = end_of_comment(&chars, at),
            '"' => at = end_of_string(&chars, at + 1),
            '\'' => at = end_of_quote(&chars, at),
            c if c.is_alphabetic() || c == '_' => {
                let end = end_of_word(&chars, at);
                let word: String = chars[at..end].iter().collect();
                match raw_string(&chars, &word, end) {
                    Some(after) => at = after,
                    None => {
                        tokens.push(Token::Word(word));
                        at = end;
                    }
                }
            }
            ':' if next == ':' => {
                tokens.push(Token::PathSep);
                at += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                at += 1;
            }
        }
    }
    tokens
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n)
}

/// Block comments nest.
fn end_of_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// After the closing quote of a string that began before `at`.
fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// After a character literal, or after the quote of a lifetime.
fn end_of_quote(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        return chars[at + 3..].iter().position(|&c| c == '\'').map_or(chars.len(), |n| at + 4 + n);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

fn end_of_word(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| !c.is_alphanumeric() && *c != '_').map_or(chars.len(), |n| at + n)
}

/// After the raw string that the prefix `word` begins, if it does.
fn raw_string(chars: &[char], word: &str, end: usize) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[end..].iter().take_while(|&&c| c == '#').count();
    if chars.get(end + hashes) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = end + hashes + 1;
    let found = chars[body..].windows(closing.len()).position(|window| window == closing);
    Some(found.map_or(chars.len(), |n| body + n + closing.len()))
}

/// Source without its tests, and the files that hold nothing but tests.
pub struct Stripped {
    pub tokens: Vec<Token>,
    pub test_files: Vec<PathBuf>,
}

/// Leaves out `#[cfg(test)] mod name { … }`, and notes the file of `#[cfg(test)] mod name;`.
pub fn strip_tests(tokens: Vec<Token>, children: &Path) -> Stripped {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut test_files = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute =
            attribute.iter().enumerate().all(|(i, want)| tokens.get(at + i).is_some_and(|t| is(t, want)));
        let module = is_attribute.then(|| at + attribute.len()).and_then(|start| test_module(&tokens, start));
        match module {
            Some((name, end)) => {
                if is(&tokens[end - 1], ";") {
                    test_files.push(children.join(&name).with_extension("rs"));
                    test_files.push(children.join(&name).join("mod.rs"));
                }
                at = end;
            }
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    Stripped { tokens: kept, test_files }
}

pub fn is(token: &Token, text: &str) -> bool {
    match token {
        Token::Word(word) => word == text,
        Token::PathSep => text == "::",
        Token::Mark(mark) => text.len() == 1 && text.starts_with(*mark),
    }
}

/// The name of the module declared at `start` (after `pub`, `pub(crate)` or nothing), and where it ends.
fn test_module(tokens: &[Token], start: usize) -> Option<(String, usize)> {
    let at = start + tokens[start..].iter().take(6).position(|token| is(token, "mod"))?;
    let visibility = ["pub", "(", ")", "crate", "super"];
    if !tokens[start..at].iter().all(|token| visibility.iter().any(|word| is(token, word))) {
        return None;
    }
    let Some(Token::Word(name)) = tokens.get(at + 1) else { return None };
    match tokens.get(at + 2)? {
        token if is(token, ";") => Some((name.clone(), at + 3)),
        token if is(token, "{") => Some((name.clone(), closing_brace(tokens, at + 2) + 1)),
        _ => None,
    }
}

pub fn closing_brace(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if is(token, "{") {
            depth += 1;
        } else if is(token, "}") {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len() - 1
}

/// Collects the paths of a use tree that goes on at `at`, below `prefix`. Returns nothing of `*` and `self` alone.
pub fn walk(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) {
    match tokens.get(at) {
        Some(Token::Word(word)) => {
            let path = match word.as_str() {
                "super" => prefix[..prefix.len().saturating_sub(1)].to_vec(),
                "self" => prefix.to_vec(),
                _ => [prefix, std::slice::from_ref(word)].concat(),
            };
            match tokens.get(at + 1) {
                Some(Token::PathSep) => walk(tokens, at + 2, &path, found),
                _ => found.push(path),
            }
        }
        Some(Token::Mark('{')) => {
            let end = closing_brace(tokens, at);
            let mut depth = 0;
            let mut branch = at + 1;
            for i in at + 1..=end {
                match &tokens[i] {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') if i < end => depth -= 1,
                    Token::Mark(',') if depth == 0 => {
                        walk(tokens, branch, prefix, found);
                        branch = i + 1;
                    }
                    _ => {}
                }
            }
            if branch < end {
                walk(tokens, branch, prefix, found);
            }
        }
        // `crate::*` would hide everything from this test; `crate::stage::*` is no list of results.
        Some(Token::Mark('*')) => found.push(prefix.to_vec()),
        _ => {}
    }
}
