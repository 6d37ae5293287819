//! How long signing requests are kept.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::{ANSWERED_KEPT_MS, PENDING_KEPT_MS, SIGNING_REQUESTS, is_over};
use crate::object::written_time;
use crate::rig_test::{Group, WALL_MS, key, object};

const MINUTE_MS: u64 = 60_000;

/// A certificate in PEM and base64 that ends in the year.
fn certificate(year: i32) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_after = date_time_ymd(year, 1, 1);
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    STANDARD.encode(pem)
}

fn request(kind: Option<&str>, age_ms: u64, certificate: Option<&str>) -> Value {
    let mut value = object("r", "", &[]);
    let time = written_time(WALL_MS - age_ms);
    value["metadata"]["creationTimestamp"] = time.clone().into();
    let conditions = kind.map(|kind| json!({"type": kind, "status": "True", "lastUpdateTime": time}));
    value["status"] = json!({"conditions": conditions.into_iter().collect::<Vec<_>>()});
    if let Some(certificate) = certificate {
        value["status"]["certificate"] = certificate.into();
    }
    value
}

#[test]
fn each_request_is_kept_for_as_long_as_upstream_keeps_it() {
    let (valid, ended) = (certificate(2100), certificate(2020));
    let cases: [(Option<&str>, u64, Option<&str>, bool); 12] = [
        (None, PENDING_KEPT_MS - MINUTE_MS, None, false),
        (None, PENDING_KEPT_MS + MINUTE_MS, None, true),
        (Some("Denied"), ANSWERED_KEPT_MS - MINUTE_MS, None, false),
        (Some("Denied"), ANSWERED_KEPT_MS + MINUTE_MS, None, true),
        (Some("Failed"), ANSWERED_KEPT_MS + MINUTE_MS, None, true),
        (Some("Approved"), ANSWERED_KEPT_MS - MINUTE_MS, Some(&valid), false),
        (Some("Approved"), ANSWERED_KEPT_MS + MINUTE_MS, Some(&valid), true),
        (Some("Approved"), ANSWERED_KEPT_MS + MINUTE_MS, None, false),
        (Some("Approved"), PENDING_KEPT_MS + MINUTE_MS, None, true),
        (Some("Approved"), MINUTE_MS, Some(&ended), true),
        (Some("Approved"), MINUTE_MS, Some("no certificate"), false),
        (Some("Other"), 100 * PENDING_KEPT_MS, None, false),
    ];
    for (kind, age_ms, certificate, over) in cases {
        assert_eq!(is_over(&request(kind, age_ms, certificate), WALL_MS), over, "{kind:?} {age_ms} {certificate:?}");
    }
    let mut timeless = request(Some("Denied"), 0, None);
    timeless["status"]["conditions"][0]["lastUpdateTime"] = Value::Null;
    assert!(!is_over(&timeless, u64::MAX));
}

#[test]
fn old_requests_go_within_the_hour_and_without_any_nothing_waits() {
    let mut group = Group::new();
    group.put(&key(SIGNING_REQUESTS, "root", "", "old"), &request(Some("Denied"), 2 * ANSWERED_KEPT_MS, None));
    group.put(&key(SIGNING_REQUESTS, "root", "", "young"), &request(Some("Denied"), 0, None));
    assert_eq!(group.settle(), 1);
    assert!(group.exists(&key(SIGNING_REQUESTS, "root", "", "young")));
    let wait = group.desk.due().unwrap() - group.now.monotonic;
    assert!((Duration::from_secs(3_590)..=Duration::from_secs(3_600)).contains(&wait), "{wait:?}");
    group.now.monotonic += Duration::from_secs(3_600);
    group.now.wall_ms += ANSWERED_KEPT_MS + MINUTE_MS;
    assert_eq!(group.settle(), 1);
    assert!(!group.exists(&key(SIGNING_REQUESTS, "root", "", "young")));
    assert_eq!(group.desk.due(), None);
}
