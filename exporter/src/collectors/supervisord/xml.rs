//! The answer of `supervisor.getAllProcessInfo`: an array of structures, of which a few members
//! are read. It is no general reader of XML; what it does not know it reads over.

/// What is told of a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) start: i64,
    pub(super) state: i64,
    pub(super) exit_status: i64,
}

/// The processes of an answer that is whole.
pub(super) fn processes(answer: &[u8]) -> Result<Vec<Process>, String> {
    let fault = |found: &str| format!("expected a whole answer with processes, found {found}");
    let text = std::str::from_utf8(answer).map_err(|_| fault("bytes that are not UTF-8"))?;
    if text.contains("<fault>") {
        return Err(fault("a fault"));
    }
    if !text.trim_end().ends_with("</methodResponse>") {
        let shown: String = text.chars().take(80).collect();
        return Err(fault(&format!("`{shown}`")));
    }
    let processes = text.split("<struct>").skip(1);
    processes
        .map(|rest| process(rest).ok_or_else(|| fault("a process that is not")))
        .collect()
}

/// The process of a structure; nothing where a member is missing or not of its type.
fn process(text: &str) -> Option<Process> {
    let (text, _) = text.split_once("</struct>")?;
    let number = |name| member(text, name)?.parse().ok();
    Some(Process {
        name: member(text, "name")?,
        group: member(text, "group")?,
        start: number("start")?,
        state: number("state")?,
        exit_status: number("exitstatus")?,
    })
}

/// The value of a member, without the element of its type.
fn member(text: &str, wanted: &str) -> Option<String> {
    text.split("<member>").skip(1).find_map(|member| {
        let (name, rest) = member.split_once("<name>")?.1.split_once("</name>")?;
        if name.trim() != wanted {
            return None;
        }
        let (value, _) = rest.split_once("<value>")?.1.split_once("</value>")?;
        let value = match value.trim().strip_prefix('<') {
            Some(typed) => typed.split_once('>')?.1.rsplit_once("</")?.0,
            None => value,
        };
        Some(unescape(value))
    })
}

fn unescape(text: &str) -> String {
    // The ampersand last, so that `&amp;lt;` is `&lt;`.
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    pairs
        .iter()
        .fold(text.to_owned(), |text, (escape, c)| text.replace(escape, c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "<methodResponse><struct>\n<member>\n<name>name</name>\n\
        <value><string>a</string></value>\n</member><member><name>group</name><value>g</value></member>\
        <member><name>start</name><value><int>1234</int></value></member>\
        <member><name>state</name><value><i4>20</i4></value></member>\
        <member><name>exitstatus</name><value><int>-1</int></value></member></struct></methodResponse>\n";

    #[test]
    fn members_are_read_with_or_without_a_type() {
        let expected = Process {
            name: "a".to_owned(),
            group: "g".to_owned(),
            start: 1_234,
            state: 20,
            exit_status: -1,
        };
        assert_eq!(processes(GOOD.as_bytes()), Ok(vec![expected]));
        assert_eq!(unescape("&amp;lt;&lt;"), "&lt;<");
        let cut = GOOD.replace("<i4>20</i4>", "<i4>x</i4>");
        assert!(processes(cut.as_bytes()).is_err());
    }

    #[test]
    fn an_answer_that_is_cut_is_refused() {
        for end in 0..GOOD.trim_end().len() {
            assert!(processes(&GOOD.as_bytes()[..end]).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(text in "(<member>|<name>|</name>|<value>|</value>|<int>|</struct>|<struct>|name|start|[<>&/a1]){0,30}") {
            drop(processes(text.as_bytes()));
            drop(processes(format!("{text}</methodResponse>").as_bytes()));
        }
    }
}
