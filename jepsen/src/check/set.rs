//! A set of names: each is created once and never deleted.
//!
//! - **lost**: the creation was acknowledged before a list began, and the list lacks the name
//! - **vanished**: a list showed the name before another began, and that lacks it
//! - **phantom**: a list shows a name that nobody created, or whose creation failed for good
//! - **duplicate**: one list shows a name twice, or two creations of one name were acknowledged
//!
//! `create` has the name as its key; the value of `list` is an array of names. A list that was answered in pages counts as
//! what it says it is: one picture.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::pair::{Operation, evidence, operations};
use crate::history::{Kind, Op};
use crate::verdict::{Check, Status};

/// The checker's name.
pub const NAME: &str = "set";

/// Names of evidence. Above it they are counted.
const NAMES_SHOWN_MAX: usize = 10;

/// What is known of a name.
#[derive(Default)]
struct Name<'a> {
    creations: Vec<Operation<'a>>,
    /// The end of the first list that showed it.
    listed: Option<(u64, Operation<'a>)>,
}

/// Checks every logical cluster.
#[must_use]
pub fn check(history: &[Op]) -> Check {
    let operations = operations(history);
    let mut clusters: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for operation in &operations {
        if let Some(cluster) = operation.invoke.cluster.as_deref() {
            clusters.entry(cluster).or_default().push(*operation);
        }
    }
    let mut sums = Sums::default();
    let mut broken = Vec::new();
    for (cluster, operations) in &clusters {
        broken.extend(cluster_violations(operations, &mut sums).into_iter().map(|violation| (*cluster, violation)));
    }
    if let Some((cluster, (what, evidence))) = broken.first() {
        return Check {
            name: NAME.to_owned(),
            status: Status::Failed,
            summary: format!("{} violations; {cluster}: {what}", broken.len()),
            evidence: evidence.clone(),
        };
    }
    let Sums { acknowledged, recovered, lists } = sums;
    if lists == 0 {
        return Check::new(NAME, Status::Unproven, "nothing was ever listed".to_owned());
    }
    let summary = format!(
        "{acknowledged} acknowledged names in {lists} lists, none lost, none too many; {recovered} of unknown outcome are there"
    );
    Check::new(NAME, Status::Ok, summary)
}

#[derive(Default)]
struct Sums {
    acknowledged: u64,
    recovered: u64,
    lists: u64,
}

type Violation = (String, Vec<Op>);

fn cluster_violations<'a>(operations: &[Operation<'a>], sums: &mut Sums) -> Vec<Violation> {
    let mut names: HashMap<&str, Name<'a>> = HashMap::new();
    let mut broken = Vec::new();
    for creation in operations.iter().filter(|operation| operation.invoke.f == "create") {
        let name = names.entry(creation.invoke.key.as_deref().unwrap_or_default()).or_default();
        if creation.is_ok() && name.creations.iter().any(Operation::is_ok) {
            let what = format!("{:?} was created twice", creation.invoke.key);
            broken.push((what, evidence(name.creations.iter().copied().chain([*creation]))));
        }
        name.creations.push(*creation);
    }
    sums.acknowledged += names.values().filter(|name| name.creations.iter().any(Operation::is_ok)).count() as u64;
    let mut lists: Vec<Operation<'a>> =
        operations.iter().filter(|operation| operation.invoke.f == "list" && operation.is_ok()).copied().collect();
    lists.sort_by_key(|list| list.last().time_ns);
    sums.lists += lists.len() as u64;
    for list in &lists {
        broken.extend(shown(&mut names, list));
    }
    for list in &lists {
        broken.extend(missing(&names, list));
    }
    let is_recovered = |name: &&Name<'_>| name.listed.is_some() && !name.creations.iter().any(Operation::is_ok);
    sums.recovered += names.values().filter(is_recovered).count() as u64;
    broken
}

fn listed<'a>(list: &Operation<'a>) -> impl Iterator<Item = &'a str> {
    list.end.and_then(|end| end.value.as_array()).into_iter().flatten().filter_map(Value::as_str)
}

/// What a list shows that it must not.
fn shown<'a>(names: &mut HashMap<&'a str, Name<'a>>, list: &Operation<'a>) -> Vec<Violation> {
    let mut broken = Vec::new();
    let mut seen = HashMap::new();
    for text in listed(list) {
        if seen.insert(text, ()).is_some() {
            broken.push((format!("{text:?} is twice in one list"), short(list, &[text])));
        }
        let Some(name) = names.get_mut(text) else {
            broken.push((format!("{text:?} was listed, and nobody created it"), short(list, &[text])));
            continue;
        };
        if name.creations.iter().all(|creation| creation.outcome() == Kind::Fail) {
            let mut records = evidence(name.creations.iter().copied());
            records.extend(short(list, &[text]));
            broken.push((format!("the creation of {text:?} failed, and it was listed"), records));
        }
        name.listed.get_or_insert((list.last().time_ns, *list));
    }
    broken
}

/// What a list lacks that it must show.
fn missing<'a>(names: &HashMap<&'a str, Name<'a>>, list: &Operation<'a>) -> Option<Violation> {
    let shown: std::collections::HashSet<&str> = listed(list).collect();
    let began = list.invoke.time_ns;
    let mut lost: Vec<(&str, Operation<'a>)> = names
        .iter()
        .filter(|(text, _)| !shown.contains(*text))
        .filter_map(|(text, name)| {
            let created = name.creations.iter().find(|creation| creation.is_ok() && creation.last().time_ns < began);
            let listed = name.listed.filter(|(ended, _)| *ended < began).map(|(_, list)| list);
            Some((*text, created.copied().or(listed)?))
        })
        .collect();
    lost.sort_unstable_by_key(|(text, earlier)| (earlier.invoke.index, *text));
    let (first, earlier) = lost.first()?;
    let texts: Vec<&str> = lost.iter().map(|(text, _)| *text).collect();
    let mut records = if earlier.invoke.f == "list" { short(earlier, &[first]) } else { earlier.records() };
    records.extend(short(list, &texts));
    let word = if earlier.invoke.f == "list" { "had been listed" } else { "was acknowledged" };
    let daemon = list.invoke.daemon.as_deref().unwrap_or_default();
    Some((format!("a list of {daemon} lacks {} names; {first:?} {word} before it began", lost.len()), records))
}

/// The records of a list with the names that matter in place of all.
fn short(list: &Operation<'_>, names: &[&str]) -> Vec<Op> {
    let count = listed(list).count();
    let mut records = list.records();
    if let Some(end) = records.last_mut() {
        end.value = json!({"names": count, "concerned": &names[..names.len().min(NAMES_SHOWN_MAX)]});
    }
    records
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;
    use crate::check::sample::History;
    use crate::random::Random;
    use crate::verdict::Status;

    fn good() -> History {
        let mut history = History::default();
        history.whole("create", "a", (0, 10), json!(null), 5);
        history.begin(1, 0, "create", "b", json!(null));
        history.info(1, 20, "no answer");
        history.begin(2, 0, "create", "c", json!(null));
        history.fail(2, 20, "503 ServiceUnavailable");
        history.whole("list", "", (5, 15), json!([]), 4);
        history.whole("list", "", (30, 40), json!(["a"]), 6);
        history.whole("list", "", (50, 60), json!(["a", "b"]), 7);
        history
    }

    #[test]
    fn each_rule_can_be_broken() {
        let cases: [(&str, Value, Option<&str>); 7] = [
            ("good", json!(["a", "b"]), None),
            ("lost", json!(["b"]), Some("lacks 1 names; \"a\" was acknowledged")),
            ("vanished", json!(["a"]), Some("\"b\" had been listed")),
            ("phantom", json!(["a", "b", "z"]), Some("nobody created it")),
            ("refused", json!(["a", "b", "c"]), Some("failed, and it was listed")),
            ("duplicate", json!(["a", "b", "b"]), Some("twice in one list")),
            ("empty", json!([]), Some("lacks 2 names")),
        ];
        for (name, last, wrong) in cases {
            let mut history = good();
            history.whole("list", "", (70, 80), last, 8);
            let check = check(&history.sorted());
            match wrong {
                None => assert_eq!(check.status, Status::Ok, "{name}: {}", check.summary),
                Some(words) => {
                    assert_eq!(check.status, Status::Failed, "{name}: {}", check.summary);
                    assert!(check.summary.contains(words), "{name}: {}", check.summary);
                    assert!(check.evidence.len() >= 2, "{name}");
                }
            }
        }
        let mut twice = good();
        twice.whole("create", "a", (65, 66), json!(null), 8);
        assert!(check(&twice.sorted()).summary.contains("created twice"));
        assert_eq!(check(&[]).status, Status::Unproven);
    }

    #[test]
    fn a_list_that_overlaps_a_creation_may_show_it_or_not() {
        for shown in [json!(["a"]), json!([])] {
            let mut history = History::default();
            history.whole("create", "a", (0, 50), json!(null), 5);
            history.whole("list", "", (40, 60), shown, 6);
            assert_eq!(check(&history.sorted()).status, Status::Ok);
        }
    }

    /// A set of 200 names with lists at random: every name taken out of a list that must have it is found.
    #[test]
    fn a_name_taken_out_of_any_list_is_found() {
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut history = History::default();
            let mut present: Vec<String> = Vec::new();
            let victim = random.below(20);
            for round in 0..200_u64 {
                let at = round * 100;
                let name = format!("n{round}");
                history.whole("create", &name, (at, at + 50), json!(null), round + 1);
                present.push(name);
                if round % 10 == 9 {
                    let mut shown = present.clone();
                    if round / 10 == victim {
                        shown.remove(usize::try_from(random.below(round)).unwrap());
                    }
                    history.whole("list", "", (at + 60, at + 90), json!(shown), round + 1);
                }
            }
            let check = check(&history.sorted());
            assert_eq!(check.status, Status::Failed, "seed {seed}");
            assert!(check.summary.contains("lacks 1 names"), "{}", check.summary);
        }
    }
}
