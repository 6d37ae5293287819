//! What the daemon reads itself: its configuration, the admin socket, joining, names, what other regions tell.

use std::sync::LazyLock;

use hansed::fuzzing;
use rcgen::{CertificateParams, KeyPair};

use crate::target::Target;

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "config", run: |bytes| fuzzing::config(&String::from_utf8_lossy(bytes)), seeds: configs },
    Target { name: "admin", run: |bytes| fuzzing::admin(&String::from_utf8_lossy(bytes)), seeds: admin_lines },
    Target { name: "names", run: fuzzing::names, seeds: names },
    Target {
        name: "join-token",
        run: |bytes| fuzzing::invitation(&String::from_utf8_lossy(bytes)),
        seeds: join_tokens,
    },
    Target { name: "join", run: fuzzing::join, seeds: joins },
    Target { name: "signing-request", run: fuzzing::signing_request, seeds: || vec![SIGNING_REQUEST.clone()] },
    Target { name: "tidings", run: fuzzing::tidings, seeds: || vec![fuzzing::a_notice()] },
    Target { name: "status", run: fuzzing::status, seeds: statuses },
];

fn configs() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../../systemd/hansed.toml").to_vec()]
}

fn admin_lines() -> Vec<Vec<u8>> {
    let lines = [
        r#"{"request":"status"}"#,
        r#"{"request":"tree","path":"root","after":"root:a"}"#,
        r#"{"request":"grant","role":"voter","ttl_ms":60000,"new_region":"ap"}"#,
        r#"{"request":"remove-region","name":"ap","force":true}"#,
        r#"{"request":"backup","workspace":"root:org","recursive":true}"#,
        r#"{"request":"drain","name":"eu-1","undo":true}"#,
    ];
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn names() -> Vec<Vec<u8>> {
    fuzzing::name_messages().iter().map(|message| message.to_vec()).collect()
}

fn join_tokens() -> Vec<Vec<u8>> {
    vec![fuzzing::an_invitation().into_bytes()]
}

static SIGNING_REQUEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = KeyPair::generate().expect("a key is made");
    let params = CertificateParams::new(vec!["eu-2".to_owned()]).expect("it is a name");
    params.serialize_request(&key).expect("it is signed").der().to_vec()
});

fn joins() -> Vec<Vec<u8>> {
    fuzzing::join_messages(&SIGNING_REQUEST).iter().map(|message| message.to_vec()).collect()
}

fn statuses() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"request":"founding","group":"eu"}"#,
        r#"{"request":"transfer","to":7}"#,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
