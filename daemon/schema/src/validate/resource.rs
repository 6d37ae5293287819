//! Names of what quotas and limit ranges count (upstream's `core/helper`).

use crate::cause::Cause;
use crate::format::qualified_name;

/// A name must be a standard one, or have a domain.
pub(super) fn check_name(name: &str, field: &str, causes: &mut Vec<Cause>) {
    let complaints = qualified_name(name);
    if complaints.is_empty() {
        if !name.contains('/') && !is_standard(name) {
            let detail = "must be a standard resource type or fully qualified";
            causes.push(Cause::invalid(field, name, detail));
        }
        return;
    }
    causes.extend(complaints.iter().map(|text| Cause::invalid(field, name, text)));
}

/// A name must be that of something that a container may ask for.
pub(super) fn check_container_name(name: &str, field: &str, causes: &mut Vec<Cause>) {
    check_name(name, field, causes);
    if !name.contains('/') {
        if !["cpu", "memory", "ephemeral-storage"].contains(&name) && !is_huge_page(name) {
            causes.push(Cause::invalid(field, name, "must be a standard resource for containers"));
        }
    } else if !is_native(name) && !is_extended(name) {
        causes.push(Cause::invalid(field, name, "doesn't follow extended resource name standard"));
    }
}

/// Whether limits may be larger than requests.
pub(super) fn may_overcommit(name: &str) -> bool {
    is_native(name) && !is_huge_page(name)
}

/// A resource of somebody else's, `example.com/gpu`.
pub(super) fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && qualified_name(&format!("requests.{name}")).is_empty()
}

pub(super) fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

pub(super) fn is_quota_huge_page(name: &str) -> bool {
    is_huge_page(name) || name.starts_with("requests.hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_standard(name: &str) -> bool {
    STANDARD.contains(&name) || is_quota_huge_page(name)
}

const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];
