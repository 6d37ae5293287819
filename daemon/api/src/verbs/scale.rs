//! `…/scale`: the number of replicas of a custom resource as an `autoscaling/v1` Scale, which autoscalers and `kubectl scale` read
//! and write without knowing the kind.

use bytes::Bytes;
use hanse_schema::cause::Cause;
use hanse_schema::kind::{Scale, Text};
use hanse_schema::patch::{PatchType, apply, parse_body};
use hanse_schema::types::autoscaling::SCALE;
use hanse_schema::{metadata, protobuf};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::answer::{self, Form};
use crate::api::RequestBody;
use crate::body::Answer;
use crate::call::Call;
use crate::negotiate::{self, BodyType};
use crate::query::{WantedRevision, WriteOptions};
use crate::request::Verb;
use crate::status::Failure;
use crate::verbs::change::{Wanted, change};
use crate::verbs::get;
use crate::view::parsed;
use crate::yaml;

/// Answers a request for the scale of an object.
pub(crate) async fn answer(call: &Call<'_>, body: RequestBody) -> Result<Answer, Failure> {
    let scale = call.kind.scale.as_ref().ok_or(Failure::NoSuchPath)?;
    match call.path.verb {
        Verb::Get => read(call, scale).await,
        Verb::Update => update(call, scale, body.read().await?).await,
        Verb::Patch => patch(call, scale, body.read().await?).await,
        _ => Err(Failure::MethodNotServed),
    }
}

async fn read(call: &Call<'_>, scale: &Scale) -> Result<Answer, Failure> {
    let form = Form::of_own_type(call)?;
    let name = call.name()?;
    let key = call.key(name)?;
    let state = get::state(call, WantedRevision::parse(call.query.text("resourceVersion"))?).await?;
    let object = state.get(&key).ok_or_else(|| Failure::NotFound(call.subject(name)))?;
    shown(&form, scale, &call.view.value(object).await?)
}

async fn update(call: &Call<'_>, scale: &Scale, body: Bytes) -> Result<Answer, Failure> {
    let options = WriteOptions::parse(call.query, "UpdateOptions")?;
    let sent = match negotiate::body(call.header(CONTENT_TYPE), BodyType::ALL)? {
        BodyType::Protobuf => protobuf::decode_type(&SCALE, &body)?,
        sent => serde_json::from_slice::<Value>(&yaml::as_json("Scale", sent, &body)?).map_err(|error| {
            Failure::BadRequest(format!("the object provided is unrecognized (must be of type Scale): {error}"))
        })?,
    };
    write(call, scale, &options, |_| Ok(sent.clone())).await
}

async fn patch(call: &Call<'_>, scale: &Scale, body: Bytes) -> Result<Answer, Failure> {
    let allowed = [negotiate::PatchType::Json, negotiate::PatchType::Merge];
    let media_type = negotiate::patch(call.header(CONTENT_TYPE), &allowed)?.media_type();
    let options = WriteOptions::parse(call.query, "PatchOptions")?;
    let Some(patch_type) = PatchType::from_content_type(media_type) else {
        return Err(Failure::UnsupportedMediaType(format!("{media_type} is not served")));
    };
    let patch = parse_body(patch_type, &body, options.field_validation)?;
    write(call, scale, &options, |old| Ok(apply(call.kind, &of(scale, old), &patch)?)).await
}

/// Sets the wanted number of replicas to what `scaled` makes of the object.
async fn write(
    call: &Call<'_>,
    scale: &Scale,
    options: &WriteOptions,
    mut scaled: impl FnMut(&Value) -> Result<Value, Failure> + Send,
) -> Result<Answer, Failure> {
    let form = Form::of_own_type(call)?;
    let name = call.name()?;
    let compute = |old: &Value| {
        let sent = scaled(old)?;
        check(call, &sent)?;
        let mut object = old.clone();
        set(&mut object, &scale.spec_replicas, sent["spec"]["replicas"].clone())?;
        // The client's precondition is the one that counts.
        if let Some(metadata) = metadata::of_mut(&mut object) {
            for field in ["resourceVersion", "uid"] {
                match sent["metadata"][field].as_str().filter(|text| !text.is_empty()) {
                    Some(text) => drop(metadata.insert(field.to_owned(), Value::from(text))),
                    None => drop(metadata.shift_remove(field)),
                }
            }
        }
        Ok(Wanted { object, warnings: Vec::new(), managed: false })
    };
    let changed = change(call, name, options, compute).await?;
    let changed = changed.ok_or_else(|| Failure::NotFound(call.subject(name)))?;
    let mut answer = shown(&form, scale, &parsed(&changed.bytes)?)?;
    answer::warn(&mut answer, &changed.warnings);
    Ok(answer)
}

/// Whether what was sent is a Scale of the object that the path names.
fn check(call: &Call<'_>, sent: &Value) -> Result<(), Failure> {
    let name = call.name()?;
    for (field, own) in [("kind", "Scale"), ("apiVersion", "autoscaling/v1")] {
        let text = sent[field].as_str().unwrap_or(own);
        if text != own {
            return Err(Failure::BadRequest(format!("the {field} of the object sent is {text}, expected {own}")));
        }
    }
    let sent_name = metadata::name(sent);
    if sent_name != name {
        return Err(Failure::BadRequest(format!(
            "the name of the object ({sent_name}) does not match the name on the URL ({name})"
        )));
    }
    let replicas = &sent["spec"]["replicas"];
    let why = match replicas.as_i64() {
        Some(0..) => return Ok(()),
        None if replicas.is_null() => return Ok(()),
        Some(_) => "must be greater than or equal to 0",
        None => "must be a whole number",
    };
    let cause = Cause::invalid_value("spec.replicas", Some(replicas), why);
    Err(Failure::invalid("autoscaling", "Scale", name, vec![cause]))
}

fn shown(form: &Form, scale: &Scale, object: &Value) -> Result<Answer, Failure> {
    let json = Bytes::from(of(scale, object).to_string());
    form.typed(StatusCode::OK, (&SCALE, ("autoscaling/v1", "Scale")), json)
}

/// The Scale of an object.
pub(crate) fn of(scale: &Scale, object: &Value) -> Value {
    let number = |path: &[Text]| at(object, path).and_then(Value::as_i64).unwrap_or(0);
    let mut about = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            about.insert(field.to_owned(), value.clone());
        }
    }
    let mut spec = Map::new();
    let wanted = number(&scale.spec_replicas);
    if wanted != 0 {
        spec.insert("replicas".to_owned(), wanted.into());
    }
    let mut status = json!({"replicas": number(&scale.status_replicas)});
    if let Some(selector) = at(object, &scale.label_selector).and_then(Value::as_str).filter(|text| !text.is_empty()) {
        status["selector"] = selector.into();
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": about, "spec": spec, "status": status})
}

fn at<'a>(object: &'a Value, path: &[Text]) -> Option<&'a Value> {
    if path.is_empty() {
        return None;
    }
    path.iter().try_fold(object, |value, key| value.get(key.as_ref()))
}

/// Sets the value at a path, making the objects on the way. Nothing, which is how Scale writes 0, is 0.
pub(crate) fn set(object: &mut Value, path: &[Text], value: Value) -> Result<(), Failure> {
    let mut place = object;
    for key in path {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let Some(map) = place.as_object_mut() else {
            return Err(Failure::Internal(format!("the object has no place for {}", path.join("."))));
        };
        place = map.entry(key.as_ref()).or_insert(Value::Null);
    }
    *place = if value.is_null() { Value::from(0) } else { value };
    Ok(())
}
