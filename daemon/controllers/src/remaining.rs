//! What a deletion still waits for, in upstream's words.

use std::collections::BTreeMap;

/// Numbers of objects that stay, by group-resource and by the finalizer that keeps them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remaining {
    resources: BTreeMap<String, u64>,
    finalizers: BTreeMap<String, u64>,
}

impl Remaining {
    /// An object stays, kept by these finalizers.
    pub(crate) fn add(&mut self, resource: &str, finalizers: &[String]) {
        self.add_many(resource, 1);
        self.add_finalizers(finalizers);
    }

    /// Finalizers keep something that is counted elsewhere, or nowhere.
    pub(crate) fn add_finalizers(&mut self, finalizers: &[String]) {
        for finalizer in finalizers {
            *self.finalizers.entry(finalizer.clone()).or_default() += 1;
        }
    }

    /// As many objects stay, for another reason than finalizers.
    pub(crate) fn add_many(&mut self, resource: &str, number: u64) {
        *self.resources.entry(resource.to_owned()).or_default() += number;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.finalizers.is_empty()
    }

    /// `configmaps. has 2 resource instances, leases.coordination.k8s.io has 1 resource instances`, as upstream writes
    /// it (with the dot that stands before an empty group); `None` when nothing remains.
    pub(crate) fn resources(&self) -> Option<String> {
        listed(self.resources.iter().map(|(resource, number)| {
            let dot = if resource.contains('.') { "" } else { "." };
            format!("{resource}{dot} has {number} resource instances")
        }))
    }

    /// `example.com/finalizer in 2 resource instances`; `None` when no finalizer keeps anything.
    pub(crate) fn finalizers(&self) -> Option<String> {
        listed(self.finalizers.iter().map(|(finalizer, number)| format!("{finalizer} in {number} resource instances")))
    }
}

/// Entries of a message, at most. Finalizers are the users' words: they must not make a status of any length.
const ENTRIES_MAX: usize = 20;

fn listed(entries: impl Iterator<Item = String>) -> Option<String> {
    let mut entries: Vec<String> = entries.collect();
    let more = entries.len().saturating_sub(ENTRIES_MAX);
    entries.truncate(ENTRIES_MAX);
    if more > 0 {
        entries.push(format!("and {more} more"));
    }
    (!entries.is_empty()).then(|| entries.join(", "))
}

#[cfg(test)]
mod tests {
    use super::Remaining;

    #[test]
    fn what_remains_is_told_as_upstream_tells_it() {
        let mut remaining = Remaining::default();
        assert_eq!((remaining.resources(), remaining.finalizers()), (None, None));
        remaining.add("leases.coordination.k8s.io", &["x/y".into()]);
        remaining.add("configmaps", &["x/y".into(), "a/b".into()]);
        remaining.add_many("configmaps", 2);
        let resources = "configmaps. has 3 resource instances, leases.coordination.k8s.io has 1 resource instances";
        assert_eq!(remaining.resources().as_deref(), Some(resources));
        let finalizers = "a/b in 1 resource instances, x/y in 2 resource instances";
        assert_eq!(remaining.finalizers().as_deref(), Some(finalizers));
    }

    #[test]
    fn a_message_is_bounded() {
        let mut remaining = Remaining::default();
        let finalizers: Vec<String> = (0..50).map(|number| format!("example.com/{number}")).collect();
        remaining.add("configmaps", &finalizers);
        assert!(remaining.finalizers().unwrap().ends_with(", and 30 more"));
    }
}
