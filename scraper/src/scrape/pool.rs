//! The targets of one job.

use std::collections::HashSet;
use std::sync::Arc;

use watchpost_model::Labels;

use super::limits::Limits;
use super::{Client, ClientError, Target};
use crate::config::{DEFAULT_BODY_SIZE_LIMIT, Global, RelabelConfig, ScrapeConfig};

/// The targets of one job, and what is the same for all of them.
#[derive(Debug)]
pub struct Pool {
    /// The job's name.
    pub name: String,
    /// The targets that are scraped.
    pub targets: Vec<Arc<Target>>,
    /// The labels of targets that the label rules drop.
    pub dropped: Vec<Labels>,
    /// The rules for the targets' labels.
    pub relabel: Vec<RelabelConfig>,
    /// How the job is scraped, as YAML, without secrets.
    pub yaml: String,
    /// Why none of the targets is scraped, where that is so.
    pub(super) refused: Option<String>,
    pub(super) client: Client,
    pub(super) settings: Settings,
}

/// How the pages of a job become series.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) honor_labels: bool,
    pub(super) honor_timestamps: bool,
    pub(super) limits: Limits,
    pub(super) metric_relabel: Vec<RelabelConfig>,
}

impl Pool {
    /// The targets of a job. Two entries that come to the same labels and URL are one target. An
    /// entry that makes no target is logged and left out, as in Prometheus.
    pub fn new(job: &ScrapeConfig, global: &Global) -> Result<Self, ClientError> {
        let mut targets = Vec::new();
        let mut dropped = Vec::new();
        let mut seen = HashSet::new();
        for group in &job.static_configs {
            for address in &group.targets {
                match Target::new(job, global, address, &group.labels) {
                    Ok(Ok(target)) => {
                        if seen.insert((target.labels.clone(), target.url.clone())) {
                            targets.push(Arc::new(target));
                        }
                    }
                    Ok(Err(labels)) => dropped.push(labels),
                    Err(error) => {
                        tracing::error!(%error, job = job.job_name, address, "no target made");
                    }
                }
            }
        }
        let limits = Limits::of(job, global);
        let over = limits.targets > 0 && targets.len() > limits.targets;
        let refused = over.then(|| {
            format!(
                "target_limit exceeded (number of targets: {}, limit: {})",
                targets.len(),
                limits.targets
            )
        });
        Ok(Self {
            refused,
            name: job.job_name.clone(),
            targets,
            dropped,
            relabel: job.relabel_configs.clone(),
            yaml: serde_yaml::to_string(job).unwrap_or_else(|error| format!("# {error}\n")),
            client: Client::new(job, body_limit(job, global))?,
            settings: Settings {
                honor_labels: job.honor_labels,
                honor_timestamps: job.honor_timestamps,
                limits,
                metric_relabel: job.metric_relabel_configs.clone(),
            },
        })
    }
}

fn body_limit(job: &ScrapeConfig, global: &Global) -> watchpost_model::config::ByteSize {
    [job.body_size_limit, global.body_size_limit]
        .into_iter()
        .find(|limit| limit.0 > 0)
        .unwrap_or(DEFAULT_BODY_SIZE_LIMIT)
}
