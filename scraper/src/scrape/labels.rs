//! The labels of a page's series together with those of its target.

use watchpost_model::{Labels, LabelsBuilder};

/// Where page and target have the same label, either the page's stands (`honor_labels`) or the
/// target's, and then the page's is kept as `exported_<label>`.
pub(super) fn add_target_labels(labels: &mut LabelsBuilder, target: &Labels, honor: bool) {
    let mut renamed = Vec::new();
    for (name, value) in target {
        let own = labels.get(name).to_owned();
        if own.is_empty() {
            labels.set(name, value);
        } else if !honor {
            renamed.push((name, own));
            labels.set(name, value);
        }
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
        add_target_labels(&mut labels, &target, false);
        assert_eq!(
            labels.build().to_string(),
            r#"{a="b", exported_exported_job="x", exported_job="y", instance="web1", job="node"}"#
        );
        let mut labels = page.builder();
        add_target_labels(&mut labels, &target, true);
        assert_eq!(
            labels.build().to_string(),
            r#"{a="b", exported_job="y", instance="web1", job="x"}"#
        );
    }
}
