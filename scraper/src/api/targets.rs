//! `targets`: what is scraped, and how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use watchpost_model::{Duration, Labels};

use super::{App, Error, Params, response};
use crate::clock;
use crate::scrape::{Pool, Target};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(rename = "activeTargets")]
    active: Vec<Active>,
    #[serde(rename = "droppedTargets")]
    dropped: Vec<Dropped>,
    dropped_target_counts: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    discovered_labels: Labels,
    labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: Duration,
    scrape_timeout: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    discovered_labels: Labels,
    scrape_pool: String,
}

/// All targets, or those of one pool or state.
pub(super) async fn targets(
    State(app): State<Arc<App>>,
    params: Params,
) -> Result<Response, Error> {
    let (pool, state) = (params.get("scrapePool"), params.get("state"));
    let pools: Vec<&Arc<Pool>> = app
        .scrape
        .pools()
        .iter()
        .filter(|have| pool.is_empty() || have.name == pool)
        .collect();
    let mut answer = Answer {
        active: Vec::new(),
        dropped: Vec::new(),
        dropped_target_counts: BTreeMap::new(),
    };
    for pool in pools {
        if state != "dropped" {
            let targets = pool.targets.iter().map(|target| active(pool, target));
            answer.active.extend(targets);
        }
        if state != "active" {
            answer
                .dropped
                .extend(pool.dropped.iter().map(|labels| Dropped {
                    discovered_labels: labels.clone(),
                    scrape_pool: pool.name.clone(),
                }));
        }
        answer
            .dropped_target_counts
            .insert(pool.name.clone(), pool.dropped.len());
    }
    Ok(response::success(&answer, &[]))
}

fn active(pool: &Pool, target: &Target) -> Active {
    let health = target.health();
    let url = target.url.to_string();
    Active {
        discovered_labels: target.discovered.clone(),
        labels: target.labels.clone(),
        scrape_pool: pool.name.clone(),
        scrape_url: url.clone(),
        global_url: url,
        last_error: health.last_error,
        last_scrape: health
            .last_scrape_ms
            .map_or_else(|| clock::NEVER.to_owned(), clock::rfc3339),
        last_scrape_duration: health.last_duration,
        health: health.state.as_str(),
        scrape_interval: target.interval,
        scrape_timeout: target.timeout,
    }
}
