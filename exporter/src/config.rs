//! What the exporter is told: flags for what cannot change while it runs, the file's `exporter`
//! section for the rest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use watchpost_model::config::{Faults, Validate, load};

use crate::collectors::{
    ALL, Definition, NEVER_WAIT, OURS, Ready, SLOW, Settings, files_are_the_kernels,
};
use crate::command;
use crate::error::Error;
use crate::registry::Limits;

/// Everything the exporter is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The collectors that run, by name.
    pub enabled: BTreeSet<&'static str>,
    /// The collectors' flags and the host's paths.
    pub settings: Settings,
    /// How long collectors may take.
    pub limits: Limits,
    /// Where the page is.
    pub telemetry_path: String,
    /// Whether the page tells about the exporter too.
    pub own_metrics: bool,
    /// How many scrapes may run at once; 0 is without limit.
    pub max_requests: usize,
    /// Whether the page is told in OpenMetrics to those who ask for it.
    pub openmetrics: bool,
    /// The file that says how it is served: TLS, logins.
    pub web_config: Option<PathBuf>,
    /// The file's section.
    pub section: Section,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: ALL
                .iter()
                .filter(|definition| definition.default_on)
                .map(|definition| definition.name)
                .collect(),
            settings: Settings::default(),
            limits: Limits::default(),
            telemetry_path: "/metrics".to_owned(),
            own_metrics: true,
            max_requests: 40,
            openmetrics: false,
            web_config: None,
            section: Section::default(),
        }
    }
}

impl Config {
    /// The collectors that are switched on, ready to run.
    pub fn collectors(&self) -> Vec<Ready> {
        let on = |definition: &&Definition| self.enabled.contains(definition.name);
        let is_kernels = files_are_the_kernels(&self.settings.paths);
        ALL.iter()
            .filter(on)
            .map(|definition| Ready {
                name: definition.name,
                collector: (definition.new)(&self.settings),
                may_wait: !is_kernels || !NEVER_WAIT.contains(&definition.name),
                slow: SLOW.contains(&definition.name),
                ours: OURS.contains(&definition.name),
            })
            .collect()
    }
}

/// The section `exporter` of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// Addresses to listen on, unless the command line says others.
    pub listen: Vec<String>,
    /// The actions that callers may ask this host for; none without this section.
    pub commands: Option<command::Config>,
    /// Why the commands of the file were taken away, for the log, which is opened later.
    #[serde(skip)]
    pub commands_refused: Option<String>,
}

impl Validate for Section {
    fn validate(&self, faults: &mut Faults) {
        for (at, text) in self.listen.iter().enumerate() {
            if let Err(error) = crate::flags::addresses(text) {
                faults.add(&format!("listen[{at}]"), error);
            }
        }
        if let Some(commands) = &self.commands {
            faults.within("commands", |faults| commands.validate(faults));
        }
    }
}

impl Section {
    /// Reads the section from a file that may serve the scraper too.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let (text, trust) = command::read_config(path).map_err(|source| Error::ReadConfig {
            path: path.to_owned(),
            source,
        })?;
        let document: Document = load(&path.display().to_string(), &text)?;
        let mut section = document.exporter;
        section.judge(path, trust);
        Ok(section)
    }

    /// Takes the commands away if the section is from a file that others can change, or that
    /// tells everybody the token.
    pub fn judge(&mut self, path: &Path, trust: command::Trust) {
        let Some(commands) = &self.commands else {
            return;
        };
        let verdict = if commands.token.is_empty() {
            trust.commands
        } else {
            trust.commands.and(trust.token)
        };
        if let Err(error) = verdict {
            let path = path.display();
            self.commands_refused = Some(format!("`{path}` is not safe: {error}"));
            self.commands = None;
        }
    }
}

/// The whole file: the scraper's sections are its own affair, but their names are checked.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    exporter: Section,
    global: IgnoredAny,
    runtime: IgnoredAny,
    scrape_configs: IgnoredAny,
    scrape_config_files: IgnoredAny,
    rule_files: IgnoredAny,
    shipped_rules: IgnoredAny,
    alerting: IgnoredAny,
    remote_write: IgnoredAny,
    remote_read: IgnoredAny,
    storage: IgnoredAny,
    tracing: IgnoredAny,
    otlp: IgnoredAny,
    notifications: IgnoredAny,
    notifications_file: IgnoredAny,
    commands: IgnoredAny,
    web: IgnoredAny,
}

impl Validate for Document {
    fn validate(&self, faults: &mut Faults) {
        faults.within("exporter", |faults| self.exporter.validate(faults));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Result<Section, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, text).unwrap();
        Section::load(&path)
    }

    #[test]
    fn one_file_serves_both_programs() {
        let text =
            "global: {scrape_interval: 5s}\nscrape_configs: []\nexporter: {listen: [':9100']}\n";
        assert_eq!(section(text).unwrap().listen, [":9100"]);
        assert_eq!(section("global: {}\n").unwrap(), Section::default());
    }

    #[test]
    fn commands_stay_off_where_others_can_change_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let text = "exporter: {listen: [':9100'], commands: {token: 0123456789abcdef}}\n";
        std::fs::write(&path, text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&path, mode).unwrap();
        let section = Section::load(&path).unwrap();
        assert_eq!(section.commands, None);
        let refused = section.commands_refused.unwrap();
        assert!(
            refused.contains("config.yaml` is not safe: expected "),
            "{refused}"
        );
        assert_eq!(section.listen, [":9100"]);
    }

    #[test]
    fn a_misspelt_section_or_key_is_refused() {
        for (text, told) in [
            ("exporters: {}\n", "exporters"),
            ("exporter: {listens: []}\n", "listens"),
            ("exporter: {listen: ['nonsense']}\n", "exporter.listen[0]"),
            ("exporter: {commands: {shell: x}}\n", "shell"),
            (
                "exporter: {commands: {}}\n",
                "exporter.commands: expected `token`",
            ),
        ] {
            let error = section(text).unwrap_err();
            assert!(matches!(error, Error::Config(_)));
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
