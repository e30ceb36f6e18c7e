//! The text of a form: `a=1&b=2`, with `+` for a space and `%41` for a byte.

use super::Error;

/// Adds the names and values of a text. What is not UTF-8 is refused: read otherwise it would be
/// another question.
pub(super) fn decode(text: &[u8], pairs: &mut Vec<(String, String)>) -> Result<(), Error> {
    for pair in text.split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let end = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = pair.split_at(end.unwrap_or(pair.len()));
        let name = unescape(name, true)
            .ok_or_else(|| Error::BadData("a parameter's name is not UTF-8".to_owned()))?;
        let value = unescape(value.get(1..).unwrap_or_default(), true)
            .ok_or_else(|| Error::parameter(&name, "the value is not UTF-8"))?;
        pairs.push((name, value));
    }
    Ok(())
}

/// Reads escapes; nothing where what comes out is not UTF-8. A `%` without two digits stands for
/// itself.
pub(super) fn unescape(text: &[u8], plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if plus_is_space => out.push(b' '),
            b'%' => match escaped(after) {
                Some((byte, after)) => {
                    out.push(byte);
                    rest = after;
                }
                None => out.push(b'%'),
            },
            byte => out.push(*byte),
        }
    }
    String::from_utf8(out).ok()
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], rest) = text.split_first_chunk()?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = digit(high)? * 16 + digit(low)?;
    Some((u8::try_from(byte).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_what_is_not_utf_8_is_refused() {
        let mut pairs = Vec::new();
        decode(b"a=1+2%2B&b&&match%5B%5D=%C3%A4%zz%", &mut pairs).unwrap();
        let expected = [("a", "1 2+"), ("b", ""), ("match[]", "\u{e4}%zz%")];
        let found: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(found, expected);
        for text in [&b"query=%FF"[..], b"%FF=1", b"a=\xff"] {
            assert!(decode(text, &mut pairs).is_err(), "{text:?}");
        }
        assert_eq!(unescape(b"a+b", false).unwrap(), "a+b");
    }

    #[test]
    fn forms_are_read_as_the_library_reads_them() {
        use proptest::prelude::*;
        proptest!(|(pairs in proptest::collection::vec((".+", ".*"), 0..5))| {
            let text = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            let mut found = Vec::new();
            decode(text.as_bytes(), &mut found).unwrap();
            prop_assert_eq!(found, pairs);
        });
    }
}
