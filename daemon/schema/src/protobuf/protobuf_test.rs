use super::{Unencodable, decode, decode_type, encode, encode_list, encode_partial, encode_type, speaks, watch_frame};
use crate::decode::{self, DecodeError, FieldValidation};
use crate::field::used_types;
use crate::kind::{Kind, by_kind};
use crate::kinds::KINDS;
use crate::types::autoscaling::SCALE;
use crate::types::meta::answer::{API_RESOURCE_LIST, PARTIAL_OBJECT_METADATA_LIST};
use crate::types::meta::{DELETE_OPTIONS, STATUS};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};
use serde_json::Value;

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kind(group: &str, name: &str) -> &'static Kind {
    by_kind(group, "v1", name).unwrap()
}

fn config_map() -> &'static Kind {
    kind("", "ConfigMap")
}

/// A field with bytes; neither the number nor the length is large.
fn piece(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
}

fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let type_meta = [piece(1, api_version.as_bytes()), piece(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), piece(1, &type_meta), piece(2, raw), piece(3, b""), piece(4, b"")].concat()
}

fn read(raw: &[u8]) -> Value {
    decode(config_map(), &body("v1", "ConfigMap", raw)).unwrap()
}

fn json(text: &str) -> Value {
    decode::decode(config_map(), text.as_bytes(), FieldValidation::Strict).unwrap().value
}

#[test]
fn what_client_go_sends_reads_as_the_same_object_in_json() {
    for (group, name, hex, text) in objects() {
        let kind = kind(group, name);
        let from_json = decode::decode(kind, text.as_bytes(), FieldValidation::Strict).unwrap().value;
        let from_protobuf = decode(kind, &bytes_of(hex)).unwrap();
        // As text, because the order of fields and keys counts, too.
        assert_eq!(from_protobuf.to_string(), from_json.to_string(), "{name}");
    }
    for (hex, text) in OPTIONS {
        let from_json = decode::decode_type(&DELETE_OPTIONS, text.as_bytes()).unwrap();
        assert_eq!(decode_type(&DELETE_OPTIONS, &bytes_of(hex)).unwrap().to_string(), from_json.to_string());
    }
    assert_eq!(decode_type(&DELETE_OPTIONS, b"").unwrap(), Value::Object(serde_json::Map::new()));
}

#[test]
fn what_is_written_reads_as_the_same_object() {
    for (group, name, _, text) in objects() {
        let kind = kind(group, name);
        let stored = decode::decode(kind, text.as_bytes(), FieldValidation::Strict).unwrap().value.to_string();
        let written = encode(kind, stored.as_bytes()).unwrap();
        assert_eq!(decode(kind, &written).unwrap().to_string(), stored, "{name}");
        // Fields in another order, unknown ones and space make no difference.
        let mut value: serde_json::Map<String, Value> = serde_json::from_str(&stored).unwrap();
        value.sort_keys();
        value.insert("unknown".to_owned(), serde_json::json!([{"a": [1, {}]}]));
        let written = encode(kind, serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
        assert_eq!(decode(kind, &written).unwrap().to_string(), stored, "{name}");
    }
}

#[test]
fn lists_partial_objects_and_watches_have_the_form_of_upstream() {
    let object =
        br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","labels":{"l":"v"}},"data":{"k":"v"}}"#;
    // Read back by k8s.io/apimachinery v0.36.
    let metadata = "0a0b0a01615a060a016c120176";
    let item = format!("{metadata}12060a016b120176");
    let of = |text: &str| text.replace(' ', "");
    let list =
        encode_list(config_map(), br#"{"resourceVersion":"7","remainingItemCount":2}"#, [&object[..], &object[..]]);
    assert_eq!(
        hex_of(&list.unwrap()),
        of(&format!(
            "6b387300 0a13 0a027631 120d436f6e6669674d61704c697374 1235 0a05 120137 2002 1215{item} 1215{item} 1a00 2200"
        ))
    );
    let partial = encode_partial(object).unwrap();
    let kind = "0a0e6d6574612e6b38732e696f2f76311215 5061727469616c4f626a6563744d65746164617461";
    assert_eq!(hex_of(&partial), of(&format!("6b387300 0a27{kind} 120d{metadata} 1a00 2200")));
    let status = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":404}"#;
    let status = encode_type(&STATUS, ("v1", "Status"), status).unwrap();
    assert_eq!(
        hex_of(&status),
        of("6b387300 0a0c 0a027631 1206537461747573 120e 0a00 12074661696c757265 309403 1a00 2200")
    );
    assert_eq!(hex_of(&watch_frame("ADDED", b"xyz")), of("0000000e 0a054144444544 1205 0a0378797a"));
}

#[test]
fn what_is_no_object_of_the_kind_is_not_written() {
    for text in [&b""[..], b"null", b"[]", b"{", br#"{"data":7}"#, br#"{"data":{"a":7}}"#, b"{}x", b"\xff"] {
        assert_eq!(encode(config_map(), text), Err(Unencodable::Content), "{text:?}");
    }
    let workspace = by_kind("tenancy.kcp.io", "v1alpha1", "Workspace").unwrap();
    assert_eq!(encode(workspace, b"{}"), Err(Unencodable::Kind));
}

#[test]
fn every_kind_of_kubernetes_speaks_protobuf_and_is_tried() {
    for kind in KINDS.iter() {
        let tried = objects().any(|(group, name, ..)| kind.group == group && kind.kind == name);
        assert_eq!(speaks(kind), tried, "{} of {}", kind.kind, kind.group);
    }
}

#[test]
fn every_field_of_a_message_has_a_number_of_its_own() {
    let objects = KINDS.iter().filter(|kind| speaks(kind)).filter_map(|kind| kind.descriptor());
    let tables = [&DELETE_OPTIONS, &STATUS, &PARTIAL_OBJECT_METADATA_LIST, &API_RESOURCE_LIST, &SCALE];
    for outermost in objects.chain(tables) {
        for descriptor in used_types(outermost) {
            let mut paths: Vec<_> = descriptor.fields.iter().map(|field| field.wire).collect();
            // The type of the outermost object stands in the envelope, so its message does not repeat it.
            let enveloped =
                ["kind", "apiVersion"].map(|name| descriptor.field(name).is_some_and(|f| f.wire.is_empty()));
            paths.retain(|path| !path.is_empty());
            assert_eq!(
                paths.len() + 2 * usize::from(enveloped == [true; 2]),
                descriptor.fields.len(),
                "{}",
                descriptor.name
            );
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(
                paths.len() + 2 * usize::from(enveloped == [true; 2]),
                descriptor.fields.len(),
                "{}",
                descriptor.name
            );
            // A path leads through a message or to a field, never both.
            assert!(
                paths.iter().all(|path| !paths.iter().any(|other| other.len() > path.len() && other.starts_with(path)))
            );
        }
    }
}

#[test]
fn unknown_fields_are_skipped_whatever_they_hold() {
    let metadata = piece(1, &piece(1, b"a"));
    // Number, fixed sizes, bytes, and a group in a group, all with field number 15.
    let unknown: [&[u8]; 5] = [
        &[0x78, 0xff, 1],
        &[0x79, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x7d, 1, 2, 3, 4],
        &[0x7a, 1, 9],
        &[0x7b, 0x7b, 8, 1, 0x7c, 0x7c],
    ];
    for bytes in unknown {
        assert_eq!(read(&[bytes, &metadata, bytes].concat()), json(r#"{"metadata":{"name":"a"}}"#), "{bytes:x?}");
    }
}

#[test]
fn messages_in_parts_are_joined_and_the_last_value_counts() {
    let entry = |key: &[u8], value: &[u8]| piece(2, &[piece(1, key), piece(2, value)].concat());
    let raw = [
        piece(1, &[piece(1, b"a"), piece(1, b"b"), piece(14, b"f/1")].concat()),
        entry(b"z", b"1"),
        entry(b"k", b"2"),
        entry(b"z", b"3"),
        piece(2, &piece(1, b"no value")),
        piece(2, &[]),
        piece(1, &[piece(3, b"n"), piece(14, b"f/2")].concat()),
    ];
    let expected = json(
        r#"{"metadata":{"name":"b","namespace":"n","finalizers":["f/1","f/2"]},"data":{"":"","k":"2","no value":"","z":"3"}}"#,
    );
    assert_eq!(read(&raw.concat()).to_string(), expected.to_string());
}

#[test]
fn text_that_is_no_text_reads_as_in_json() {
    assert_eq!(read(&piece(1, &piece(1, b"a\xff"))), json("{\"metadata\":{\"name\":\"a\u{fffd}\"}}"));
}

#[test]
fn the_endpoint_says_what_a_body_without_a_type_holds() {
    let bare = [b"k8s\0".to_vec(), piece(2, &piece(1, &piece(1, b"a")))].concat();
    assert_eq!(decode(config_map(), &bare).unwrap(), json(r#"{"metadata":{"name":"a"}}"#));
}

#[test]
fn refusals_have_the_words_of_upstream() {
    let prefix = r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: "#;
    let raw = |raw: &[u8]| body("v1", "ConfigMap", raw);
    let content: [(&[u8], &str); 12] = [
        (&[0x0a], "unexpected EOF"),
        (&[0x0a, 5, 1], "unexpected EOF"),
        (&[0x79, 1], "unexpected EOF"),
        (&[0x7b, 8, 1], "unexpected EOF"),
        (&[0xff; 11], "proto: integer overflow"),
        (
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "proto: negative length found during unmarshaling",
        ),
        (&[0x08, 1], "proto: wrong wireType = 0 for field ObjectMeta"),
        (&[0x22, 0], "proto: wrong wireType = 2 for field Immutable"),
        (&[0x0a, 2, 0x28, 1], "proto: wrong wireType = 0 for field UID"),
        (&[0x02, 0], "proto: ConfigMap: illegal tag 0 (wire type 2)"),
        (&[0x0c], "proto: ConfigMap: wiretype end group for non-group"),
        (&[0x7f], "proto: illegal wireType 7"),
    ];
    for (bytes, why) in content {
        assert_eq!(
            decode(config_map(), &raw(bytes)),
            Err(DecodeError::Malformed(format!("{prefix}{why}"))),
            "{bytes:x?}"
        );
    }
    let far = [piece(1, &piece(8, &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]))].concat();
    let why = decode(config_map(), &raw(&far)).unwrap_err().to_string();
    assert_eq!(why, format!("{prefix}creationTimestamp: year outside of range [0,9999]"));

    let unrecognized = "the object provided is unrecognized (must be of type ConfigMap): ";
    let envelopes: [(&[u8], &str); 4] = [
        (b"", "empty data (<empty>)"),
        (b"k8s\0", "empty body (6b387300)"),
        (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({})"),
        (b"k8s\0\x0a\x05", "unexpected EOF (6b3873000a05)"),
    ];
    for (bytes, why) in envelopes {
        assert_eq!(decode(config_map(), bytes), Err(DecodeError::Malformed(format!("{unrecognized}{why}"))));
    }
    let others = [
        ("v2", "ConfigMap", "the API version in the data (v2) does not match the expected API version (v1)"),
        (
            "v1",
            "Secret",
            r#"Secret in version "v1" cannot be handled as a ConfigMap: the kind in the data (Secret) does not match the expected kind (ConfigMap)"#,
        ),
    ];
    for (version, name, why) in others {
        assert_eq!(decode(config_map(), &body(version, name, &[])), Err(DecodeError::Mismatched(why.to_owned())));
    }
}

#[test]
fn small_bodies_do_not_make_large_objects() {
    let long = |number: u8, value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap();
        // A length in five bytes, whatever it is.
        let length: Vec<u8> =
            (0..5).map(|at| u8::try_from(length >> (7 * at) & 0x7f).unwrap() | if at < 4 { 0x80 } else { 0 }).collect();
        [&[number << 3 | 2], length.as_slice(), value].concat()
    };
    // Each owner reference is two bytes here and four fields with their names when it is written.
    for (owners, taken) in [(19_999, true), (20_000, false)] {
        let raw = long(1, &piece(13, b"").repeat(owners));
        let from_protobuf = decode(config_map(), &[b"k8s\0".to_vec(), long(2, &raw)].concat());
        let text = format!(r#"{{"metadata":{{"ownerReferences":[{}]}}}}"#, vec!["{}"; owners].join(","));
        let from_json = decode::decode(config_map(), text.as_bytes(), FieldValidation::Warn);
        assert_eq!((from_protobuf.is_ok(), from_json.is_ok()), (taken, taken), "{owners}");
        for error in [from_protobuf.err(), from_json.err()].into_iter().flatten() {
            assert!(error.to_string().contains("exceeded max number of values"), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(raw in prop::collection::vec(any::<u8>(), 0..100)) {
        for kind in KINDS.iter() {
            drop(decode(kind, &raw));
            drop(decode(kind, &body(&kind.api_version(), &kind.kind, &raw)));
        }
        drop(decode_type(&DELETE_OPTIONS, &body("v1", "DeleteOptions", &raw)));
    }

    #[test]
    fn any_text_is_written_or_refused_without_panic(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let all: Vec<_> = objects().collect();
        let (group, name, _, text) = which.get(&all);
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        // Whatever is written can be read.
        if let Ok(written) = encode(kind(group, name), &bytes) {
            drop(decode(kind(group, name), &written));
        }
        drop(encode_partial(&bytes));
    }

    #[test]
    fn damaged_bodies_are_read_or_refused_without_panic(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let all: Vec<_> = objects().collect();
        let (group, name, hex, _) = which.get(&all);
        let mut bytes = bytes_of(hex);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        // What is taken is in canonical form: as JSON it reads as itself.
        if let Ok(value) = decode(kind(group, name), &bytes) {
            let text = value.to_string();
            let again = decode::decode(kind(group, name), text.as_bytes(), FieldValidation::Strict).unwrap().value;
            prop_assert_eq!(again.to_string(), text);
        }
    }
}

/// Group, kind, what the serializer of client-go v0.36 makes of an object, and the object as Go writes it in JSON. The table
/// in the file has every kind twice: without fields, and with all of them.
fn objects() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    let lines = include_str!("objects.tsv").lines().map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap();
        (next(), next(), next(), next())
    });
    OBJECTS.iter().copied().chain(lines)
}

const OBJECTS: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "ConfigMap",
        "6b3873000a0f0a0276311209436f6e6669674d617012120a100a0012001a0022002a003200380042001a002200",
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}"#,
    ),
    (
        "",
        "ConfigMap",
        "6b3873000a0f0a0276311209436f6e6669674d617012f0010ac4010a016112001a016e22002a03752d31320137380342\
         0808b4df86d30610004a0808b4df86d306100050005a050a016112005a060a017a120131620a0a046b2fc3a91202760a\
         6a1b0a09436f6e6669674d61701a016f2203752d322a027631300138006a080a001a0022002a007203782f627203782f\
         618a014b0a016d12065570646174651a027631220808b4df86d306100032084669656c647356313a1e0a1c7b22663a64\
         617461223a7b222e223a7b7d2c22663a62223a7b7d7d7d420673746174757312050a0012016512050a0161120012060a\
         01621201321a050a016512001a080a0178120300fffe20001a002200",
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u-1","resourceVersion":"7","generation":3,"creationTimestamp":"2026-07-23T06:07:48Z","deletionTimestamp":"2026-07-23T06:07:48Z","deletionGracePeriodSeconds":0,"labels":{"a":"","z":"1"},"annotations":{"k/é":"v\n"},"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u-2","controller":true,"blockOwnerDeletion":false},{"apiVersion":"","kind":"","name":"","uid":""}],"finalizers":["x/b","x/a"],"managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","time":"2026-07-23T06:07:48Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:b":{}}},"subresource":"status"}]},"immutable":false,"data":{"":"e","a":"","b":"2"},"binaryData":{"e":"","x":"AP/+"}}"#,
    ),
    (
        "",
        "Secret",
        "6b3873000a0c0a027631120653656372657412340a120a001202732d1a0022002a00320038004200120c0a0170120768\
         756e746572321a064f706171756522060a017112017228011a002200",
        r#"{"kind":"Secret","apiVersion":"v1","metadata":{"generateName":"s-"},"immutable":true,"data":{"p":"aHVudGVyMg=="},"stringData":{"q":"r"},"type":"Opaque"}"#,
    ),
    (
        "",
        "Namespace",
        "6b3873000a0f0a02763112094e616d65737061636512530a110a016e12001a0022002a00320038004200120c0a0a6b75\
         6265726e657465731a300a06416374697665121a0a0154120546616c7365220808b4df86d30610002a015232014d120a\
         0a00120022002a0032001a002200",
        r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"n"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active","conditions":[{"type":"T","status":"False","lastTransitionTime":"2026-07-23T06:07:48Z","reason":"R","message":"M"},{"type":"","status":"","lastTransitionTime":null}]}}"#,
    ),
    (
        "",
        "ServiceAccount",
        "6b3873000a140a027631120e536572766963654163636f756e74124c0a120a02736112001a0022002a00320038004200\
         121b0a0653656372657412016e1a01742201752a0276313201313a0166120e0a0012001a0022002a0032003a001a030a\
         01721a020a0020001a002200",
        r#"{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"sa"},"secrets":[{"kind":"Secret","namespace":"n","name":"t","uid":"u","apiVersion":"v1","resourceVersion":"1","fieldPath":"f"},{}],"imagePullSecrets":[{"name":"r"},{}],"automountServiceAccountToken":false}"#,
    ),
    (
        "",
        "Event",
        "6b3873000a0b0a02763112054576656e74123c0a100a0012001a0022002a00320038004200120e0a0012001a0022002a\
         0032003a001a0022002a040a00120032003a0040004a005200620072007a001a002200",
        r#"{"kind":"Event","apiVersion":"v1","metadata":{},"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}"#,
    ),
    (
        "",
        "Event",
        "6b3873000a0b0a02763112054576656e741294010a120a016512001a016e22002a0032003800420012120a03506f6412\
         001a017022002a0032003a001a015222014d2a060a0163120168320808b4df86d30610003a0808b4df86d30610004002\
         4a064e6f726d616c520b08b4df86d306108094ef3a5a15080512110880ddfaffffffffffff0110988cebdc036201416a\
         0f0a0012001a017122002a0032003a00720272637a0272691a002200",
        r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","namespace":"n"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"R","message":"M","source":{"component":"c","host":"h"},"firstTimestamp":"2026-07-23T06:07:48Z","lastTimestamp":"2026-07-23T06:07:48Z","count":2,"type":"Normal","eventTime":"2026-07-23T06:07:48.123456Z","series":{"count":5,"lastObservedTime":"1969-12-31T00:00:00.999999Z"},"action":"A","related":{"name":"q"},"reportingComponent":"rc","reportingInstance":"ri"}"#,
    ),
    (
        "events.k8s.io",
        "Event",
        "6b3873000a190a106576656e74732e6b38732e696f2f763112054576656e74128a010a120a016512001a016e22002a00\
         320038004200120b08b4df86d306108094ef3a1a0408001200220272632a0272693201413a015242110a03506f641200\
         1a0022002a0032003a004a0e0a0012001a0022002a0032003a0052014e5a075761726e696e6762050a016312006a0808\
         b4df86d3061000720808b4df86d306100078ffffffffffffffffff011a002200",
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"e","namespace":"n"},"eventTime":"2026-07-23T06:07:48.123456Z","series":{"count":0,"lastObservedTime":null},"reportingController":"rc","reportingInstance":"ri","action":"A","reason":"R","regarding":{"kind":"Pod"},"related":{},"note":"N","type":"Warning","deprecatedSource":{"component":"c"},"deprecatedFirstTimestamp":"2026-07-23T06:07:48Z","deprecatedLastTimestamp":"2026-07-23T06:07:48Z","deprecatedCount":-1}"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c65617365125f0a110a016c12001a00\
         22002a00320038004200124a0a00100f1a0b08b4df86d306108094ef3a22110880ddfaffffffffffff0110988cebdc03\
         2880808080f8ffffffff0132164f6c64657374456d756c6174696f6e56657273696f6e3a01681a002200",
        r#"{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"l"},"spec":{"holderIdentity":"","leaseDurationSeconds":15,"acquireTime":"2026-07-23T06:07:48.123456Z","renewTime":"1969-12-31T00:00:00.999999Z","leaseTransitions":-2147483648,"strategy":"OldestEmulationVersion","preferredHolder":"h"}}"#,
    ),
    (
        "coordination.k8s.io",
        "Lease",
        "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c6561736512180a100a0012001a0022\
         002a0032003800420012041a0028001a002200",
        r#"{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{},"spec":{"acquireTime":null,"leaseTransitions":0}}"#,
    ),
];

/// As [`OBJECTS`], for `DeleteOptions`.
const OPTIONS: &[(&str, &str)] = &[
    ("6b3873000a130a027631120d44656c6574654f7074696f6e7312001a002200", r#"{"kind":"DeleteOptions","apiVersion":"v1"}"#),
    (
        "6b3873000a270a16636f6f7264696e6174696f6e2e6b38732e696f2f7631120d44656c6574654f7074696f6e73122808\
         8080808080808080800112060a01751201391800220a466f726567726f756e642a03416c6c30011a002200",
        r#"{"kind":"DeleteOptions","apiVersion":"coordination.k8s.io/v1","gracePeriodSeconds":-9223372036854775808,"preconditions":{"uid":"u","resourceVersion":"9"},"orphanDependents":false,"propagationPolicy":"Foreground","dryRun":["All"],"ignoreStoreReadErrorWithClusterBreakingPotential":true}"#,
    ),
];
