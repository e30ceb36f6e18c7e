//! Functions from text to text.

use std::net::IpAddr;

/// `url.QueryEscape`
pub(super) fn escape_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                let nibbles = [byte >> 4, byte & 15].map(u32::from);
                let digits = nibbles
                    .iter()
                    .filter_map(|nibble| char::from_digit(*nibble, 16));
                out.push('%');
                out.extend(digits.map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
    out
}

pub(super) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('\'', "&#39;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
}

/// The first letter of each word in upper case, the others as they are.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || matches!(c, '_' | '\'');
        if word && !inside {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        inside = word;
    }
    out
}

/// Host and port; without a port the text as it is.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) => {
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            match bare {
                Some(bare) => (bare, Some(port)),
                None if host.contains([':', '[', ']']) => (text, None),
                None => (host, Some(port)),
            }
        }
        None => (text, None),
    }
}

pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split_port(text);
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let name = host.split('.').next().unwrap_or_default();
    match port {
        Some(port) if !port.is_empty() => format!("{name}:{port}"),
        _ => name.to_owned(),
    }
}

/// The path of a URL, without a slash at the end.
pub(super) fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme
        .find('/')
        .and_then(|start| after_scheme.get(start..));
    path.unwrap_or_default().trim_end_matches('/')
}
