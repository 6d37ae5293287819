//! This room's private decoders, for `tests/fuzz` alone. Each function says whether it understood the bytes.
#![allow(clippy::missing_panics_doc, reason = "to panic where a promise is broken is what these are for")]

use hanse_base::id::ClusterId;
use hanse_store::key::{Key, Scope};

use crate::admission::review::{ReviewVersion, Verdict};
use crate::query::Query;
use crate::token::Issuer;
use crate::verbs::{delete, list};
use crate::{conversion, yaml};

/// A body in YAML: what is read is written and read as the same.
pub fn yaml(body: &[u8]) -> bool {
    let Ok(read) = yaml::to_json(body) else { return false };
    let written = yaml::from_json(read.value.to_string().as_bytes()).expect("what was read is JSON");
    let again = yaml::to_json(&written).expect("what was written is read");
    assert_eq!(again.value, read.value, "{}", String::from_utf8_lossy(&written));
    assert!(again.duplicates.is_empty());
    true
}

/// A bearer token, and one whose payload is signed by the issuer itself.
pub fn bearer_token(issuer: &Issuer, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let wanted = [issuer.audience().to_owned()];
    assert!(issuer.verify(&text, &wanted, NOW_MS).is_err(), "the issuer has not signed it");
    let named = issuer.is_named_by(&text);
    let Some(signed) = issuer.sign_payload(bytes) else { return named };
    let verified = issuer.verify(&signed, &wanted, NOW_MS);
    if let Ok(bearer) = &verified {
        assert!(issuer.is_named_by(&signed) && bearer.audiences == wanted);
        assert!(bearer.user().name.starts_with("system:serviceaccount:"));
    }
    named || verified.is_ok()
}

/// Where a page of a list ended: what is read is written and read as the same, and lies in the list's scope.
pub fn page_token(text: &str) -> bool {
    let scope =
        Scope { resource: "configmaps".into(), cluster: ClusterId::new("root").ok(), namespace: Some("n".into()) };
    let Ok(token) = list::Token::decode(text, &scope) else { return false };
    assert!(scope.contains(&token.last));
    assert_eq!(list::Token::decode(&token.encode(), &scope).ok(), Some(token));
    true
}

/// Where a page ended.
#[must_use]
pub fn page_tokens() -> Vec<String> {
    let root = ClusterId::new("root").expect("it is an id");
    let last = Key::new("configmaps", &root, "n", "a:b").expect("it is a key");
    let token = |revision, remaining| list::Token { revision, remaining, last: last.clone() }.encode();
    vec![token(None, None), token(Some(hanse_base::id::Revision(7)), Some(3))]
}

/// What a webhook answers: to a question of admission, and to one of conversion.
pub fn webhook_answer(body: &[u8]) -> bool {
    let mut understood = conversion::read(body, "u", 1).is_ok();
    for version in [ReviewVersion::V1, ReviewVersion::V1Beta1] {
        for mutating in [true, false] {
            if let Ok(verdict) = Verdict::read(version, "u", mutating, body) {
                assert!(mutating || verdict.patch.is_none(), "who only validates changes nothing");
                let code = verdict.refusal("w").code();
                assert!((400..600).contains(&code), "a refusal is a failure: {code}");
                understood = true;
            }
        }
    }
    understood
}

/// The options of a deletion: a query, or a body of this media type.
pub fn delete_options(query: &str, content_type: &[u8], body: &[u8]) -> bool {
    Query::parse(query).is_ok_and(|query| delete::DeleteOptions::parse(&query, Some(content_type), body).is_ok())
}

/// When tokens are looked at: in the year 2026.
const NOW_MS: u64 = 1_780_000_000_000;
