//! Managers of the `scale` subresource: who owns the count of replicas of an object owns `spec.replicas` of its scale.
//!
//! Source: `util/managedfields/scalehandler.go` of apimachinery.

use std::collections::BTreeMap;

use serde_json::Value;

use super::entry;
use super::manager::Manager;
use super::path::PathElement;
use super::set::Set;

/// An object with a scale.
#[derive(Clone, Copy, Debug)]
pub struct Scaled<'a> {
    /// `managedFields` of the object.
    pub entries: Option<&'a Value>,
    /// Version in which the object is written.
    pub api_version: &'a str,
    /// For each version of the kind, where the count of replicas is; an empty path where it has no scale.
    pub paths: &'a [(&'a str, &'a [&'a str])],
}

impl Scaled<'_> {
    /// `managedFields` of the scale; nothing when nobody owns the count.
    ///
    /// # Errors
    /// The object's own are broken.
    pub fn to_scale(&self) -> Result<Option<Value>, String> {
        let mut managers = entry::decode(self.entries)?;
        managers.retain(|manager| {
            let path = self.path(&manager.api_version);
            path.is_some_and(|path| manager.set.has(&path))
        });
        for manager in &mut managers {
            manager.set = Set::of_names(&[&IN_SCALE]);
            SCALE_VERSION.clone_into(&mut manager.api_version);
        }
        Ok(encode(managers))
    }

    /// `managedFields` of the object after its scale was written with these.
    ///
    /// # Errors
    /// Either is broken.
    pub fn to_object(&self, scale: Option<&Value>) -> Result<Option<Value>, String> {
        let in_scale: Vec<_> = IN_SCALE.iter().map(|name| PathElement::field(name)).collect();
        let own = entry::decode(self.entries)?;
        let times: BTreeMap<_, _> =
            own.iter().map(|manager| (manager.identity.sort_key(), manager.time.clone())).collect();
        let scale = entry::decode(scale)?;
        let mut scale: BTreeMap<_, _> =
            scale.into_iter().map(|manager| (manager.identity.sort_key(), manager)).collect();
        let mut managers = BTreeMap::new();
        for mut manager in own {
            let key = manager.identity.sort_key();
            let Some(path) = self.path(&manager.api_version) else { continue };
            // Who does not own the count through the scale any longer has lost it.
            if manager.set.has(&path) && scale.remove(&key).is_none() {
                let mut lost = Set::new();
                lost.insert(&path);
                manager.set = manager.set.difference(&lost);
                if manager.set.is_empty() {
                    continue;
                }
            }
            managers.insert(key, manager);
        }
        let path = self.path(self.api_version).unwrap_or_default();
        for (key, mut manager) in scale.into_iter().filter(|(_, manager)| manager.set.has(&in_scale)) {
            manager.set = Set::new();
            manager.set.insert(&path);
            self.api_version.clone_into(&mut manager.api_version);
            manager.time = times.get(&key).cloned().flatten();
            managers.insert(key, manager);
        }
        Ok(encode(managers.into_values().collect()))
    }

    fn path(&self, api_version: &str) -> Option<Vec<PathElement>> {
        let (_, path) = self.paths.iter().find(|(version, _)| *version == api_version)?;
        Some(path.iter().map(|name| PathElement::field(name)).collect())
    }
}

fn encode(managers: Vec<Manager>) -> Option<Value> {
    (!managers.is_empty()).then(|| entry::encode(managers))
}

const SCALE_VERSION: &str = "autoscaling/v1";

const IN_SCALE: [&str; 2] = ["spec", "replicas"];
