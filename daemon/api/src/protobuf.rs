//! Bodies in Kubernetes' protobuf form, as client-go's typed clients send them for the kinds that are built in, turned
//! into JSON. Answers are JSON: every client that sends protobuf takes that, too.
//!
//! A body is `k8s` and a zero byte, then `runtime.Unknown`: the type's name and the message. The message's fields are
//! those of the kind's descriptor; unknown ones are skipped, as protobuf has it.

mod numbers;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hanse_schema::field::{FieldKind, TypeDescriptor};
use hanse_schema::time::{Moment, Precision};
use serde_json::{Map, Value};

use crate::status::Failure;

/// The media type of such bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
const MAGIC: &[u8] = b"k8s\0";
/// No message of a built-in kind is nested as deep as this.
const DEPTH_MAX: usize = 16;

/// The body as JSON. Its kind and version are those that the body names: the JSON decoder compares them with the
/// endpoint's.
///
/// # Errors
/// 415 for a type without a protobuf form, 400 for bytes that are not a message.
pub(crate) fn to_json(descriptor: &'static TypeDescriptor, body: &[u8]) -> Result<Vec<u8>, Failure> {
    if numbers::fields(descriptor).is_none() {
        return Err(Failure::UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: application/json"
                .to_owned(),
        ));
    }
    let json = object(descriptor, body);
    json.map(|json| json.to_string().into_bytes()).ok_or_else(|| {
        Failure::BadRequest(format!("the body of the request is not a protobuf message of a {}", descriptor.name))
    })
}

fn object(descriptor: &'static TypeDescriptor, body: &[u8]) -> Option<Value> {
    let mut unknown = Reader(body.strip_prefix(MAGIC)?);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some(field) = unknown.next()? {
        match (field.number, field.value) {
            (1, Wire::Bytes(bytes)) => {
                let mut type_meta = Reader(bytes);
                while let Some(field) = type_meta.next()? {
                    match (field.number, field.value) {
                        (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let mut object = message(descriptor, raw, DEPTH_MAX)?;
    for (name, value) in [("kind", kind), ("apiVersion", api_version)] {
        if !value.is_empty() {
            object.insert(name.to_owned(), Value::from(value));
        }
    }
    Some(Value::Object(object))
}

fn message(descriptor: &'static TypeDescriptor, bytes: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let depth = depth.checked_sub(1)?;
    let numbers = numbers::fields(descriptor)?;
    let mut object = Map::new();
    let mut reader = Reader(bytes);
    while let Some(field) = reader.next()? {
        let name = numbers.iter().find(|(number, _)| *number == field.number).map(|(_, name)| *name);
        let Some(known) = name.and_then(|name| descriptor.field(name)) else { continue };
        match &known.kind {
            FieldKind::Map(of) => {
                let (key, value) = entry(of, field.value.bytes()?, depth)?;
                if let Some(map) = container(&mut object, known.name, || Value::Object(Map::new())).as_object_mut() {
                    map.insert(key, value);
                }
            }
            FieldKind::List(list) => {
                let item = value(list.of, field.value, depth)?;
                if let Some(list) = container(&mut object, known.name, || Value::Array(Vec::new())).as_array_mut() {
                    list.push(item);
                }
            }
            kind => {
                object.insert(known.name.to_owned(), value(kind, field.value, depth)?);
            }
        }
    }
    Some(object)
}

fn container<'a>(object: &'a mut Map<String, Value>, name: &str, empty: impl FnOnce() -> Value) -> &'a mut Value {
    object.entry(name).or_insert_with(empty)
}

/// Key and value of one entry of a map.
fn entry(of: &'static FieldKind, bytes: &[u8], depth: usize) -> Option<(String, Value)> {
    let mut reader = Reader(bytes);
    let (mut key, mut found) = (String::new(), None);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => key = text(field.value.bytes()?)?,
            2 => found = Some(value(of, field.value, depth)?),
            _ => {}
        }
    }
    // An absent value is the empty one, of text and of bytes alike.
    Some((key, found.unwrap_or_else(|| Value::from(""))))
}

fn value(kind: &'static FieldKind, wire: Wire<'_>, depth: usize) -> Option<Value> {
    Some(match kind {
        FieldKind::String => Value::from(text(wire.bytes()?)?),
        FieldKind::Int32 => Value::from(i32::try_from(wire.number()?).ok()?),
        FieldKind::Int64 => Value::from(wire.number()?),
        FieldKind::Bool => Value::from(wire.number()? != 0),
        FieldKind::Bytes => Value::from(STANDARD.encode(wire.bytes()?)),
        FieldKind::Time => time(wire.bytes()?, Precision::Seconds)?,
        FieldKind::MicroTime => time(wire.bytes()?, Precision::Micros)?,
        FieldKind::Object(descriptor) => Value::Object(message(descriptor, wire.bytes()?, depth)?),
        FieldKind::Any => raw(wire.bytes()?)?,
        // Neither stands inside another in the messages that there are.
        FieldKind::Map(_) | FieldKind::List(_) => return None,
    })
}

/// `Timestamp {seconds = 1, nanos = 2}`; an empty one is no time.
fn time(bytes: &[u8], precision: Precision) -> Option<Value> {
    if bytes.is_empty() {
        return Some(Value::Null);
    }
    let mut reader = Reader(bytes);
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => seconds = field.value.number()?,
            2 => nanos = field.value.number()?,
            _ => {}
        }
    }
    // Objects are not older than 1970, and not younger than the year 9999.
    let ms = u64::try_from(seconds).ok()?.checked_mul(1_000)?;
    let text = Moment::from_unix_ms(ms).format(Precision::Seconds);
    let micros = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)? / 1_000;
    Some(Value::from(match precision {
        Precision::Seconds => text,
        Precision::Micros => format!("{}.{micros:06}Z", text.trim_end_matches('Z')),
    }))
}

/// `FieldsV1 {Raw = 1}`: JSON in bytes.
fn raw(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader(bytes);
    let mut json = Value::Object(Map::new());
    while let Some(field) = reader.next()? {
        if field.number == 1 {
            json = serde_json::from_slice(field.value.bytes()?).ok()?;
        }
    }
    Some(json)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// The wire format of protobuf. `None` is a broken message.
struct Reader<'a>(&'a [u8]);

struct Field<'a> {
    number: u32,
    value: Wire<'a>,
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// A varint is two's complement: negative numbers have ten bytes.
    fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(number.cast_signed()) } else { None }
    }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Option<Field<'a>>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
        let value = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            _ => return None,
        };
        Some(Some(Field { number, value }))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use hanse_schema::kinds::KINDS;
    use hanse_schema::types::{coordination, core, kcp, meta};
    use proptest::prelude::{any, prop, proptest};
    use serde_json::{Value, json};

    use super::to_json;

    /// A field with bytes, or a varint.
    fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
    }

    fn varint(number: u8, value: u8) -> Vec<u8> {
        vec![number << 3, value]
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), bytes(1, &type_meta), bytes(2, raw), bytes(3, b""), bytes(4, b"")].concat()
    }

    fn read(descriptor: &'static hanse_schema::field::TypeDescriptor, body: &[u8]) -> Result<Value, u16> {
        to_json(descriptor, body).map(|json| serde_json::from_slice(&json).unwrap()).map_err(|failure| failure.code())
    }

    #[test]
    fn a_config_map_reads_as_its_json() {
        let metadata = [
            bytes(1, b"a"),
            bytes(8, b""),
            bytes(11, &[bytes(1, b"l"), bytes(2, b"1")].concat()),
            bytes(14, b"f/1"),
            bytes(14, b"f/2"),
        ]
        .concat();
        let data = |key: &[u8], value: &[u8]| bytes(2, &[bytes(1, key), bytes(2, value)].concat());
        let binary = bytes(3, &[bytes(1, b"b"), bytes(2, &[0, 255])].concat());
        let raw =
            [bytes(1, &metadata), data(b"k", b"v"), bytes(2, &bytes(1, b"empty")), binary, varint(4, 1), varint(15, 1)];
        let expected = json!({
            "kind": "ConfigMap", "apiVersion": "v1", "immutable": true, "data": {"k": "v", "empty": ""}, "binaryData": {"b": "AP8="},
            "metadata": {"name": "a", "creationTimestamp": null, "labels": {"l": "1"}, "finalizers": ["f/1", "f/2"]},
        });
        assert_eq!(read(&core::CONFIG_MAP, &body("v1", "ConfigMap", &raw.concat())), Ok(expected));
    }

    #[test]
    fn times_numbers_and_options_read_as_their_json() {
        let time = [varint(1, 5), vec![2 << 3, 0x80, 0xa3, 0xc3, 0x47]].concat();
        let negative = [vec![5 << 3], vec![0xff; 9], vec![1]].concat();
        let spec = [bytes(1, b"me"), varint(2, 15), bytes(3, &time), negative].concat();
        let lease = read(&coordination::LEASE, &body("coordination.k8s.io/v1", "Lease", &bytes(2, &spec))).unwrap();
        let expected = json!({"holderIdentity": "me", "leaseDurationSeconds": 15, "acquireTime": "1970-01-01T00:00:05.150000Z", "leaseTransitions": -1});
        assert_eq!(lease["spec"], expected);
        let options = [varint(1, 0), bytes(2, &bytes(1, b"u")), bytes(4, b"Background"), bytes(5, b"All")].concat();
        let expected = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": "u"}, "propagationPolicy": "Background",
            "dryRun": ["All"], "kind": "DeleteOptions", "apiVersion": "v1"});
        assert_eq!(read(&meta::DELETE_OPTIONS, &body("v1", "DeleteOptions", &options)), Ok(expected));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let good = body("v1", "ConfigMap", &bytes(1, &bytes(1, b"a")));
        for cut in 0..good.len() {
            let cut = good.get(..cut).unwrap();
            assert!(read(&core::CONFIG_MAP, cut).is_ok() || read(&core::CONFIG_MAP, cut) == Err(400));
        }
        assert_eq!(read(&core::CONFIG_MAP, b"{}"), Err(400));
        assert_eq!(read(&core::CONFIG_MAP, &body("v1", "ConfigMap", &varint(1, 1))), Err(400));
        assert_eq!(read(&core::CONFIG_MAP, &body("v1", "ConfigMap", &bytes(1, &bytes(1, b"\xff")))), Err(400));
        assert_eq!(read(&kcp::WORKSPACE, &good), Err(415));
    }

    proptest! {
        #[test]
        fn junk_is_an_error_and_never_a_panic(raw in prop::collection::vec(any::<u8>(), 0..120), kind in 0_usize..9) {
            let kind = &KINDS[kind % KINDS.len()];
            drop(to_json(kind.object, &raw));
            drop(to_json(kind.object, &body("v1", "X", &raw)));
        }
    }
}
