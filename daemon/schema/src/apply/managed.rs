//! Managers of fields over all writes: the one door of this module.
//!
//! [`Writer::update`] belongs to every create, update and patch, [`Writer::apply`] to server-side apply, [`keep_times`] to the
//! end of every update and patch. Source: KEP-555 and `util/managedfields` of apimachinery.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::conflict::{ApplyError, refuse};
use super::entry;
use super::last_applied;
use super::manager::{Identity, Manager, Operation};
use super::set::Set;
use super::shape::Shape;
use super::typed::{Duplicates, validate};
use super::update::{Applied, Conflict, Failure, Force, Updater, Versions};
use super::value;

/// One who writes an object.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Shape of the objects, in the version of the request.
    pub shape: Shape<'a>,
    /// Version of the request, `v1` or `group/v1`. All objects given are in this version.
    pub api_version: &'a str,
    /// Kind of the objects.
    pub kind: &'a str,
    /// Name of the manager: see [`super::name::manager`].
    pub manager: &'a str,
    /// What is written apart from the object itself, `status`; empty for the object.
    pub subresource: &'a str,
    /// When: RFC 3339 in UTC, with seconds.
    pub now: &'a str,
    /// Fields that this write leaves as they were (`spec` for `status`), which it does not own either.
    pub ignored: &'a Set,
    /// The other versions of the kind.
    pub versions: &'a dyn Versions,
}

impl Writer<'_> {
    /// Sets `metadata.managedFields` of an object that is to be stored: `live` is the stored one, nothing on creation. What
    /// `new` brings as `managedFields` counts where it is right, so that clients can correct them.
    ///
    /// # Errors
    /// Managers could not be computed, in words for the log. The object then has no `managedFields`, and can be stored.
    pub fn update(&self, live: Option<&Value>, new: &mut Value) -> Result<(), String> {
        let given = take_entries(new);
        let managers = self.managers(live, given.as_ref());
        let managers = self.updated(live, new, managers)?;
        set_entries(new, managers);
        Ok(())
    }

    /// The stored object with the applied one laid over it, and its `managedFields`. What the caller does next: defaults,
    /// admission, validation, and storing it unless [`keep_times`] has made it the same as `live`.
    ///
    /// # Errors
    /// The applied object is refused, in upstream's words.
    pub fn apply(&self, live: Option<&Value>, applied: &Value, force: Force) -> Result<Value, ApplyError> {
        self.check_kind(applied)?;
        let live = live.map_or_else(|| Cow::Owned(self.empty()), Cow::Borrowed);
        let managers = entry::decode(entries(&live));
        let managers =
            managers.map_err(|why| ApplyError::Internal(format!("failed to decode managed fields: {why}")))?;
        let managers = if managers.is_empty() { self.before_first_apply(&live)? } else { managers };
        check_entries(applied)?;
        self.check_shape(applied, Duplicates::Refused, "patch")?;
        self.check_shape(&live, Duplicates::Allowed, "live")?;
        let first = self.try_apply(&live, applied, managers.clone(), force);
        let (object, managers) = match first {
            Ok(done) => done,
            Err(Failure::Conflicts(found)) => self.settle(&live, applied, managers, found)?,
            Err(Failure::Broken(why)) => return Err(ApplyError::Internal(why)),
        };
        let mut object = object;
        if self.manager == last_applied::MANAGER {
            last_applied::renew(&mut object, applied);
        }
        set_entries(&mut object, managers);
        Ok(object)
    }

    fn updater(&self) -> Updater<'_> {
        Updater { versions: self.versions, api_version: self.api_version, shape: self.shape, ignored: self.ignored }
    }

    fn empty(&self) -> Value {
        self.shape.empty_object(self.api_version, self.kind)
    }

    /// The managers to start from. A subresource takes none from the request.
    fn managers(&self, live: Option<&Value>, given: Option<&Value>) -> Vec<Manager> {
        let stored = || entry::decode(live.and_then(entries)).unwrap_or_default();
        if !self.subresource.is_empty() {
            return stored();
        }
        if entry::is_reset(given) {
            return Vec::new();
        }
        // Clients that know nothing of managers must not take them away.
        entry::decode(given).ok().filter(|managers| !managers.is_empty()).unwrap_or_else(stored)
    }

    fn updated(&self, live: Option<&Value>, new: &Value, managers: Vec<Manager>) -> Result<Vec<Manager>, String> {
        // Nobody is written down before the first apply when nobody was on creation.
        if managers.is_empty() && live.is_some_and(has_uid) {
            return Ok(managers);
        }
        let live = live.map_or_else(|| Cow::Owned(self.empty()), Cow::Borrowed);
        self.take_down(&live, new, managers, self.manager)
    }

    /// Writes down who has changed what.
    fn take_down(
        &self,
        live: &Value,
        new: &Value,
        mut managers: Vec<Manager>,
        name: &str,
    ) -> Result<Vec<Manager>, String> {
        for (object, which) in [(new, "new"), (live, "live")] {
            validate(self.shape, object, Duplicates::Allowed).map_err(|problems| {
                format!("failed to convert {which} object ({}) to smd typed: {problems}", self.describe(object))
            })?;
        }
        let changed = self.updater().update(live, new, &mut managers);
        let changed =
            changed.map_err(|why| format!("failed to update ManagedFields ({}): {why}", self.describe(new)))?;
        let changed = changed.map(|set| set.difference(&NEVER_OWNED)).filter(|set| !set.is_empty());
        if let Some(changed) = changed {
            let identity = Identity::new(name, Operation::Update, self.api_version, self.subresource);
            let time = Some(self.now.to_owned());
            match managers.iter_mut().find(|manager| manager.identity == identity) {
                Some(manager) => {
                    manager.set = changed.union(&manager.set);
                    self.api_version.clone_into(&mut manager.api_version);
                    manager.time = time;
                }
                None => {
                    let api_version = self.api_version.to_owned();
                    managers.push(Manager { identity, api_version, set: changed, time });
                }
            }
        }
        Ok(super::cap::cap(managers))
    }

    /// Everything that is there before the first apply belongs to one manager of its own.
    fn before_first_apply(&self, live: &Value) -> Result<Vec<Manager>, ApplyError> {
        let managers = self.take_down(&self.empty(), &without_entries(live), Vec::new(), BEFORE_FIRST_APPLY);
        managers.map_err(|why| ApplyError::Internal(format!("failed to create manager for existing fields: {why}")))
    }

    fn try_apply(
        &self,
        live: &Value,
        applied: &Value,
        mut managers: Vec<Manager>,
        force: Force,
    ) -> Result<(Value, Vec<Manager>), Failure> {
        let identity = Identity::new(self.manager, Operation::Apply, self.api_version, self.subresource);
        let place = managers.iter().position(|manager| manager.identity == identity);
        let last = place.map(|place| managers.remove(place));
        let Applied { object, own } = self.updater().apply(live, applied, (last.as_ref(), &mut managers), force)?;
        let own = own.difference(&NEVER_OWNED);
        if !own.is_empty() {
            // An apply that changes nothing does not count as a new one.
            let kept = last.and_then(|last| last.time);
            let time = if object.is_some() { Some(self.now.to_owned()) } else { kept };
            managers.push(Manager { identity, api_version: self.api_version.to_owned(), set: own, time });
        }
        Ok((object.unwrap_or_else(|| live.clone()), managers))
    }

    /// kubectl takes over what it has written itself, by applying on its own side, before.
    fn settle(
        &self,
        live: &Value,
        applied: &Value,
        managers: Vec<Manager>,
        found: Vec<Conflict>,
    ) -> Result<(Value, Vec<Manager>), ApplyError> {
        let own = (self.manager == last_applied::MANAGER)
            .then(|| last_applied::owned(self.shape, self.api_version, live))
            .flatten();
        let Some(own) = own else { return Err(refuse(&found)) };
        let left: Vec<_> = found.into_iter().filter(|conflict| !own.has(&conflict.path)).collect();
        if !left.is_empty() {
            return Err(refuse(&left));
        }
        self.try_apply(live, applied, managers, Force::Yes).map_err(|failure| match failure {
            Failure::Conflicts(found) => refuse(&found),
            Failure::Broken(why) => ApplyError::Internal(why),
        })
    }

    fn check_kind(&self, applied: &Value) -> Result<(), ApplyError> {
        let (group_version, kind) = kind_of(applied);
        if (group_version, kind) == (self.api_version, self.kind) {
            return Ok(());
        }
        let what = show_kind(group_version, kind);
        Err(ApplyError::BadRequest(format!("invalid object type: {what}")))
    }

    fn check_shape(&self, object: &Value, duplicates: Duplicates, which: &str) -> Result<(), ApplyError> {
        validate(self.shape, object, duplicates).map_err(|problems| {
            let object = self.describe(object);
            ApplyError::Internal(format!("failed to create typed {which} object ({object}): {problems}"))
        })
    }

    /// `namespace/name; group/version, Kind=kind`
    fn describe(&self, object: &Value) -> String {
        let text = |name: &str| {
            let text = object.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        format!("{}/{}; {}", text("namespace"), text("name"), show_kind(self.api_version, self.kind))
    }
}

/// Takes back new times in `managedFields` when nothing else is new: then the write changes nothing. Belongs to the end of an
/// update or a patch, after defaults and admission.
pub fn keep_times(live: &Value, new: &mut Value) {
    let (Some(Value::Array(old)), Some(Value::Array(given))) = (entries(live), entries(new)) else { return };
    let same_but_times =
        old.len() == given.len() && old.iter().zip(given).all(|(old, new)| same_without_time(old, new));
    let times_differ = old.iter().zip(given).any(|(old, new)| old.get("time") != new.get("time"));
    if !same_but_times || !times_differ || !same_without_entries(live, new) {
        return;
    }
    let old = Value::Array(old.clone());
    if let Some(metadata) = metadata_mut(new) {
        metadata.insert(MANAGED_FIELDS.to_owned(), old);
    }
}

fn same_without_time(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return false };
    same_without(old, new, "time", |_, _| true)
}

fn same_without_entries(live: &Value, new: &Value) -> bool {
    let (Some(live), Some(new)) = (live.as_object(), new.as_object()) else { return false };
    same_without(live, new, "metadata", |live, new| match (live.as_object(), new.as_object()) {
        (Some(live), Some(new)) => same_without(live, new, MANAGED_FIELDS, |_, _| true),
        _ => false,
    })
}

/// Whether two objects are the same but for one key, which another rule compares where both have it.
fn same_without(
    a: &Map<String, Value>,
    b: &Map<String, Value>,
    key: &str,
    rule: impl Fn(&Value, &Value) -> bool,
) -> bool {
    let others = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key(key));
    let same_rule = match (a.get(key), b.get(key)) {
        (Some(a), Some(b)) => rule(a, b),
        _ => true,
    };
    same_rule
        && others(a) == others(b)
        && a.iter().filter(|(name, _)| *name != key).all(|(name, a)| b.get(name).is_some_and(|b| value::equal(a, b)))
}

/// Fields that say what the object is, and those that the server sets.
static NEVER_OWNED: LazyLock<Set> = LazyLock::new(|| {
    Set::of_names(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

fn check_entries(applied: &Value) -> Result<(), ApplyError> {
    let given = entries(applied).and_then(Value::as_array);
    if given.is_some_and(|given| given.iter().all(Value::is_object)) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    Ok(())
}

fn kind_of(object: &Value) -> (&str, &str) {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    // More than one slash is no version at all.
    if api_version.matches('/').count() > 1 { ("", "") } else { (api_version, kind) }
}

fn show_kind(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    format!("{group}/{version}, Kind={kind}")
}

fn has_uid(object: &Value) -> bool {
    let uid = object.get("metadata").and_then(|metadata| metadata.get("uid")).and_then(Value::as_str);
    uid.is_some_and(|uid| !uid.is_empty())
}

fn entries(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get(MANAGED_FIELDS)
}

fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata")?.as_object_mut()
}

fn take_entries(object: &mut Value) -> Option<Value> {
    metadata_mut(object)?.shift_remove(MANAGED_FIELDS)
}

fn without_entries(object: &Value) -> Value {
    let mut object = object.clone();
    take_entries(&mut object);
    object
}

fn set_entries(object: &mut Value, managers: Vec<Manager>) {
    let Some(metadata) = metadata_mut(object) else { return };
    if managers.is_empty() {
        metadata.shift_remove(MANAGED_FIELDS);
    } else {
        metadata.insert(MANAGED_FIELDS.to_owned(), entry::encode(managers));
    }
}

const MANAGED_FIELDS: &str = "managedFields";

/// The manager of what was there before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
