//! `examples/config.yaml` has every key of both programs, and both take it.

use std::path::PathBuf;

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_yaml::Value;
use watchpost_exporter::command;
use watchpost_exporter::config::Section;
use watchpost_rules::notify;
use watchpost_scraper::config::{
    Authorization, BasicAuth, Commands, Config, Global, HostCommands, RelabelConfig, Retention,
    ScrapeConfig, StaticConfig, Storage, TlsConfig, Tsdb,
};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/config.yaml")
}

/// Takes down which keys a section asks for.
struct Keys<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Keys<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("expected a section"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        Err(Error::custom("the keys are known now"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The keys of a section that are supported.
fn keys<T: DeserializeOwned>() -> Vec<&'static str> {
    let mut keys = Vec::new();
    assert!(T::deserialize(Keys(&mut keys)).is_err());
    keys.retain(|key| {
        let text = format!("{key}: x");
        !serde_yaml::from_str::<T>(&text).is_err_and(|e| e.to_string().contains("this key"))
    });
    assert!(!keys.is_empty());
    keys
}

/// What stands at a place such as `scrape_configs.0.tls_config`.
fn at<'a>(root: &'a Value, place: &str) -> &'a Value {
    place
        .split('.')
        .filter(|step| !step.is_empty())
        .fold(root, |value, step| {
            let inner = match step.parse::<usize>() {
                Ok(number) => value.get(number),
                Err(_) => value.get(step),
            };
            inner.unwrap_or(&Value::Null)
        })
}

#[test]
fn the_example_has_every_key() {
    let root: Value = serde_yaml::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let sections = [
        ("", keys::<Config>()),
        ("global", keys::<Global>()),
        ("scrape_configs.0", keys::<ScrapeConfig>()),
        ("scrape_configs.0.static_configs.0", keys::<StaticConfig>()),
        (
            "scrape_configs.0.relabel_configs.0",
            keys::<RelabelConfig>(),
        ),
        ("scrape_configs.0.tls_config", keys::<TlsConfig>()),
        ("scrape_configs.1.basic_auth", keys::<BasicAuth>()),
        ("scrape_configs.2.authorization", keys::<Authorization>()),
        ("notifications", keys::<notify::Config>()),
        ("notifications.global", keys::<notify::Global>()),
        ("notifications.route", keys::<notify::Route>()),
        ("notifications.receivers.0", keys::<notify::Receiver>()),
        (
            "notifications.receivers.0.email_configs.0",
            keys::<notify::EmailConfig>(),
        ),
        (
            "notifications.receivers.0.email_configs.0.tls_config",
            keys::<notify::TlsConfig>(),
        ),
        ("commands", keys::<Commands>()),
        ("commands.hosts.0", keys::<HostCommands>()),
        ("storage", keys::<Storage>()),
        ("storage.tsdb", keys::<Tsdb>()),
        ("storage.tsdb.retention", keys::<Retention>()),
        ("exporter", keys::<Section>()),
        ("exporter.commands", keys::<command::Config>()),
    ];
    for (place, keys) in sections {
        let section = at(&root, place);
        for key in keys {
            assert!(
                section.get(key).is_some(),
                "`{key}` is missing at `{place}`"
            );
        }
    }
    let actions = at(&root, "exporter.commands.actions").as_mapping().unwrap();
    for key in keys::<command::ActionConfig>() {
        assert!(
            actions.values().any(|action| action.get(key).is_some()),
            "no action has `{key}`"
        );
    }
}

#[test]
fn the_minimal_example_watches_two_hosts_and_can_send_mails() {
    let file = path().with_file_name("minimal.yaml");
    let config = Config::read(&file).unwrap();
    let targets: Vec<&str> = config.scrape_configs[0]
        .static_configs
        .iter()
        .flat_map(|group| group.targets.iter().map(String::as_str))
        .collect();
    assert_eq!(targets, ["localhost:9100", "web1:9100"]);
    assert!(config.notifications.is_none());
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.lines().count() <= 15);
    let (hosts, mails) = text.split_once("# notifications:").unwrap();
    let text = format!("{hosts}notifications:{}", mails.replace("\n#", "\n"));
    let config: Config = watchpost_model::config::load("minimal.yaml", &text).unwrap();
    let notifications = config.notifications.unwrap();
    assert_eq!(notifications.receivers[0].email_configs.len(), 1);
}

#[test]
fn both_programs_take_the_example() {
    if let Err(faults) = Config::read(&path()) {
        panic!("{faults}");
    }
    if let Err(error) = Section::load(&path()) {
        panic!("{error}");
    }
}
