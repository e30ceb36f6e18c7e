//! What targets share of their pages.
//!
//! What a line of a page is in the store follows from its text, from the job's settings and from the
//! *names* of the target's labels; the values of the target's labels hardly ever count. So targets
//! of one job with labels of the same names form a class, and a thousand hosts that serve the same
//! page have its texts, its labels and its layout once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use watchpost_model::text::{Format, KnownLine, Shape, Shapes};
use watchpost_model::{Labels, Metadata};
use watchpost_tsdb::{Layout, LineId};

use super::pool::Settings;
use super::relabel;

/// What a line of a page is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line of the store.
    Kept(LineId),
    /// Kept too, but its samples have times of their own: each is a single column.
    Timed,
    /// The label rules drop it.
    Dropped,
    /// It depends on the values of the target's labels: targets that have it share nothing.
    OfTarget,
}

/// What is known of a page by its shape.
#[derive(Debug)]
pub(super) struct PageLayout {
    /// The report and the lines that are kept, those with a time of their own left out.
    pub(super) row: Layout,
    /// The lines that are kept.
    pub(super) kept: usize,
    /// What the page says of its metrics.
    pub(super) metadata: Arc<[(String, Metadata)]>,
}

pub(super) type Lines = Shapes<Line, PageLayout>;
pub(super) type PageLine = Arc<KnownLine<Line>>;
pub(super) type PageShape = Shape<Line, PageLayout>;

/// The lines and shapes that the targets of a class share.
#[derive(Debug)]
pub(super) struct Class {
    text: Mutex<Lines>,
    openmetrics: Mutex<Lines>,
    /// Whether it is of one target.
    pub(super) is_of_one: bool,
}

impl Class {
    fn new(is_of_one: bool) -> Arc<Self> {
        Arc::new(Self {
            text: Mutex::default(),
            openmetrics: Mutex::default(),
            is_of_one,
        })
    }

    /// A class of one target.
    pub(super) fn of_one() -> Arc<Self> {
        Self::new(true)
    }

    /// What is known of pages in this format.
    pub(super) fn lines(&self, format: Format) -> &Mutex<Lines> {
        match format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.openmetrics,
        }
    }
}

/// All classes.
#[derive(Debug, Default)]
pub(super) struct Classes(HashMap<(String, Vec<String>), Arc<Class>>);

impl Classes {
    /// The class of a target of a job.
    pub(super) fn of(&mut self, job: &str, settings: &Settings, target: &Labels) -> Arc<Class> {
        let names: Vec<String> = target.iter().map(|(name, _)| name.to_owned()).collect();
        if relabel::depend_on(&settings.metric_relabel, &names) {
            return Class::of_one();
        }
        let class = self.0.entry((job.to_owned(), names));
        Arc::clone(class.or_insert_with(|| Class::new(false)))
    }
}
