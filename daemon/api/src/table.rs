//! Objects in the shape that a client asks for: as they are stored, as a table for people, or their metadata only; in JSON, or
//! in protobuf, which is written from JSON.
//!
//! The stored bytes are never taken apart where they can be passed on: an object inside a table's row is the stored
//! object, and metadata are cut out of it. Only a table's cells need a parsed object. The shapes and their wording are
//! those of k8s.io/apiserver/pkg/endpoints/handlers/response.go.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use hanse_base::id::Revision;
use hanse_schema::convert::{from_stored, is_converted};
use hanse_schema::kind::Kind;
use hanse_schema::protobuf::{self, Unencodable};
use hanse_schema::table::{cells, column_definitions};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::limits::BODY_CHUNK_BYTES;
use crate::negotiate::{Format, MetaVersion, Shape};
use crate::status::Failure;
use crate::view::parsed;

/// What of the object a table's row carries (`includeObject=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// Its metadata: what clients get when they do not say.
    Metadata,
    /// All of it.
    Object,
}

impl Include {
    /// Reads the query's value.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] in upstream's words.
    pub fn parse(text: Option<&str>) -> Result<Self, Failure> {
        match text.unwrap_or_default() {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(Failure::BadRequest(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

/// What a list says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHead {
    /// Revision of the state that was listed.
    pub revision: Revision,
    /// Where the next page goes on; `None` on the last one.
    pub continue_token: Option<String>,
    /// How many objects are behind this page, where that is known.
    pub remaining: Option<u64>,
}

impl ListHead {
    /// The list's `metadata`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(token) = &self.continue_token {
            metadata["continue"] = token.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        metadata
    }
}

/// Shapes stored objects of one kind for one answer or one watch. A watch keeps it: only its first table has columns.
#[derive(Debug)]
pub struct Shaper {
    kind: Arc<Kind>,
    shape: Shape,
    include: Include,
    now_ms: u64,
    columns_shown: bool,
    is_protobuf: bool,
}

impl From<Unencodable> for Failure {
    fn from(error: Unencodable) -> Self {
        Self::Internal(format!("an object cannot be written as protobuf: {error}"))
    }
}

impl Shaper {
    /// A shaper for objects of a kind as they are stored. `include` matters for tables only.
    #[must_use]
    pub fn new(kind: Arc<Kind>, shape: Shape, include: Include) -> Self {
        Self { kind, shape, include, now_ms: 0, columns_shown: false, is_protobuf: false }
    }

    /// Sets the time that ages in a table are counted to.
    #[must_use]
    pub fn at(mut self, now_ms: u64) -> Self {
        self.now_ms = now_ms;
        self
    }

    /// Sets the format; JSON unless this is called. Tables have no protobuf form.
    #[must_use]
    pub fn written_as(mut self, format: Format) -> Self {
        self.is_protobuf = format == Format::Protobuf;
        self
    }

    /// Whether stored bytes, and the lines of events, are passed on as they are.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.shape == Shape::Whole && !is_converted(&self.kind) && !self.is_protobuf
    }

    /// One object, as the answer to a GET or to a write.
    ///
    /// # Errors
    /// [`Failure::NotAcceptable`] when the metadata of a list were asked for.
    pub fn object(&self, stored: &Bytes) -> Result<Bytes, Failure> {
        match self.shape {
            Shape::Whole if self.is_protobuf => Ok(protobuf::encode(&self.kind, &self.whole(stored)?)?.into()),
            Shape::PartialMetadata(_) if self.is_protobuf => Ok(protobuf::encode_partial(stored)?.into()),
            Shape::Whole => self.whole(stored),
            Shape::PartialMetadata(version) => partial(version, stored),
            Shape::PartialMetadataList(_) => Err(Failure::NotAcceptable(format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
                self.kind.kind
            ))),
            Shape::Table(version) => self.one_row(version, stored, true),
        }
    }

    /// One object inside a watch event: a bookmark's object too. A table has columns the first time only.
    ///
    /// # Errors
    /// As [`Shaper::object`]; upstream, too, ends a watch that was asked for a shape it cannot have.
    pub fn event(&mut self, stored: &Bytes, now_ms: u64) -> Result<Bytes, Failure> {
        self.now_ms = now_ms;
        let Shape::Table(version) = self.shape else { return self.object(stored) };
        let columns = !std::mem::replace(&mut self.columns_shown, true);
        self.one_row(version, stored, columns)
    }

    /// A list, as pieces that make one document.
    ///
    /// # Errors
    /// [`Failure::NotAcceptable`] when the metadata of one object were asked for.
    pub fn list<'a>(
        &self,
        head: &ListHead,
        stored: impl Iterator<Item = &'a Bytes>,
    ) -> Result<VecDeque<Bytes>, Failure> {
        let metadata = head.to_json();
        if self.is_protobuf {
            return self.protobuf_list(&metadata, stored);
        }
        let api_version = self.kind.api_version();
        let name = &self.kind.list_kind;
        let mut pieces = match self.shape {
            Shape::Whole => {
                let start =
                    format!(r#"{{"kind":"{name}","apiVersion":"{api_version}","metadata":{metadata},"items":["#);
                Pieces::new(start, self.is_identity())
            }
            Shape::PartialMetadataList(version) => {
                let version = version.api_version();
                let start = r#"{"kind":"PartialObjectMetadataList","apiVersion":""#;
                Pieces::new(format!(r#"{start}{version}","metadata":{metadata},"items":["#), false)
            }
            Shape::PartialMetadata(_) => {
                return Err(self.is_a_list());
            }
            Shape::Table(version) => Pieces::new(self.table_start(version, &metadata, true), false),
        };
        for object in stored {
            match self.shape {
                Shape::Whole => pieces.item(&self.whole(object)?),
                Shape::PartialMetadataList(version) => pieces.item(&partial(version, object)?),
                Shape::Table(version) => pieces.item(&self.row(version, object)?),
                // Answered above.
                Shape::PartialMetadata(_) => {}
            }
        }
        Ok(pieces.end())
    }

    fn protobuf_list<'a>(
        &self,
        metadata: &Value,
        stored: impl Iterator<Item = &'a Bytes>,
    ) -> Result<VecDeque<Bytes>, Failure> {
        let metadata = metadata.to_string();
        let list = match self.shape {
            Shape::PartialMetadata(_) => return Err(self.is_a_list()),
            Shape::PartialMetadataList(_) => {
                protobuf::encode_partial_list(metadata.as_bytes(), stored.map(AsRef::as_ref))?
            }
            Shape::Whole | Shape::Table(_) => {
                let shown = stored.map(|object| self.whole(object)).collect::<Result<Vec<_>, _>>()?;
                protobuf::encode_list(&self.kind, metadata.as_bytes(), shown.iter().map(AsRef::as_ref))?
            }
        };
        Ok(VecDeque::from([Bytes::from(list)]))
    }

    fn is_a_list(&self) -> Failure {
        let name = &self.kind.list_kind;
        Failure::NotAcceptable(format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({name})"
        ))
    }

    /// The object in the form in which its kind is served.
    fn whole(&self, stored: &Bytes) -> Result<Bytes, Failure> {
        if !is_converted(&self.kind) {
            return Ok(stored.clone());
        }
        let shown = from_stored(&self.kind, parsed(stored)?);
        Ok(Bytes::from(shown.to_string()))
    }

    fn table_start(&self, version: MetaVersion, metadata: &Value, with_columns: bool) -> String {
        let columns = if with_columns { Value::Array(column_definitions(&self.kind)) } else { Value::Null };
        let version = version.api_version();
        let start = r#"{"kind":"Table","apiVersion":""#;
        format!(r#"{start}{version}","metadata":{metadata},"columnDefinitions":{columns},"rows":["#)
    }

    fn one_row(&self, version: MetaVersion, stored: &Bytes, with_columns: bool) -> Result<Bytes, Failure> {
        let revision = head_of(stored)?.resource_version()?;
        let mut table = self.table_start(version, &json!({"resourceVersion": revision}), with_columns).into_bytes();
        table.extend_from_slice(&self.row(version, stored)?);
        table.extend_from_slice(b"]}");
        Ok(Bytes::from(table))
    }

    /// `{"cells":[..],"object":..}`
    fn row(&self, version: MetaVersion, stored: &Bytes) -> Result<Bytes, Failure> {
        let object = parsed(stored)?;
        // The mark that ends a watch's initial events must be seen, whatever of the object is wanted.
        let mark = &object["metadata"]["annotations"][INITIAL_EVENTS_END];
        let include = if *mark == "true" && self.include == Include::None { Include::Metadata } else { self.include };
        let now_ms = i64::try_from(self.now_ms).unwrap_or(i64::MAX);
        let cells = Value::Array(cells(&self.kind, &object, now_ms));
        let carried = match include {
            Include::None => Bytes::from_static(b"null"),
            Include::Metadata => partial(version, stored)?,
            Include::Object => self.whole(stored)?,
        };
        let cells = cells.to_string();
        Ok(Bytes::from([br#"{"cells":"#, cells.as_bytes(), br#","object":"#, &carried, b"}"].concat()))
    }
}

/// The annotation of the bookmark that ends a watch's initial events (KEP-3157).
pub const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The part of a stored object that [`partial`] needs; the rest is skipped without a copy.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    metadata: &'a RawValue,
}

impl Head<'_> {
    fn resource_version(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata<'a> {
            #[serde(borrow, default)]
            resource_version: Cow<'a, str>,
        }
        serde_json::from_str(self.metadata.get())
            .map(|metadata: Metadata<'_>| metadata.resource_version.into_owned())
            .map_err(broken)
    }
}

fn head_of(stored: &[u8]) -> Result<Head<'_>, Failure> {
    serde_json::from_slice(stored).map_err(broken)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn broken(error: serde_json::Error) -> Failure {
    Failure::Internal(format!("a stored object cannot be read: {error}"))
}

/// The object's metadata as a `PartialObjectMetadata`.
fn partial(version: MetaVersion, stored: &[u8]) -> Result<Bytes, Failure> {
    let metadata = head_of(stored)?.metadata.get();
    let version = version.api_version();
    let start = r#"{"kind":"PartialObjectMetadata","apiVersion":""#;
    Ok(Bytes::from([start, version, r#"","metadata":"#, metadata, "}"].concat()))
}

/// A list under way: shared pieces where items are passed on as they are, else chunks that items are copied to.
struct Pieces {
    pieces: VecDeque<Bytes>,
    chunk: Vec<u8>,
    shared: bool,
    items: bool,
}

impl Pieces {
    fn new(start: String, shared: bool) -> Self {
        Self { pieces: VecDeque::new(), chunk: start.into_bytes(), shared, items: false }
    }

    fn item(&mut self, item: &Bytes) {
        if std::mem::replace(&mut self.items, true) {
            self.chunk.push(b',');
        }
        if self.shared {
            self.cut();
            self.pieces.push_back(item.clone());
        } else {
            self.chunk.extend_from_slice(item);
            if self.chunk.len() >= BODY_CHUNK_BYTES {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        match std::mem::take(&mut self.chunk) {
            // The comma between two shared objects is the same for all.
            chunk if chunk == b"," => self.pieces.push_back(Bytes::from_static(b",")),
            chunk => self.pieces.push_back(Bytes::from(chunk)),
        }
    }

    fn end(mut self) -> VecDeque<Bytes> {
        self.chunk.extend_from_slice(b"]}");
        self.cut();
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use hanse_base::id::Revision;
    use hanse_schema::kind::{Kind, by_plural};
    use serde_json::{Value, json};

    use super::{Include, ListHead, Shaper};
    use crate::negotiate::{MetaVersion, Shape};

    const V1: MetaVersion = MetaVersion::V1;

    fn config_maps() -> Arc<Kind> {
        Arc::clone(by_plural("", "v1", "configmaps").unwrap())
    }

    fn stored(name: &str, revision: u64) -> Bytes {
        let object = json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": name, "resourceVersion": revision.to_string(), "creationTimestamp": "1970-01-01T00:00:00Z"},
            "data": {"a": "1", "b": "2"},
        });
        Bytes::from(object.to_string())
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    fn list(shape: Shape, include: Include, objects: &[Bytes]) -> Value {
        let head = ListHead { revision: Revision(9), continue_token: Some("t".into()), remaining: Some(3) };
        let pieces = Shaper::new(config_maps(), shape, include).at(120_000).list(&head, objects.iter()).unwrap();
        json(&pieces.iter().flatten().copied().collect::<Vec<u8>>())
    }

    #[test]
    fn a_list_is_the_stored_objects() {
        let objects = [stored("a", 5), stored("b", 6)];
        let metadata = json!({"resourceVersion": "9", "continue": "t", "remainingItemCount": 3});
        let items = [json(&objects[0]), json(&objects[1])];
        let expected = json!({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items});
        assert_eq!(list(Shape::Whole, Include::Metadata, &objects), expected);
        assert_eq!(list(Shape::Whole, Include::Metadata, &[])["items"], json!([]));
        let head = ListHead { revision: Revision(9), continue_token: None, remaining: None };
        let shaper = Shaper::new(config_maps(), Shape::Whole, Include::Metadata);
        let pieces = shaper.list(&head, objects.iter()).unwrap();
        // Not a copy: the same bytes in memory.
        assert!(shaper.is_identity() && pieces[1].as_ptr() == objects[0].as_ptr());
    }

    #[test]
    fn a_list_of_metadata_has_nothing_else() {
        let listed = list(Shape::PartialMetadataList(V1), Include::Metadata, &[stored("a", 5)]);
        assert_eq!(
            (&listed["kind"], &listed["apiVersion"]),
            (&json!("PartialObjectMetadataList"), &json!("meta.k8s.io/v1"))
        );
        let item = &listed["items"][0];
        assert_eq!((&item["kind"], &item["apiVersion"]), (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1")));
        assert_eq!(item["metadata"], json(&stored("a", 5))["metadata"]);
        assert!(item.get("data").is_none());
    }

    #[test]
    fn a_table_has_columns_and_cells_and_what_is_included() {
        let object = stored("a", 5);
        let metadata = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": json(&object)["metadata"]});
        for (include, carried) in
            [(Include::None, Value::Null), (Include::Metadata, metadata), (Include::Object, json(&object))]
        {
            let table = list(Shape::Table(V1), include, &[object.clone(), stored("b", 6)]);
            assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
            assert_eq!(table["metadata"], json!({"resourceVersion": "9", "continue": "t", "remainingItemCount": 3}));
            assert_eq!(table["columnDefinitions"][0]["name"], "Name");
            assert_eq!(table["columnDefinitions"][0]["format"], "name");
            assert_eq!(table["rows"][0]["cells"][0], "a");
            assert_eq!(
                table["rows"][0]["cells"].as_array().unwrap().len(),
                table["columnDefinitions"].as_array().unwrap().len()
            );
            assert_eq!(table["rows"][0]["object"], carried);
            assert_eq!(table["rows"].as_array().unwrap().len(), 2);
        }
        let beta = list(Shape::Table(MetaVersion::V1beta1), Include::Metadata, &[object]);
        assert_eq!(beta["apiVersion"], "meta.k8s.io/v1beta1");
        assert_eq!(beta["rows"][0]["object"]["apiVersion"], "meta.k8s.io/v1beta1");
    }

    #[test]
    fn a_watch_shows_the_columns_once() {
        let mut shaper = Shaper::new(config_maps(), Shape::Table(V1), Include::Metadata);
        let first = json(&shaper.event(&stored("a", 5), 120_000).unwrap());
        let second = json(&shaper.event(&stored("a", 6), 120_000).unwrap());
        assert!(first["columnDefinitions"].is_array() && second["columnDefinitions"].is_null());
        assert_eq!(
            (&first["metadata"]["resourceVersion"], &second["metadata"]["resourceVersion"]),
            (&json!("5"), &json!("6"))
        );
        // A GET is a table of its own each time.
        let shaper = Shaper::new(config_maps(), Shape::Table(V1), Include::Metadata);
        assert!(json(&shaper.object(&stored("a", 5)).unwrap())["columnDefinitions"].is_array());
    }

    #[test]
    fn the_end_of_the_initial_events_is_seen_in_every_table() {
        let bookmark = json!({"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"resourceVersion": "7", "creationTimestamp": null, "annotations": {"k8s.io/initial-events-end": "true"}}});
        let mut shaper = Shaper::new(config_maps(), Shape::Table(V1), Include::None);
        let table = json(&shaper.event(&Bytes::from(bookmark.to_string()), 0).unwrap());
        assert_eq!(table["metadata"]["resourceVersion"], "7");
        assert_eq!(table["rows"][0]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    }

    #[test]
    fn a_shape_that_cannot_be_is_refused() {
        let partial = Shaper::new(config_maps(), Shape::PartialMetadata(V1), Include::Metadata);
        let head = ListHead { revision: Revision(9), continue_token: None, remaining: None };
        let failure = partial.list(&head, std::iter::empty()).unwrap_err();
        assert_eq!(
            (failure.code(), failure.message()),
            (406, "you requested PartialObjectMetadata, but the requested object is a list (ConfigMapList)".into())
        );
        let partial = Shaper::new(config_maps(), Shape::PartialMetadataList(V1), Include::Metadata);
        assert_eq!(partial.object(&stored("a", 5)).unwrap_err().code(), 406);
        assert_eq!(Include::parse(Some("")), Ok(Include::Metadata));
        assert_eq!(
            Include::parse(Some("All")).unwrap_err().message(),
            r#"Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty"#
        );
    }

    #[test]
    fn events_are_shown_in_the_form_that_was_asked_for() {
        let event = json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e", "namespace": "n", "resourceVersion": "5"},
            "involvedObject": {"kind": "Pod", "name": "p"}, "reason": "Why", "message": "text", "type": "Normal"});
        let kind = Arc::clone(by_plural("events.k8s.io", "v1", "events").unwrap());
        let shaper = Shaper::new(kind, Shape::Whole, Include::Metadata);
        let shown = json(&shaper.object(&Bytes::from(event.to_string())).unwrap());
        assert!(!shaper.is_identity());
        assert_eq!((&shown["apiVersion"], &shown["regarding"]["name"]), (&json!("events.k8s.io/v1"), &json!("p")));
    }
}
