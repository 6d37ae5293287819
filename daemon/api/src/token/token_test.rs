//! Tokens without an account: what is signed is known again, and nothing else is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_base::id::ClusterId;
use proptest::prelude::proptest;
use serde_json::{Value, json};

use super::{Grant, Issuer, Reference, Refused, TOKEN_BYTES_MAX};
use crate::status::Failure;

const NAME: &str = "https://hanse.test";
const NOW_S: u64 = 1_790_000_000;

fn issuer() -> Issuer {
    Issuer::new(NAME, &rcgen::KeyPair::generate().unwrap().serialize_der()).unwrap()
}

fn grant<'a>(cluster: &'a ClusterId, audiences: &[&str]) -> Grant<'a> {
    Grant {
        cluster,
        namespace: "n",
        account: Reference { name: "builder".into(), uid: "u1".into() },
        secret: None,
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        id: "t1".into(),
        issued: NOW_S,
        seconds: 600,
    }
}

fn verify(issuer: &Issuer, token: &str, at_s: u64) -> Result<String, Refused> {
    issuer.verify(token, &[NAME.to_owned()], at_s * 1_000).map(|bearer| bearer.user().name)
}

fn json_of(token: &str, part: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(part).unwrap()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_token_says_what_upstreams_and_kcps_say() {
    let (issuer, cluster) = (issuer(), ClusterId::new("abc").unwrap());
    let token = issuer.sign(grant(&cluster, &[NAME, "vault"])).unwrap();
    let head = json_of(&token, 0);
    assert_eq!((&head["alg"], head.as_object().unwrap().len()), (&json!("ES256"), 2));
    assert_eq!(
        json_of(&token, 1),
        json!({
            "iss": NAME, "sub": "system:serviceaccount:n:builder", "aud": [NAME, "vault"],
            "exp": NOW_S + 600, "iat": NOW_S, "nbf": NOW_S, "jti": "t1",
            "kubernetes.io": {"clusterName": "abc", "namespace": "n", "serviceaccount": {"name": "builder", "uid": "u1"}},
        })
    );
    assert!(issuer.is_named_by(&token));
    let bearer = issuer.verify(&token, &[NAME.to_owned()], NOW_S * 1_000).unwrap();
    let user = bearer.user();
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("system:serviceaccount:n:builder", "u1"));
    assert_eq!(user.groups, ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"]);
    assert_eq!(
        json!(user.extra),
        json!({"authentication.kcp.io/cluster-name": ["abc"], "authentication.kubernetes.io/credential-id": ["JTI=t1"]})
    );
    assert_eq!(
        format!("{bearer:?} {issuer:?}"),
        "Bearer(system:serviceaccount:n:builder in abc) Issuer { name: \"https://hanse.test\", .. }"
    );
}

#[test]
fn a_token_is_good_for_its_time_give_or_take_a_minute() {
    let (issuer, cluster) = (issuer(), ClusterId::new("abc").unwrap());
    let token = issuer.sign(grant(&cluster, &[NAME])).unwrap();
    let table = [
        (NOW_S - 61, Err(Refused::NotYet)),
        (NOW_S - 60, Ok(())),
        (NOW_S, Ok(())),
        (NOW_S + 660, Ok(())),
        (NOW_S + 661, Err(Refused::Expired)),
        (u64::MAX / 1_000, Err(Refused::Expired)),
        (0, Err(Refused::NotYet)),
    ];
    for (at, expected) in table {
        assert_eq!(verify(&issuer, &token, at).map(|_| ()), expected, "{at}");
    }
}

#[test]
fn a_token_is_for_its_audiences() {
    let (issuer, cluster) = (issuer(), ClusterId::new("abc").unwrap());
    let token = issuer.sign(grant(&cluster, &["vault", "other"])).unwrap();
    let why = verify(&issuer, &token, NOW_S).unwrap_err();
    assert_eq!(
        why.to_string(),
        r#"token audiences ["vault", "other"] is invalid for the target audiences ["https://hanse.test"]"#
    );
    let wanted = ["other".to_owned(), NAME.to_owned()];
    assert_eq!(issuer.verify(&token, &wanted, NOW_S * 1_000).unwrap().audiences, ["other"]);
}

#[test]
fn what_others_have_signed_or_changed_is_refused() {
    let (own, other, cluster) = (issuer(), issuer(), ClusterId::new("abc").unwrap());
    let token = own.sign(grant(&cluster, &[NAME])).unwrap();
    assert_eq!(verify(&own, &token, NOW_S), Ok("system:serviceaccount:n:builder".to_owned()));
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = json_of(&token, 1);
    claims["kubernetes.io"]["clusterName"] = json!("root");
    let head = |alg: &str| encoded(&json!({"alg": alg, "kid": json_of(&token, 0)["kid"]}));
    let with_head = |head: &str| format!("{head}.{}.{}", parts[1], parts[2]);
    let critical = json!({"alg": "ES256", "crit": ["b64"], "b64": false});
    let table = [
        format!("{}.{}.{}", parts[0], encoded(&claims), parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{}.{}.{}x", parts[0], parts[1], parts[2]),
        format!("{}.{}.{}=", parts[0], parts[1], parts[2]),
        format!("{}.{}.", head("none"), parts[1]),
        with_head(&head("none")),
        with_head(&head("HS256")),
        with_head(&head("RS256")),
        with_head(&head("es256")),
        with_head(&encoded(&critical)),
        with_head(&encoded(&json!({"alg": "ES256", "kid": "other"}))),
        with_head(&encoded(&json!({"alg": "ES256"}))),
        other.sign(grant(&cluster, &[NAME])).unwrap(),
    ];
    for altered in table {
        assert_eq!(verify(&own, &altered, NOW_S), Err(Refused::Signature), "{altered}");
    }
    for shapeless in ["", ".", "..", "a", "a.b", "a.b.c.d", &"a".repeat(TOKEN_BYTES_MAX + 1)] {
        assert!(verify(&own, shapeless, NOW_S).is_err(), "{shapeless}");
        assert!(!own.is_named_by(shapeless));
    }
}

#[test]
fn hmac_with_the_public_key_as_the_secret_is_no_signature() {
    let (issuer, cluster) = (issuer(), ClusterId::new("abc").unwrap());
    let token = issuer.sign(grant(&cluster, &[NAME])).unwrap();
    let key = issuer.signer.public_key();
    let point: Vec<u8> =
        ["x", "y"].iter().flat_map(|c| URL_SAFE_NO_PAD.decode(key[c].as_str().unwrap()).unwrap()).collect();
    for secret in [point.clone(), [vec![4], point].concat(), key.to_string().into_bytes()] {
        let signed = format!("{}.{}", encoded(&json!({"alg": "HS256"})), token.split('.').nth(1).unwrap());
        let mac = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(verify(&issuer, &forged, NOW_S), Err(Refused::Signature));
    }
}

#[test]
fn a_token_that_fits_into_no_header_is_not_made() {
    let (issuer, cluster) = (issuer(), ClusterId::new("abc").unwrap());
    let refused = issuer.sign(grant(&cluster, &[&"a".repeat(TOKEN_BYTES_MAX)])).unwrap_err();
    assert!(matches!(refused, Failure::TooLarge(_)), "{refused:?}");
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_der();
    for bad in [&other[..], b"", b"key"] {
        assert!(Issuer::new(NAME, bad).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_panics(
        text in "\\PC{0,80}",
        head in "[\\PC]{0,30}",
        payload in "(\\{\"iss\":\"https://hanse.test\"|\\{|\\[|\"|\\PC){0,20}",
        signature in "[A-Za-z0-9_-]{0,90}",
    ) {
        let issuer = issuer();
        let joined = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(&head), URL_SAFE_NO_PAD.encode(&payload));
        let honest_head = format!("{}.{}.{signature}", encoded(&json!({"alg": "ES256"})), URL_SAFE_NO_PAD.encode(&payload));
        for token in [text, joined, honest_head] {
            assert!(verify(&issuer, &token, NOW_S).is_err(), "{}", issuer.is_named_by(&token));
        }
    }
}
