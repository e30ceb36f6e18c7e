//! The labels of a page's series together with those of its target.

use watchpost_model::{Labels, LabelsBuilder};

/// Which labels of a page stand where its target has them too.
#[derive(Clone, Copy)]
pub(super) enum Conflict<'a> {
    /// The target's; the page's are kept as `exported_<label>`.
    Rename,
    /// The page's (`honor_labels`). Of a label that the page gives an empty value, as Pushgateway
    /// does with `instance`, the function says so, and the series is without it.
    Honor(&'a dyn Fn(&str) -> bool),
}

/// Adds the target's labels to those of a series on its page.
pub(super) fn add_target_labels(labels: &mut LabelsBuilder, target: &Labels, on: Conflict<'_>) {
    let mut renamed = Vec::new();
    for (name, value) in target {
        let own = labels.get(name).to_owned();
        match on {
            Conflict::Honor(is_empty) if !own.is_empty() || is_empty(name) => continue,
            Conflict::Rename if !own.is_empty() => renamed.push((name, own)),
            _ => {}
        }
        labels.set(name, value);
    }
    renamed.sort_by_key(|(name, _)| name.len());
    for (name, value) in renamed {
        let mut name = format!("exported_{name}");
        while !labels.get(&name).is_empty() {
            name = format!("exported_{name}");
        }
        labels.set(&name, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_the_page_that_the_target_has_too_are_renamed_or_honored() {
        let target = Labels::from_pairs([("job", "node"), ("instance", "web1")]);
        let page = Labels::from_pairs([("job", "x"), ("exported_job", "y"), ("a", "b")]);
        let mut labels = page.builder();
        add_target_labels(&mut labels, &target, Conflict::Rename);
        assert_eq!(
            labels.build().to_string(),
            r#"{a="b", exported_exported_job="x", exported_job="y", instance="web1", job="node"}"#
        );
        let mut labels = page.builder();
        add_target_labels(&mut labels, &target, Conflict::Honor(&|_| false));
        assert_eq!(
            labels.build().to_string(),
            r#"{a="b", exported_job="y", instance="web1", job="x"}"#
        );
        let mut labels = page.builder();
        let is_empty = |name: &str| name == "instance";
        add_target_labels(&mut labels, &target, Conflict::Honor(&is_empty));
        assert_eq!(
            labels.build().to_string(),
            r#"{a="b", exported_job="y", job="x"}"#
        );
    }
}
