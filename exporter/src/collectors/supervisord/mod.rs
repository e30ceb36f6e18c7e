//! `supervisord`: the processes that a supervisord runs, by its XML-RPC interface.

mod http;
mod xml;

use std::time::Duration;

use watchpost_model::MetricType::{self, Counter, Gauge};
use watchpost_model::text::Page;

use super::{CollectError, Collector, Definition, Flag, FlagKind, Settings};
use http::Endpoint;
use xml::Process;

const URL: Flag = Flag {
    name: "supervisord.url",
    help: "XML RPC endpoint.",
    kind: FlagKind::Text {
        default: "http://localhost:9001/RPC2",
    },
};

/// The line of the table.
pub(super) const DEFINITION: Definition = Definition {
    name: "supervisord",
    help: "Processes of a supervisord, by XML-RPC.",
    default_on: false,
    flags: &[URL],
    new: |settings| Box::new(Supervisord::new(settings)),
};

const REQUEST: &str = "<?xml version=\"1.0\"?><methodCall>\
    <methodName>supervisor.getAllProcessInfo</methodName><params></params></methodCall>";

/// So long may a page take; the registry gives up earlier, but the connection must end.
const TIME_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Supervisord {
    url: String,
}

/// A family: name, help, type, and the number of a process, if it has one.
type Family = (
    &'static str,
    &'static str,
    MetricType,
    fn(&Process) -> Option<i64>,
);

const FAMILIES: [Family; 4] = [
    (
        "node_supervisord_exit_status",
        "Process Exit Status",
        Gauge,
        |process| Some(process.exit_status),
    ),
    (
        "node_supervisord_start_time_seconds",
        "Process start time",
        Counter,
        |process| is_up(process).then_some(process.start),
    ),
    (
        "node_supervisord_state",
        "Process State",
        Gauge,
        |process| Some(process.state),
    ),
    ("node_supervisord_up", "Process Up", Gauge, |process| {
        Some(is_up(process).into())
    }),
];

/// Starting, running or stopping.
fn is_up(process: &Process) -> bool {
    [10, 20, 40].contains(&process.state)
}

/// Judges the flag at the start.
pub(super) fn check(settings: &Settings) -> Result<(), String> {
    Endpoint::read(settings.text(&URL)).map(drop)
}

impl Supervisord {
    fn new(settings: &Settings) -> Self {
        Self {
            url: settings.text(&URL).to_owned(),
        }
    }

    fn processes(&self) -> Result<Vec<Process>, String> {
        let endpoint = Endpoint::read(&self.url)?;
        let body = endpoint
            .post(REQUEST, TIME_LIMIT)
            .map_err(|error| error.to_string())?;
        xml::processes(&body)
    }
}

impl Collector for Supervisord {
    fn collect(&mut self, page: &mut Page) -> Result<(), CollectError> {
        let processes = self
            .processes()
            .map_err(|error| CollectError::Call(format!("supervisord: {error}")))?;
        for (name, help, metric_type, value) in FAMILIES {
            page.family(name, help, metric_type);
            for process in &processes {
                if let Some(value) = value(process) {
                    let labels = [("group", process.group.as_str()), ("name", &process.name)];
                    page.sample(&labels, value as f64);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// The page of a supervisord that answers so.
    fn page(answer: &'static str) -> (String, Result<(), String>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            while !request.ends_with("</methodCall>") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(char::from(byte[0]));
            }
            assert!(request.starts_with("POST /RPC2 HTTP/1.0\r\n"), "{request}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let mut settings = Settings::default();
        let url = format!("http://{address}/RPC2");
        settings.set(&URL, vec![url]).unwrap();
        let mut page = Page::new();
        let result = Supervisord::new(&settings).collect(&mut page);
        let text = String::from_utf8(page.finish().to_vec()).unwrap();
        (text, result.map_err(|error| error.to_string()))
    }

    #[test]
    fn each_process_is_told_and_its_start_only_while_it_is_up() {
        let (page, result) = page(
            "HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n<?xml version='1.0'?>\n<methodResponse><params><param><value><array><data>\
             <value><struct><member><name>name</name><value><string>a&amp;b</string></value></member>\
             <member><name>group</name><value><string>g</string></value></member>\
             <member><name>start</name><value><int>1700000000</int></value></member>\
             <member><name>state</name><value><int>20</int></value></member>\
             <member><name>exitstatus</name><value><int>0</int></value></member></struct></value>\
             <value><struct><member><name>name</name><value><string>c</string></value></member>\
             <member><name>group</name><value><string>g</string></value></member>\
             <member><name>start</name><value><int>1600000000</int></value></member>\
             <member><name>state</name><value><int>100</int></value></member>\
             <member><name>exitstatus</name><value><int>3</int></value></member></struct></value>\
             </data></array></value></param></params></methodResponse>",
        );
        assert_eq!(result, Ok(()));
        let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "node_supervisord_exit_status{group=\"g\",name=\"a&b\"} 0",
                "node_supervisord_exit_status{group=\"g\",name=\"c\"} 3",
                "node_supervisord_start_time_seconds{group=\"g\",name=\"a&b\"} 1.7e+09",
                "node_supervisord_state{group=\"g\",name=\"a&b\"} 20",
                "node_supervisord_state{group=\"g\",name=\"c\"} 100",
                "node_supervisord_up{group=\"g\",name=\"a&b\"} 1",
                "node_supervisord_up{group=\"g\",name=\"c\"} 0",
            ]
        );
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        for (answer, told) in [
            (
                "HTTP/1.0 401 Unauthorized\r\n\r\n",
                "expected HTTP status 200, found `HTTP/1.0 401 Unauthorized`",
            ),
            ("", "expected an HTTP answer, found its end"),
            (
                "HTTP/1.0 200 OK\r\n\r\n<methodResponse><fault>x</fault>",
                "expected a whole answer with processes, found a fault",
            ),
            (
                "HTTP/1.0 200 OK\r\n\r\n<methodResponse><params>",
                "expected a whole answer with processes, found `<methodResponse><params>`",
            ),
        ] {
            let (page, result) = page(answer);
            assert_eq!(result, Err(format!("supervisord: {told}")));
            assert_eq!(page, "");
        }
    }
}
