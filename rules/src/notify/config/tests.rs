use watchpost_model::config::{Faults, load};

use super::{Config, Encryption, Password};

fn config(text: &str) -> Result<Config, Faults> {
    load("w.yaml", text)
}

const FULL: &str = "
global:
  resolve_timeout: 5m
  smtp_smarthost: mail.example.com:587
  smtp_from: 'Watchpost <watchpost@example.com>'
  smtp_auth_username: ann
  smtp_auth_password: geheim
route:
  receiver: ops
  group_by: ['alertname', 'cluster']
  group_wait: 10s
receivers:
  - name: ops
    email_configs:
      - to: 'ops@example.com, Second <second@example.com>'
        headers: {X-Team: ops}
      - to: other@example.com
        smarthost: '[::1]:465'
        auth_username: bob
        auth_password_file: /run/secret
        send_resolved: false
      - to: local@example.com
        smarthost: localhost:25
        require_tls: false
  - name: nobody
";

#[test]
fn what_a_mail_leaves_out_is_taken_from_the_global_section() {
    let config = config(FULL).unwrap();
    let mails = &config.receivers[0].email_configs;
    let settle = |at: usize| {
        mails[at]
            .settle(&config.global, &mut Faults::default())
            .unwrap()
    };
    let first = settle(0);
    assert_eq!((first.host.as_str(), first.port), ("mail.example.com", 587));
    assert_eq!(first.encryption, Encryption::StartTls);
    assert_eq!(first.to.iter().count(), 2);
    assert!(first.send_resolved);
    assert_eq!(first.login.unwrap().username, "ann");
    let second = settle(1);
    assert_eq!((second.host.as_str(), second.port), ("::1", 465));
    assert_eq!(second.encryption, Encryption::Implicit);
    assert!(!second.send_resolved);
    assert!(matches!(second.login.unwrap().password, Password::File(_)));
    assert_eq!(settle(2).encryption, Encryption::None);
    let route = config.effective_route().unwrap();
    assert_eq!(route.group_wait.as_millis(), 10_000);
    assert_eq!(route.repeat_interval.as_millis(), 4 * 3_600_000);
}

#[test]
fn an_only_receiver_needs_no_route() {
    let text = "
global: {smtp_smarthost: 'localhost:25', smtp_from: w@example.com}
receivers: [{name: me, email_configs: [{to: me@example.com}]}]";
    let route = config(text).unwrap().effective_route().unwrap();
    assert_eq!(
        (route.receiver.as_str(), route.group_by),
        ("me", vec!["alertname".to_owned()])
    );
    assert_eq!(config("").unwrap().effective_route(), None);
}

#[test]
fn passwords_are_never_shown() {
    let shown = format!("{:?}", config(FULL).unwrap());
    assert!(!shown.contains("geheim"), "{shown}");
}

#[test]
fn all_faults_are_told_with_line_and_key() {
    let text = "global:
  slack_api_url: https://example.com
  smtp_auth_username: ann
route:
  receiver: nobody
  group_by: [a, a]
  repeat_interval: 0s
  routes:
    - receiver: ops
receivers:
  - name: ops
    webhook_configs:
      - url: http://example.com
    email_configs:
      - to: 'not an address'
        smarthost: mail.example.com
        from: '{{ .x }}'
        colour: red
      - to: a@example.com
        from: w@example.com
        smarthost: mail.example.com:25
        require_tls: false
        auth_username: ann
        auth_password: x
      - to: a@example.com
        from: w@example.com
        smarthost: mail.example.com:25
        auth_password: x
        auth_password_file: y
        headers: {Subject: hello}
  - name: ops
templates: ['a.tmpl']
inhibit_rules: []
";
    let expected = [
        "w.yaml:2: global.slack_api_url: this key of Alertmanager is not supported yet",
        "w.yaml:3: global.smtp_auth_username: expected a password for the user, found none",
        "w.yaml:5: route.receiver: expected the name of a receiver (one of ops), found `nobody`",
        "w.yaml:6: route.group_by: expected label names, each once, or `...` alone, found `a`",
        "w.yaml:7: route.repeat_interval: expected a duration above 0, found `0s`",
        "w.yaml:8: route.routes: this key of Alertmanager is not supported yet",
        "w.yaml:12: receivers[0].webhook_configs: this key of Alertmanager is not supported yet",
        "w.yaml:15: receivers[0].email_configs[0].to: expected an address",
        "w.yaml:16: receivers[0].email_configs[0].smarthost: expected a mail server",
        "w.yaml:17: receivers[0].email_configs[0].from: templates in addresses are not supported yet",
        "w.yaml:18: receivers[0].email_configs[0].colour: ",
        "w.yaml:19: receivers[0].email_configs[1]: expected `require_tls: true`: the password would cross",
        "w.yaml:28: receivers[0].email_configs[2].auth_password: expected one of password and password file",
        "w.yaml:30: receivers[0].email_configs[2].headers.Subject: setting this header is not supported yet",
        "w.yaml:31: receivers[1].name: expected a name of its own, found `ops` again",
        "w.yaml:32: templates: this key of Alertmanager is not supported yet",
    ];
    let found = config(text).unwrap_err().to_string();
    let lines: Vec<&str> = found.lines().collect();
    for expected in expected {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}\nin\n{found}"
        );
    }
    assert_eq!(lines.len(), expected.len(), "{found}");
}

#[test]
fn a_fault_of_a_global_key_is_told_there_and_once() {
    let receivers = "
receivers:
  - {name: a, email_configs: [{to: a@example.com}, {to: b@example.com}]}
  - {name: b, email_configs: [{to: a@example.com}]}
route: {receiver: a}
";
    let found = |global: &str| {
        let text = format!("global:\n{global}{receivers}");
        config(&text).unwrap_err().to_string()
    };
    assert_eq!(
        found("  smtp_from: me\n  smtp_smarthost: mail\n  smtp_auth_username: ann"),
        "w.yaml:2: global.smtp_from: expected an address like `ops@example.com`, found `me`
w.yaml:3: global.smtp_smarthost: expected a mail server like `mail.example.com:587`, found mail
w.yaml:4: global.smtp_auth_username: expected a password for the user, found none"
    );
    let good = "  smtp_from: w@example.com\n  smtp_smarthost: localhost:25\n";
    assert_eq!(
        found(&format!("{good}  smtp_auth_password: x")),
        "w.yaml:4: global.smtp_auth_password: expected a user for the password, found none"
    );
}

#[test]
fn a_fault_of_a_mail_s_own_key_is_told_there() {
    let text = "
global: {smtp_from: w@example.com, smtp_smarthost: 'localhost:25', smtp_auth_username: ann}
receivers:
  - name: a
    email_configs:
      - to: a@example.com
        auth_password: x
      - to: a@example.com
        auth_username: bob
";
    assert_eq!(
        config(text).unwrap_err().to_string(),
        "w.yaml:9: receivers[0].email_configs[1].auth_username: expected a password for the user, found none"
    );
}

#[test]
fn a_route_without_a_receiver_is_told_which_there_are() {
    let found = |text| config(text).unwrap_err().to_string();
    assert_eq!(
        found("route: {group_wait: 1s}\nreceivers: [{name: a}, {name: b}]"),
        "w.yaml:1: route.receiver: expected the name of a receiver (one of a, b), found none"
    );
    assert_eq!(
        found("route: {reciever: a}\nreceivers: [{name: a}, {name: b}]"),
        "w.yaml:1: route.reciever: unknown key `reciever`, did you mean `receiver`?"
    );
}
