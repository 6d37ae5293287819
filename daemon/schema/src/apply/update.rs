//! Who owns what after a write.
//!
//! Source: the `merge` package of structured-merge-diff, version 6. A manager's fields are named in the version in which it
//! wrote, so objects are compared in each of these versions; a manager whose version is no longer there is forgotten.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::field_set::field_set;
use super::manager::{Identity, Manager};
use super::merge::merge;
use super::named::{reconciled, with_known_fields};
use super::path::PathElement;
use super::remove::remove;
use super::set::Set;
use super::shape::Shape;
use super::typed::{Duplicates, validate};
use super::value;

/// The versions of a kind.
pub trait Versions {
    /// The shape of objects in this version (`v1`, `group/v1`); nothing when there is no such version, or no longer.
    fn shape(&self, api_version: &str) -> Option<Shape<'_>>;

    /// The object in another version. Only asked for versions that have a shape.
    ///
    /// # Errors
    /// The object cannot be converted, in words for the client.
    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, String>;
}

/// The versions of a kind that has only one.
#[derive(Clone, Copy, Debug)]
pub struct OneVersion<'a> {
    /// `v1` or `group/v1`
    pub api_version: &'a str,
    /// The shape of its objects.
    pub shape: Shape<'a>,
}

impl Versions for OneVersion<'_> {
    fn shape(&self, api_version: &str) -> Option<Shape<'_>> {
        (api_version == self.api_version).then_some(self.shape)
    }

    fn convert(&self, object: &Value, _api_version: &str) -> Result<Value, String> {
        Ok(object.clone())
    }
}

/// A field that another manager owns and the applied object wants to be different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: Identity,
    /// The field.
    pub path: Vec<PathElement>,
}

/// Why an applied object is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Others own fields that it wants to be different. Never empty; by manager.
    Conflicts(Vec<Conflict>),
    /// Something does not work out, in upstream's words.
    Broken(String),
}

/// Whether an applier takes what others own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It does; the others lose it.
    Yes,
    /// It does not; that is a conflict.
    No,
}

/// Computes owners for writes in one version.
pub(crate) struct Updater<'a> {
    pub(crate) versions: &'a dyn Versions,
    pub(crate) api_version: &'a str,
    pub(crate) shape: Shape<'a>,
    /// Fields that the written part of the object does not have: a write to `status` leaves `spec` as it is.
    pub(crate) ignored: &'a Set,
}

/// What an apply makes.
pub(crate) struct Applied {
    /// The new object; nothing when it is as it was.
    pub(crate) object: Option<Value>,
    /// What the applier owns; may be empty.
    pub(crate) own: Set,
}

/// An object, and the version that it is in.
#[derive(Clone)]
struct Versioned<'v> {
    object: Cow<'v, Value>,
    api_version: &'v str,
}

impl<'a> Updater<'a> {
    /// What a writer has changed, which is what it owns from now on; the other managers lose it. Nothing when nothing that
    /// can be owned has changed.
    ///
    /// Both objects have passed [`validate`].
    pub(crate) fn update(&self, old: &Value, new: &Value, others: &mut Vec<Manager>) -> Result<Option<Set>, String> {
        self.reconcile(others);
        let comparison = match self.take_over(old, new, others, Force::Yes) {
            Ok(comparison) => comparison,
            Err(Failure::Broken(why)) => return Err(why),
            Err(Failure::Conflicts(_)) => return Err("a forced write met a conflict".to_owned()),
        };
        let set = comparison.modified.union(&comparison.added);
        Ok((!set.is_empty()).then_some(set))
    }

    /// Lays the applied object over the stored one, and takes away what this applier owned and no longer wants, where nobody
    /// else owns it. `others` are all managers but this one, `last` is what this one owned.
    pub(crate) fn apply(
        &self,
        live: &Value,
        applied: &Value,
        (last, others): (Option<&Manager>, &mut Vec<Manager>),
        force: Force,
    ) -> Result<Applied, Failure> {
        self.reconcile(others);
        let last = last.and_then(|last| Some((self.reconciled(last)?, last.api_version.as_str())));
        let last = last.filter(|(set, _)| !set.is_empty());
        let merged = merge(self.shape, live, applied);
        let merged = merged.map_err(|problems| Failure::Broken(format!("failed to merge config: {problems}")))?;
        let own = field_set(self.shape, applied).recursive_difference(self.ignored);
        let pruned = match last {
            None => merged,
            Some((last, version)) => {
                let prune = Prune { updater: self, own: &own, others, last: &last, version };
                prune.run(merged).map_err(|why| Failure::Broken(format!("failed to prune fields: {why}")))?
            }
        };
        self.take_over(live, &pruned, others, force)?;
        let object = (!value::equal(live, &pruned)).then_some(pruned);
        Ok(Applied { object, own })
    }

    /// Follows changes of the shape, and forgets managers whose version is gone.
    fn reconcile(&self, managers: &mut Vec<Manager>) {
        managers.retain_mut(|manager| {
            let Some(shape) = self.shape_of(&manager.api_version) else { return false };
            if let Some(set) = reconciled(shape, &manager.set) {
                manager.set = set;
            }
            true
        });
    }

    fn reconciled(&self, manager: &Manager) -> Option<Set> {
        let shape = self.shape_of(&manager.api_version)?;
        Some(reconciled(shape, &manager.set).unwrap_or_else(|| manager.set.clone()))
    }

    /// What differs, in the version of the write. Other managers lose what was changed or removed.
    fn take_over(
        &self,
        old: &Value,
        new: &Value,
        others: &mut Vec<Manager>,
        force: Force,
    ) -> Result<Comparison, Failure> {
        let compare_in = |shape, old: &Value, new: &Value| {
            let comparison = compare(shape, old, new);
            comparison.map_err(|problems| Failure::Broken(format!("failed to compare objects: {problems}")))
        };
        let own = compare_in(self.shape, old, new)?.without(self.ignored);
        let mut differences: BTreeMap<String, Difference> = BTreeMap::new();
        for manager in others.iter() {
            let version = &manager.api_version;
            if differences.contains_key(version) {
                continue;
            }
            let comparison = if version == self.api_version {
                own.clone()
            } else {
                let Some(shape) = self.shape_of(version) else { continue };
                let (old, new) = (self.converted(old, version, "old")?, self.converted(new, version, "new")?);
                compare_in(shape, &old, &new)?
            };
            differences.insert(version.clone(), Difference::new(comparison));
        }
        others.retain(|manager| differences.contains_key(&manager.api_version));
        let contested: Vec<Set> =
            others.iter().map(|other| other.set.intersection(&differences[&other.api_version].touched)).collect();
        if force == Force::No && contested.iter().any(|set| !set.is_empty()) {
            return Err(Failure::Conflicts(conflicts(others, &contested)));
        }
        for (manager, contested) in others.iter_mut().zip(&contested) {
            let removed = &differences[&manager.api_version].removed;
            if !contested.is_empty() || !removed.is_empty() {
                manager.set = manager.set.difference(contested).difference(removed);
            }
        }
        others.retain(|manager| !manager.set.is_empty());
        Ok(own)
    }

    fn converted(&self, object: &Value, api_version: &str, which: &str) -> Result<Value, Failure> {
        let object = Versioned { object: Cow::Borrowed(object), api_version: self.api_version };
        let converted = self.convert(&object, api_version);
        let converted = converted.map_err(|why| Failure::Broken(format!("failed to convert {which} object: {why}")))?;
        Ok(converted.object.into_owned())
    }

    fn shape_of(&self, api_version: &str) -> Option<Shape<'a>> {
        if api_version == self.api_version { Some(self.shape) } else { self.versions.shape(api_version) }
    }

    /// The object in a version that has a shape. What comes out of a conversion has no item twice.
    fn convert<'v>(&self, object: &Versioned<'v>, api_version: &'v str) -> Result<Versioned<'v>, String> {
        // An object that is one piece loses everything when a part is taken away.
        if !object.object.is_object() {
            let what = value::type_name(&object.object);
            return Err(format!("failed to convert value to unstructured for type {what}"));
        }
        if object.api_version == api_version {
            return Ok(object.clone());
        }
        let converted = self.versions.convert(&object.object, api_version)?;
        if let Some(shape) = self.shape_of(api_version) {
            validate(shape, &converted, Duplicates::Refused).map_err(|problems| problems.to_string())?;
        }
        Ok(Versioned { object: Cow::Owned(converted), api_version })
    }
}

/// What differs in one version: what was changed or added, and what was removed.
struct Difference {
    touched: Set,
    removed: Set,
}

impl Difference {
    fn new(comparison: Comparison) -> Self {
        Self { touched: comparison.modified.union(&comparison.added), removed: comparison.removed }
    }
}

fn conflicts(others: &[Manager], contested: &[Set]) -> Vec<Conflict> {
    let mut by_manager: Vec<_> = others.iter().zip(contested).collect();
    by_manager.sort_by_cached_key(|(manager, _)| manager.identity.sort_key());
    let mut conflicts = Vec::new();
    for (manager, set) in by_manager {
        set.for_each(&mut |path| {
            let path = path.iter().map(|element| (*element).clone()).collect();
            conflicts.push(Conflict { manager: manager.identity.clone(), path });
        });
    }
    conflicts
}

/// Takes away what an applier owned and no longer wants.
struct Prune<'a> {
    updater: &'a Updater<'a>,
    own: &'a Set,
    others: &'a [Manager],
    last: &'a Set,
    /// The version in which the fields of `last` are named.
    version: &'a str,
}

impl<'a> Prune<'a> {
    fn run(&self, merged: Value) -> Result<Value, String> {
        let Some(shape) = self.updater.shape_of(self.version) else { return Ok(merged) };
        let merged = Versioned { object: Cow::Owned(merged), api_version: self.updater.api_version };
        let converted = self.updater.convert(&merged, self.version);
        let converted =
            converted.map_err(|why| format!("failed to convert merged object to last applied version: {why}"))?;
        let pruned = self.without(shape, &converted, &with_known_fields(Some(shape), self.last));
        let pruned = self.add_back_owned(&converted, pruned);
        let pruned = pruned.map_err(|why| format!("failed add back owned items: {why}"))?;
        let pruned = self.add_back_dangling(shape, &converted, &pruned);
        let pruned = pruned.map_err(|why| format!("failed add back dangling items: {why}"))?;
        Ok(self.updater.convert(&pruned, self.updater.api_version)?.object.into_owned())
    }

    /// Puts back what other managers own, or what the applier wants now, in whatever version they name it. The version of
    /// the pruned object comes first, since conversions may need fields that were taken away.
    fn add_back_owned<'s>(&'s self, merged: &Versioned<'s>, pruned: Versioned<'s>) -> Result<Versioned<'s>, String> {
        let mut owned: BTreeMap<&'s str, Vec<&Set>> = BTreeMap::new();
        owned.insert(self.updater.api_version, vec![self.own]);
        for manager in self.others {
            owned.entry(&manager.api_version).or_default().push(&manager.set);
        }
        let (mut merged, mut pruned) = (merged.clone(), pruned);
        let first = owned.remove_entry(self.version);
        for (version, sets) in first.into_iter().chain(owned) {
            (merged, pruned) = self.add_back_in(merged, pruned, (version, &Set::union_all(sets)))?;
        }
        Ok(pruned)
    }

    fn add_back_in<'s>(
        &'s self,
        merged: Versioned<'s>,
        pruned: Versioned<'s>,
        (version, owned): (&'s str, &Set),
    ) -> Result<(Versioned<'s>, Versioned<'s>), String> {
        let Some(shape) = self.updater.shape_of(version) else { return Ok((merged, pruned)) };
        let convert = |object: &Versioned<'s>, which| {
            let converted = self.updater.convert(object, version);
            converted.map_err(|why| format!("failed to convert {which} object at version {version}: {why}"))
        };
        let merged = convert(&merged, "merged")?;
        let pruned = convert(&pruned, "pruned")?;
        let known = |set: &Set| with_known_fields(Some(shape), set);
        let had = known(&field_set(shape, &merged.object));
        let has = known(&field_set(shape, &pruned.object));
        let gone = had.difference(&has.union(&known(owned)));
        let pruned = self.without(shape, &merged, &gone);
        Ok((merged, pruned))
    }

    /// Puts back what the applier did not own: what nobody owns stays.
    fn add_back_dangling<'s>(
        &'s self,
        shape: Shape<'_>,
        merged: &Versioned<'s>,
        pruned: &Versioned<'s>,
    ) -> Result<Versioned<'s>, String> {
        let converted = self.updater.convert(pruned, self.version);
        let converted =
            converted.map_err(|why| format!("failed to convert pruned object to last applied version: {why}"))?;
        let known = |set: &Set| with_known_fields(Some(shape), set);
        let has = known(&field_set(shape, &converted.object));
        let had = known(&field_set(shape, &merged.object));
        let gone = had.difference(&has).intersection(&known(self.last));
        Ok(self.without(shape, merged, &gone))
    }

    fn without<'s>(&self, shape: Shape<'_>, from: &Versioned<'s>, fields: &Set) -> Versioned<'s> {
        let object =
            if fields.is_empty() { from.object.clone() } else { Cow::Owned(remove(shape, &from.object, fields)) };
        Versioned { object, api_version: from.api_version }
    }
}
