//! Who hears of alerts: groups of alerts become notices, notices become mails.
//!
//! ```text
//! rules -> grouping (one route) -> a queue per receiver's mail -> message -> SMTP
//! ```
//!
//! Rules only leave news with [`Notifier::notify`], which never waits. Everything is in memory:
//! what waits when the program ends is lost, counted and logged.

mod config;
mod email;
mod event;
mod grouping;
mod message;
mod outbox;

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};
use watchpost_model::config::{Faults, Validate};

use crate::environment::Clock;
use config::EmailSettings;
pub use config::{Config, EmailConfig, Global, Receiver, Route, TlsConfig};
use email::Identity;
pub use event::{Event, EventState};
use grouping::Grouping;
use message::Writer;
use outbox::{Counts, Failure, Outbox, Parcel};

/// What messages show besides the alerts.
#[derive(Clone)]
pub struct Options {
    /// The address of the page, for links.
    pub external_url: String,
    /// The zone of the times in messages.
    pub zone: TimeZone,
    /// The time.
    pub clock: Clock,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("external_url", &self.external_url)
            .finish_non_exhaustive()
    }
}

/// Takes the news of alerts and sends notices. A clone is another handle to the same notifier.
#[derive(Clone, Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    grouping: Option<Mutex<Grouping>>,
    channels: Vec<Channel>,
    writer: Writer,
    options: Options,
    /// Alerts have changed.
    news: Notify,
}

/// One `email_configs` entry of the route's receiver.
#[derive(Debug)]
struct Channel {
    receiver: String,
    index: usize,
    settings: EmailSettings,
    outbox: Mutex<Outbox>,
    last_sent_ms: Mutex<Option<i64>>,
    /// The outbox has changed.
    news: Notify,
}

/// How the sending goes, for the page and for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifierStatus {
    /// Alerts that are kept for notices.
    pub alerts: usize,
    /// Alerts that were refused because there were too many.
    pub alerts_refused: u64,
    /// One for each mail that the route's receiver sends.
    pub channels: Vec<ChannelStatus>,
}

/// How the sending of one kind of mail goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The receiver's name.
    pub receiver: String,
    /// `email`
    pub integration: &'static str,
    /// Which of the receiver's `email_configs`, from 0.
    pub index: usize,
    /// Notices that the server accepted.
    pub sent: u64,
    /// Attempts that failed; each is tried again unless the notice is dropped.
    pub failed_attempts: u64,
    /// Notices that wait.
    pub queued: usize,
    /// Notices that were given up: the queue was full, the server refused them, or 24 h passed.
    pub dropped: u64,
    /// Recoveries that were not sent because their firing notice never was.
    pub suppressed: u64,
    /// Why the last attempt failed; stays until one succeeds.
    pub last_error: Option<String>,
    /// When a notice was last accepted, ms since the epoch.
    pub last_sent_ms: Option<i64>,
}

impl Notifier {
    /// A notifier; it sends nothing until it [runs](Self::run).
    pub fn new(config: &Config, options: Options) -> Result<Self, Faults> {
        let mut faults = Faults::new("notifications");
        config.validate(&mut faults);
        let route = config.effective_route();
        let receiver = route.as_ref().and_then(|route| {
            config
                .receivers
                .iter()
                .find(|receiver| receiver.name == route.receiver)
        });
        let mut channels = Vec::new();
        for (index, email) in receiver
            .iter()
            .flat_map(|receiver| &receiver.email_configs)
            .enumerate()
        {
            let Some(settings) = email.settle(&config.global, &mut Faults::default()) else {
                continue;
            };
            channels.push(Channel {
                receiver: receiver
                    .map(|receiver| receiver.name.clone())
                    .unwrap_or_default(),
                index,
                outbox: Mutex::new(Outbox::new(settings.send_resolved)),
                settings,
                last_sent_ms: Mutex::new(None),
                news: Notify::new(),
            });
        }
        let writer = match Writer::new(&options.external_url, options.zone.clone()) {
            Ok(writer) => writer,
            Err(error) => {
                faults.add(
                    "",
                    format_args!("cannot read the built-in templates: {error}"),
                );
                return Err(faults);
            }
        };
        faults.into_result(Self {
            shared: Arc::new(Shared {
                grouping: route.map(|route| Mutex::new(Grouping::new(route))),
                channels,
                writer,
                options,
                news: Notify::new(),
            }),
        })
    }

    /// Takes the news of alerts: all that fire, again at each evaluation, and those that ended.
    pub fn notify(&self, events: Vec<Event>) {
        let Some(grouping) = &self.shared.grouping else {
            return;
        };
        if events.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut grouping = grouping.lock();
        for event in events {
            grouping.take(event, now);
        }
        drop(grouping);
        self.shared.news.notify_one();
    }

    /// Sends until `shutdown` is done. What waits then is lost, and logged.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&self.shared);
        tasks.spawn(async move { shared.dispatch().await });
        for index in 0..self.shared.channels.len() {
            let shared = Arc::clone(&self.shared);
            tasks.spawn(async move { shared.deliver(index).await });
        }
        shutdown.await;
        tasks.shutdown().await;
        for channel in self
            .status()
            .channels
            .iter()
            .filter(|channel| channel.queued > 0)
        {
            let ChannelStatus {
                receiver, queued, ..
            } = channel;
            warn!(receiver, queued, "notices were not sent before the end");
        }
    }

    /// How the sending goes.
    pub fn status(&self) -> NotifierStatus {
        let (alerts, alerts_refused) = match &self.shared.grouping {
            Some(grouping) => {
                let grouping = grouping.lock();
                (grouping.alerts(), grouping.refused())
            }
            None => (0, 0),
        };
        NotifierStatus {
            alerts,
            alerts_refused,
            channels: self.shared.channels.iter().map(Channel::status).collect(),
        }
    }
}

impl Shared {
    /// Turns groups of alerts into notices when their time has come.
    async fn dispatch(&self) {
        let Some(grouping) = &self.grouping else {
            return;
        };
        loop {
            wait(&self.news, || grouping.lock().next_flush()).await;
            let now = Instant::now();
            for notice in grouping.lock().flush(now).into_iter().map(Arc::new) {
                for channel in &self.channels {
                    channel.outbox.lock().push(Arc::clone(&notice), now);
                    channel.news.notify_one();
                }
            }
        }
    }

    /// Sends the notices of one channel, one after the other.
    async fn deliver(&self, index: usize) {
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        loop {
            let parcel = channel.outbox.lock().take(Instant::now());
            match parcel {
                Some(parcel) => self.attempt(channel, &parcel).await,
                None => wait(&channel.news, || channel.outbox.lock().next_due()).await,
            }
        }
    }

    async fn attempt(&self, channel: &Channel, parcel: &Parcel) {
        let identity = Identity {
            message_id: channel.message_id(parcel),
            reply_to: parcel.reply_to.clone(),
        };
        let outcome = match self.writer.write(&parcel.notice) {
            Ok(message) => email::send(&channel.settings, message, &identity).await,
            Err(error) => Err(Failure::Permanent(format!(
                "cannot write the mail: {error}"
            ))),
        };
        let receiver = &channel.receiver;
        let mut outbox = channel.outbox.lock();
        match outcome {
            Ok(()) => {
                outbox.done(parcel, &identity.message_id);
                *channel.last_sent_ms.lock() = Some((self.options.clock)());
                let (new, resolved) = (parcel.notice.new.len(), parcel.notice.resolved.len());
                info!(receiver, new, resolved, "sent a notice by mail");
            }
            Err(failure) => {
                let dropped = outbox.failed(parcel.number, &failure, Instant::now());
                let (Failure::Temporary(error) | Failure::Permanent(error)) = &failure;
                let alerts = parcel.notice.names();
                if dropped {
                    error!(
                        error,
                        receiver, alerts, "gave up a notice that cannot be sent"
                    );
                } else {
                    warn!(
                        error,
                        receiver, alerts, "cannot send a notice now, it will be tried again"
                    );
                }
            }
        }
    }
}

impl Channel {
    /// The same for each attempt, and for the same notice after a restart.
    fn message_id(&self, parcel: &Parcel) -> String {
        let domain = self.settings.from.email.domain();
        let (id, index) = (parcel.notice.id, self.index);
        format!("<watchpost.{id:016x}.{index}@{domain}>")
    }

    fn status(&self) -> ChannelStatus {
        let outbox = self.outbox.lock();
        let counts: &Counts = outbox.counts();
        ChannelStatus {
            receiver: self.receiver.clone(),
            integration: "email",
            index: self.index,
            sent: counts.sent,
            failed_attempts: counts.failed_attempts,
            queued: outbox.len(),
            dropped: counts.dropped,
            suppressed: counts.suppressed,
            last_error: counts.last_error.clone(),
            last_sent_ms: *self.last_sent_ms.lock(),
        }
    }
}

/// Waits until the time that `due` tells, asking again whenever there are news.
async fn wait(news: &Notify, due: impl Fn() -> Option<Instant>) {
    loop {
        let changed = news.notified();
        match due() {
            Some(due) if due <= Instant::now() => return,
            Some(due) => tokio::select! {
                () = sleep_until(due) => return,
                () = changed => {}
            },
            None => changed.await,
        }
    }
}
