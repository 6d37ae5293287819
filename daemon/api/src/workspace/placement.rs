//! Where a new workspace lives: the local region when it may, else the first by name that may and can be reached.

use hanse_schema::cause::Cause;
use hanse_schema::selector::label::Selector;
use serde_json::Value;

use crate::federation::RegionView;
use crate::status::Failure;

/// Chooses a region for a Workspace by `spec.location.selector` over the regions' labels.
///
/// # Errors
/// 422 when none matches, 503 when those that match are out of reach.
pub(crate) fn place<'a>(object: &Value, name: &str, regions: &'a [RegionView]) -> Result<&'a RegionView, Failure> {
    const FIELD: &str = "spec.location.selector";
    let invalid = |causes: Vec<Cause>| Failure::invalid("tenancy.kcp.io", "Workspace", name, causes);
    let selector = match object.pointer("/spec/location/selector").filter(|selector| !selector.is_null()) {
        Some(selector) => Selector::from_object(selector, FIELD).map_err(invalid)?,
        None => Selector::default(),
    };
    let mut matching: Vec<&RegionView> =
        regions.iter().filter(|view| selector.matches_with(|key| view.labels.get(key).map(String::as_str))).collect();
    // Without a selector a workspace lives where it is made.
    if selector.is_empty() {
        matching.retain(|view| view.local);
    }
    matching.sort_by(|a, b| (!a.local, &a.region).cmp(&(!b.local, &b.region)));
    if let Some(view) = matching.iter().find(|view| view.local || view.reachable) {
        return Ok(view);
    }
    if matching.is_empty() {
        let known: Vec<&str> = regions.iter().map(|view| view.region.as_str()).collect();
        let detail = format!("no region matches; there are: {}", known.join(", "));
        return Err(invalid(vec![Cause::invalid_value(FIELD, object.pointer("/spec/location/selector"), detail)]));
    }
    let names: Vec<&str> = matching.iter().map(|view| view.region.as_str()).collect();
    Err(Failure::OutOfReach(format!(
        "out of reach is every region that matches: {}; please try again",
        names.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hanse_base::id::{GroupId, RegionName};
    use serde_json::{Value, json};

    use super::place;
    use crate::federation::RegionView;

    fn regions() -> Vec<RegionView> {
        let view = |name: &str, reachable: bool, local: bool| RegionView {
            region: RegionName::new(name).unwrap(),
            group: GroupId::new(name).unwrap(),
            labels: BTreeMap::from([
                ("region".to_owned(), name.to_owned()),
                ("survives".to_owned(), "zone".to_owned()),
            ]),
            reachable,
            local,
        };
        vec![view("us", true, false), view("eu", true, true), view("ap", false, false), view("af", true, false)]
    }

    fn check(selector: Value, expected: Result<&str, u16>) {
        let object = json!({"spec": {"location": {"selector": selector}}});
        let regions = regions();
        let placed = place(&object, "w", &regions).map(|view| view.region.as_str()).map_err(|failure| failure.code());
        assert_eq!(placed, expected, "{object}");
    }

    #[test]
    fn a_workspace_lives_where_its_selector_says() {
        check(Value::Null, Ok("eu"));
        check(json!({}), Ok("eu"));
        check(json!({"matchLabels": {"survives": "zone"}}), Ok("eu"));
        check(json!({"matchLabels": {"region": "us"}}), Ok("us"));
        check(json!({"matchExpressions": [{"key": "region", "operator": "NotIn", "values": ["eu"]}]}), Ok("af"));
        check(json!({"matchLabels": {"region": "ap"}}), Err(503));
        check(json!({"matchLabels": {"region": "xx"}}), Err(422));
        check(json!({"matchExpressions": [{"key": "region", "operator": "Is"}]}), Err(422));
    }
}
