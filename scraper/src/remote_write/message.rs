//! The messages of remote write 1.0, read where they stand: nothing is copied or allocated.
//!
//! ```text
//! WriteRequest    timeseries 1: TimeSeries, metadata 3: MetricMetadata
//! TimeSeries      labels 1: Label, samples 2: Sample, exemplars 3: Exemplar, histograms 4: Histogram
//! Label           name 1, value 2
//! Sample          value 1: double, timestamp 2: int64 (ms)
//! Exemplar        labels 1: Label, value 2: double, timestamp 3: int64 (ms)
//! MetricMetadata  type 1, metric_family_name 2, help 4, unit 5
//! ```
//!
//! Histograms are in `histogram`. A field that is left out is zero or empty. Source:
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

use watchpost_model::{Metadata, MetricType};

use super::wire::{Fields, Malformed, Value};

/// The key of `TimeSeries.labels`.
const LABELS: u8 = 0x0a;
/// The key of `TimeSeries.samples`.
const SAMPLES: u8 = 0x12;

/// A part of a write request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'a> {
    /// The bytes of a series.
    Series(&'a [u8]),
    /// The bytes of what is said of a metric.
    Metadata(&'a [u8]),
}

/// The parts of a write request, in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a>(Fields<'a>);

impl<'a> Request<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self(Fields::new(body))
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'a>>, Malformed> {
        while let Some(field) = self.0.next()? {
            match field {
                (1, Value::Bytes(bytes)) => return Ok(Some(Entry::Series(bytes))),
                (3, Value::Bytes(bytes)) => return Ok(Some(Entry::Metadata(bytes))),
                (1 | 3, _) => return Err(Malformed),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// What a series has besides the labels at its front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part<'a> {
    Sample(Sample),
    Exemplar(&'a [u8]),
    Histogram(&'a [u8]),
    /// A label after something else: allowed, and done by nobody.
    LateLabel,
}

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) time_ms: i64,
}

/// The parts of a series after its labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a>(Fields<'a>);

impl<'a> Parts<'a> {
    /// The parts in what follows the labels of a series.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Fields::new(bytes))
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Part<'a>>, Malformed> {
        if let Some(bytes) = self.0.next_bytes_of(SAMPLES) {
            return sample(bytes).map(Part::Sample).map(Some);
        }
        self.other()
    }

    #[cold]
    fn other(&mut self) -> Result<Option<Part<'a>>, Malformed> {
        while let Some(field) = self.0.next()? {
            return Ok(Some(match field {
                (1, Value::Bytes(_)) => Part::LateLabel,
                (2, Value::Bytes(bytes)) => Part::Sample(sample(bytes)?),
                (3, Value::Bytes(bytes)) => Part::Exemplar(bytes),
                (4, Value::Bytes(bytes)) => Part::Histogram(bytes),
                (1..=4, _) => return Err(Malformed),
                _ => continue,
            }));
        }
        Ok(None)
    }
}

/// Reads a sample: nearly always a value, which is left out where it is 0, and then a time.
#[inline]
fn sample(bytes: &[u8]) -> Result<Sample, Malformed> {
    let mut fields = Fields::new(bytes);
    let mut value = 0.0;
    if fields.eat(0x09) {
        value = f64::from_le_bytes(fields.array()?);
    }
    if fields.eat(0x10) {
        let time_ms = fields.varint()?.cast_signed();
        if fields.rest().is_empty() {
            return Ok(Sample { value, time_ms });
        }
    }
    odd_sample(bytes)
}

/// A sample whose fields are in another order, or are not all there.
#[cold]
fn odd_sample(bytes: &[u8]) -> Result<Sample, Malformed> {
    value_and_time(bytes, 1, 2)
}

/// The value and the time of an exemplar.
#[cold]
pub(super) fn exemplar(bytes: &[u8]) -> Result<Sample, Malformed> {
    value_and_time(bytes, 2, 3)
}

fn value_and_time(bytes: &[u8], value: u64, time: u64) -> Result<Sample, Malformed> {
    let mut fields = Fields::new(bytes);
    let mut sample = Sample {
        value: 0.0,
        time_ms: 0,
    };
    while let Some((number, field)) = fields.next()? {
        match field {
            Value::Fixed64(bits) if number == value => sample.value = f64::from_le_bytes(bits),
            Value::Varint(ms) if number == time => sample.time_ms = ms.cast_signed(),
            _ if number == value || number == time => return Err(Malformed),
            _ => {}
        }
    }
    Ok(sample)
}

/// The labels at the front of a series, each with its bytes as a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelFields<'a>(Fields<'a>);

/// A label, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LabelField<'a> {
    /// The whole field.
    pub(super) field: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> LabelFields<'a> {
    /// The labels at the front of some bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Fields::new(bytes))
    }

    /// What follows the labels, once there is none left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0.rest()
    }

    pub(super) fn next(&mut self) -> Result<Option<LabelField<'a>>, Malformed> {
        let before = self.0.rest();
        let Some(message) = self.0.next_bytes_of(LABELS) else {
            return Ok(None);
        };
        let length = before.len() - self.0.rest().len();
        let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field {
                (1, Value::Bytes(bytes)) => name = bytes,
                (2, Value::Bytes(bytes)) => value = bytes,
                (1 | 2, _) => return Err(Malformed),
                _ => {}
            }
        }
        Ok(Some(LabelField {
            field: before.get(..length).unwrap_or_default(),
            name,
            value,
        }))
    }
}

/// Puts the labels of a series or an exemplar before everything else, as nearly all senders do.
pub(super) fn labels_first(series: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut labels = Vec::with_capacity(series.len());
    let mut others = Vec::new();
    let mut fields = Fields::new(series);
    loop {
        let before = fields.rest();
        let Some((number, _)) = fields.next()? else {
            break;
        };
        let length = before.len() - fields.rest().len();
        let field = before.get(..length).unwrap_or_default();
        if number == 1 {
            labels.extend_from_slice(field);
        } else {
            others.extend_from_slice(field);
        }
    }
    labels.extend(others);
    Ok(labels)
}

/// Reads what is said of a metric: its name and the rest.
pub(super) fn metadata(bytes: &[u8]) -> Result<(String, Metadata), Malformed> {
    let mut fields = Fields::new(bytes);
    let mut metadata = Metadata::default();
    let mut name = String::new();
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Varint(number)) => metadata.metric_type = metric_type(number),
            (2, Value::Bytes(bytes)) => name = text(bytes).map_err(|_| Malformed)?,
            (4, Value::Bytes(bytes)) => metadata.help = text(bytes).map_err(|_| Malformed)?,
            (5, Value::Bytes(bytes)) => metadata.unit = text(bytes).map_err(|_| Malformed)?,
            (1 | 2 | 4 | 5, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok((name, metadata))
}

fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}
