//! Applies label rules to a label set.

use watchpost_model::LabelsBuilder;

use crate::config::{Action, RelabelConfig};

/// Applies rules in order; false where one of them drops the set.
pub fn apply(rules: &[RelabelConfig], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| apply_one(rule, labels))
}

fn apply_one(rule: &RelabelConfig, labels: &mut LabelsBuilder) -> bool {
    let value = joined(rule, labels);
    let target = rule.target_label.as_deref().unwrap_or_default();
    match rule.action {
        Action::Keep => rule.regex.is_match(&value),
        Action::Drop => !rule.regex.is_match(&value),
        Action::KeepEqual => labels.get(target) == value,
        Action::DropEqual => labels.get(target) != value,
        Action::Lowercase => set(labels, target, &value.to_lowercase()),
        Action::Uppercase => set(labels, target, &value.to_uppercase()),
        Action::Replace => replace(rule, labels, &value, target),
        Action::LabelMap => label_map(rule, labels),
        Action::LabelDrop => retain(labels, |name| !rule.regex.is_match(name)),
        Action::LabelKeep => retain(labels, |name| rule.regex.is_match(name)),
        // Refused when the file is loaded.
        Action::HashMod => true,
    }
}

/// Whether what rules make of a series may depend on the values of the labels of these names, or on
/// a label of such a name that they set.
pub(super) fn depend_on(rules: &[RelabelConfig], names: &[String]) -> bool {
    rules.iter().any(|rule| {
        let target = rule.target_label.as_deref().unwrap_or_default();
        match rule.action {
            Action::LabelDrop | Action::LabelKeep => false,
            // New names come of it, and values of any label.
            Action::LabelMap | Action::HashMod => true,
            Action::Replace
            | Action::Lowercase
            | Action::Uppercase
            | Action::Keep
            | Action::Drop
            | Action::KeepEqual
            | Action::DropEqual => {
                let among = |name: &str| names.iter().any(|have| have == name);
                target.contains('$')
                    || among(target)
                    || rule.source_labels.iter().any(|name| among(name))
            }
        }
    })
}

fn joined(rule: &RelabelConfig, labels: &LabelsBuilder) -> String {
    let values: Vec<&str> = rule
        .source_labels
        .iter()
        .map(|name| labels.get(name))
        .collect();
    values.join(&rule.separator)
}

fn set(labels: &mut LabelsBuilder, name: &str, value: &str) -> bool {
    labels.set(name, value);
    true
}

/// Both the label's name and its value are templates. What does not match changes nothing; a name
/// that comes out empty changes nothing either.
fn replace(rule: &RelabelConfig, labels: &mut LabelsBuilder, value: &str, target: &str) -> bool {
    let Some(replacement) = rule.regex.expand(value, &rule.replacement) else {
        return true;
    };
    let name = if target.contains('$') {
        rule.regex.expand(value, target).unwrap_or_default()
    } else {
        target.to_owned()
    };
    if !name.is_empty() {
        labels.set(&name, &replacement);
    }
    true
}

fn label_map(rule: &RelabelConfig, labels: &mut LabelsBuilder) -> bool {
    let mapped: Vec<(String, String)> = labels
        .iter()
        .filter_map(|(name, value)| {
            Some((
                rule.regex.expand(name, &rule.replacement)?,
                value.to_owned(),
            ))
        })
        .collect();
    for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
        labels.set(name, value);
    }
    true
}

fn retain(labels: &mut LabelsBuilder, keep: impl Fn(&str) -> bool) -> bool {
    let gone: Vec<String> = labels
        .iter()
        .filter(|(name, _)| !keep(name))
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in &gone {
        labels.remove(name);
    }
    true
}

#[cfg(test)]
mod tests {
    use watchpost_model::Labels;

    use super::*;

    /// A rule, and the labels after it; nothing where it drops the set.
    type Case = (
        &'static str,
        Option<&'static [(&'static str, &'static str)]>,
    );

    /// The label set after one rule, or nothing where it is dropped.
    fn after(rule: &str, pairs: &[(&str, &str)]) -> Option<Labels> {
        let rule: RelabelConfig = serde_json::from_str(rule).unwrap();
        let mut labels = Labels::from_pairs(pairs.iter().copied()).builder();
        apply(&[rule], &mut labels).then(|| labels.build())
    }

    #[test]
    fn rules_that_look_at_a_label_of_the_target_are_told_from_others() {
        for (rule, expected) in [
            (
                r#"{"source_labels":["__name__"],"regex":"go_.*","action":"drop"}"#,
                false,
            ),
            (r#"{"source_labels":["a"],"target_label":"b"}"#, false),
            (r#"{"regex":"instance","action":"labeldrop"}"#, false),
            (
                r#"{"source_labels":["a","instance"],"target_label":"b"}"#,
                true,
            ),
            (r#"{"source_labels":["a"],"target_label":"instance"}"#, true),
            (r#"{"source_labels":["a"],"target_label":"$1"}"#, true),
            (
                r#"{"regex":"(.*)","replacement":"x_$1","action":"labelmap"}"#,
                true,
            ),
        ] {
            let rules = [serde_json::from_str(rule).unwrap()];
            assert_eq!(
                depend_on(&rules, &["instance".to_owned()]),
                expected,
                "{rule}"
            );
        }
    }

    #[test]
    fn rules_do_what_prometheus_does() {
        const START: [(&str, &str); 3] = [("a", "foo"), ("b", "bar"), ("c", "baz")];
        let cases: [Case; 12] = [
            (
                r#"{"source_labels":["a"],"regex":"f(.*)","target_label":"d","replacement":"ch${1}-ch${1}"}"#,
                Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "choo-choo")]),
            ),
            (
                r#"{"source_labels":["a"],"regex":"x(.*)","target_label":"a"}"#,
                Some(&START),
            ),
            (
                r#"{"source_labels":["a"],"regex":"(f).*","target_label":"b","replacement":""}"#,
                Some(&[("a", "foo"), ("c", "baz")]),
            ),
            (
                r#"{"source_labels":["a","b"],"regex":"foo;bar","action":"drop"}"#,
                None,
            ),
            (
                r#"{"source_labels":["a"],"regex":"fo","action":"keep"}"#,
                None,
            ),
            (
                r#"{"regex":"[bc]","action":"labeldrop"}"#,
                Some(&[("a", "foo")]),
            ),
            (
                r#"{"regex":"[bc]","action":"labelkeep"}"#,
                Some(&[("b", "bar"), ("c", "baz")]),
            ),
            (
                r#"{"regex":"(a)","replacement":"x_$1","action":"labelmap"}"#,
                Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("x_a", "foo")]),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"a","action":"uppercase"}"#,
                Some(&[("a", "FOO"), ("b", "bar"), ("c", "baz")]),
            ),
            (
                r#"{"source_labels":["a"],"target_label":"b","action":"keepequal"}"#,
                None,
            ),
            (
                r#"{"source_labels":["a"],"target_label":"b","action":"dropequal"}"#,
                Some(&START),
            ),
            (
                r#"{"source_labels":["a"],"regex":"(.*)","target_label":"l_$1","replacement":"v"}"#,
                Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("l_foo", "v")]),
            ),
        ];
        for (rule, expected) in cases {
            let expected = expected.map(|pairs| Labels::from_pairs(pairs.iter().copied()));
            assert_eq!(after(rule, &START), expected, "{rule}");
        }
    }
}
