//! Puts pages together in the order of their families' names.

use std::sync::Arc;

use watchpost_model::text::Page;

/// All families of some pages and of a text in the order of their names. A family that is there
/// several times keeps the first one's help and type.
pub(super) fn merge<'a>(pages: impl Iterator<Item = &'a mut Page>, text: &'a [u8]) -> Arc<[u8]> {
    let mut families: Vec<_> = pages.flat_map(Page::families).collect();
    families.extend(families_of(text));
    families.sort_by_key(|(name, _)| *name);
    let size = families.iter().map(|(_, text)| text.len()).sum();
    let mut page = Vec::with_capacity(size);
    let mut before: &[u8] = b"";
    for (name, text) in families {
        if name == before {
            text.split_inclusive(|c| *c == b'\n')
                .filter(|line| !line.starts_with(b"#"))
                .for_each(|line| page.extend_from_slice(line));
        } else {
            page.extend_from_slice(text);
        }
        before = name;
    }
    page.into()
}

/// The families of a text in which each begins with its help.
fn families_of(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    const HELP: &[u8] = b"# HELP ";
    let mut rest = text;
    std::iter::from_fn(move || {
        let name = rest.strip_prefix(HELP)?;
        let name = name.split(|c| *c == b' ' || *c == b'\n').next()?;
        let mut end = 0;
        for line in rest.split_inclusive(|c| *c == b'\n') {
            if end > 0 && line.starts_with(HELP) {
                break;
            }
            end += line.len();
        }
        let (family, after) = rest.split_at_checked(end)?;
        rest = after;
        Some((name, family))
    })
}
