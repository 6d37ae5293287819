//! Quotas: how many objects of a resource a namespace may hold (`ResourceQuota`).
//!
//! What a quota counts here is objects: `count/<resource>.<group>` for every resource, and the older names of a few. Amounts of
//! processors or memory belong to pods, which there are none of; so do all scopes, and a quota with scopes matches nothing, as
//! upstream says of objects that have none. For the same reason the plugin LimitRanger has nothing to do here: limits are for
//! pods, containers and volume claims.
//!
//! The count is not taken here. It is a precondition of the transaction that makes the object, so that it is exact however many
//! create at the same time.

use hanse_schema::quantity::Quantity;
use hanse_store::key::Scope;
use hanse_store::state::State;
use hanse_store::txn::Precondition;
use serde_json::Value;

use crate::admission::attributes::{Action, Operation};
use crate::call::Call;
use crate::status::qualified;

const QUOTAS: &str = "resourcequotas";
/// Resources that a quota may name without `count/`.
const PLAIN_NAMES: [&str; 3] = ["configmaps", "resourcequotas", "secrets"];

/// What the transaction that makes an object must see to, so that each quota of its namespace holds.
pub(crate) fn preconditions(call: &Call<'_>, operation: &Operation, state: &State) -> Vec<Precondition> {
    let resource = call.storage();
    // As upstream, events are never counted.
    let counted = operation.action == Action::Create
        && call.kind.namespaced
        && call.part.segment().is_none()
        && resource != "events";
    let (Some(cluster), Some(namespace)) = (call.cluster, call.path.namespace.as_deref()) else { return Vec::new() };
    let quotas =
        Scope { resource: QUOTAS.to_owned(), cluster: Some(cluster.clone()), namespace: Some(namespace.to_owned()) };
    if !counted || state.count(&quotas) == 0 {
        return Vec::new();
    }
    let name = qualified(&call.kind.group, &call.kind.plural);
    let counts = format!("count/{name}");
    let mut preconditions = Vec::new();
    for (key, object) in state.list(&quotas, None) {
        let Ok(quota) = serde_json::from_slice::<Value>(&object.bytes()) else { continue };
        if has_scopes(&quota) {
            continue;
        }
        let hard = quota.pointer("/spec/hard").and_then(Value::as_object).into_iter().flatten();
        for (item, limit) in hard {
            let plain = *item == name && PLAIN_NAMES.contains(&&*name);
            if let Some(limit) = limit.as_str().and_then(whole).filter(|_| plain || *item == counts) {
                preconditions.push(Precondition::CountBelow {
                    cluster: cluster.clone(),
                    namespace: namespace.to_owned(),
                    resource: resource.clone(),
                    limit,
                    quota: key.name().to_owned(),
                    item: item.clone(),
                });
            }
        }
    }
    preconditions
}

fn has_scopes(quota: &Value) -> bool {
    let filled = |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    filled(quota.pointer("/spec/scopes")) || filled(quota.pointer("/spec/scopeSelector/matchExpressions"))
}

/// The number of objects that an amount stands for.
fn whole(amount: &str) -> Option<u64> {
    let units = Quantity::parse(amount).ok()?.whole_units();
    Some(u64::try_from(units.max(0)).unwrap_or(u64::MAX))
}
