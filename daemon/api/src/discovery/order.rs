//! The order of groups and versions.

use std::cmp::Reverse;

/// Sorts groups as upstream does: by priority, then by name.
pub(super) fn group_order(group: &str) -> (Reverse<u16>, String) {
    (Reverse(group_priority(group)), group.to_owned())
}

/// Where upstream puts its own groups; everybody else's come behind them, by name. Source: the table of API services in
/// k8s.io/kubernetes/pkg/controlplane/apiserver/aggregator.go, and 1000 for custom resources.
fn group_priority(group: &str) -> u16 {
    match group {
        "" => 18_000,
        "events.k8s.io" => 17_750,
        "authentication.k8s.io" => 17_700,
        "authorization.k8s.io" => 17_600,
        "certificates.k8s.io" => 17_300,
        "rbac.authorization.k8s.io" => 17_000,
        "apiextensions.k8s.io" | "admissionregistration.k8s.io" => 16_700,
        "coordination.k8s.io" => 16_500,
        _ => 1_000,
    }
}

/// Kubernetes' order of versions: `v2` before `v1` before `v1beta2` before `v1beta1` before `v1alpha1`, others last.
pub(super) fn version_order(version: &str) -> (u8, Reverse<u64>, Reverse<u64>, &str) {
    parsed_version(version).map_or((3, Reverse(0), Reverse(0), version), |(stage, major, minor)| {
        (stage, Reverse(major), Reverse(minor), "")
    })
}

fn parsed_version(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    for (stage, name) in [(1, "beta"), (2, "alpha")] {
        if let Some((major, minor)) = rest.split_once(name) {
            return Some((stage, number(major)?, number(minor)?));
        }
    }
    Some((0, number(rest)?, 0))
}

/// A whole number without a leading zero.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !text.starts_with('0') { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::version_order;

    #[test]
    fn versions_are_in_kubernetes_order() {
        let mut versions = ["foo1", "v1", "v1alpha1", "v10", "v2", "v1beta2", "v1beta1", "v11alpha2", "v01", "v"];
        versions.sort_by_key(|version| version_order(version));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v11alpha2", "v1alpha1", "foo1", "v", "v01"]);
    }
}
