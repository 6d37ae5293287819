//! The workspace tree as an administrator sees it: walked depth first in bounded pages, and digested, so that two
//! replicas' trees can be compared at a glance.

use hanse_base::id::{ClusterId, GroupId};
use hanse_store::state::{ROOT, State};
use hanse_tree::tree::Node as TreeNode;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::status::Head;

/// A part of the tree in depth-first order.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Page {
    /// The workspaces.
    pub(crate) nodes: Vec<Node>,
    /// Path of the last of them, when more may follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// One workspace.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Node {
    /// Path by which it was reached.
    pub(crate) path: String,
    /// Its logical cluster.
    pub(crate) id: ClusterId,
    /// The group that it is at home in.
    pub(crate) home: String,
    /// The last segment of its path.
    pub(crate) name: String,
    /// Whether another workspace has the name that this one was given.
    pub(crate) conflict: bool,
    /// `Ready`, `Deleting`, ...
    pub(crate) phase: String,
    /// Segments of its path, less one.
    pub(crate) depth: usize,
}

/// Walks the workspace at the path and everything below it, from behind `after` on.
///
/// # Errors
/// There is no such workspace; says what to do.
pub(crate) fn walk(state: &State, path: &str, after: Option<&str>, nodes_max: usize) -> Result<Page, String> {
    let unknown = |path: &str| format!("there is no workspace {path} here: look at `hanse tree` for those that are");
    let start = state.resolve(path).ok_or_else(|| unknown(path))?;
    let mut nodes = Vec::new();
    let mut levels: Vec<Level<'_>> = Vec::new();
    match after {
        None => {
            nodes.push(node(state, &start, path.to_owned()));
            levels.push(Level::new(state, start, path.to_owned(), None));
        }
        Some(after) => {
            let rest = after.strip_prefix(path).ok_or_else(|| unknown(after))?;
            let (mut id, mut at) = (start, path.to_owned());
            for name in rest.split(':').skip(1) {
                let child = state.tree().child(&id, name).cloned();
                let below = format!("{at}:{name}");
                levels.push(Level::new(state, id, at, Some(name)));
                // What was renamed or deleted since the page before is passed over, with what was below it.
                let Some(child) = child else { return fill(state, levels, nodes, nodes_max) };
                (id, at) = (child, below);
            }
            levels.push(Level::new(state, id, at, None));
        }
    }
    fill(state, levels, nodes, nodes_max)
}

/// The children of one workspace that have not been visited.
struct Level<'a> {
    path: String,
    children: Box<dyn Iterator<Item = (&'a str, &'a ClusterId)> + 'a>,
}

impl<'a> Level<'a> {
    fn new(state: &'a State, parent: ClusterId, path: String, behind: Option<&str>) -> Self {
        let behind = behind.map(str::to_owned);
        let is_behind = move |name: &str| behind.as_deref().is_none_or(|behind| name > behind);
        let children = state.tree().children(&parent).filter(move |(name, _)| is_behind(name));
        // Collected, because the tree's iterator borrows the parent's id as well.
        Self { path, children: Box::new(children.collect::<Vec<_>>().into_iter()) }
    }
}

fn fill<'a>(
    state: &'a State,
    mut levels: Vec<Level<'a>>,
    mut nodes: Vec<Node>,
    nodes_max: usize,
) -> Result<Page, String> {
    while let Some(level) = levels.last_mut() {
        if nodes.len() >= nodes_max {
            let next = nodes.last().map(|node| node.path.clone());
            return Ok(Page { nodes, next });
        }
        let Some((name, id)) = level.children.next() else {
            levels.pop();
            continue;
        };
        let path = format!("{}:{name}", level.path);
        nodes.push(node(state, id, path.clone()));
        if levels.len() < DEPTH_MAX {
            levels.push(Level::new(state, id.clone(), path, None));
        }
    }
    Ok(Page { nodes, next: None })
}

fn node(state: &State, id: &ClusterId, path: String) -> Node {
    let known = state.tree().get(id);
    Node {
        id: id.clone(),
        home: state.home_of(id).map(GroupId::to_string).unwrap_or_default(),
        name: path.rsplit(':').next().unwrap_or_default().to_owned(),
        conflict: known.is_some_and(|node| node.conflict),
        phase: known.map_or_else(|| "Ready".to_owned(), phase),
        depth: path.matches(':').count(),
        path,
    }
}

fn phase(node: &TreeNode) -> String {
    let content: serde_json::Value = serde_json::from_slice(&node.row.content).unwrap_or_default();
    content["status"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// How far each group's documents are held, own and others', by group.
pub(crate) fn heads(state: &State) -> Vec<Head> {
    let mut groups: Vec<&GroupId> = state.others().chain([state.group()]).collect();
    groups.sort();
    groups
        .into_iter()
        .map(|group| {
            let cursor = state.cursor(group);
            let mut head = Head { group: group.to_string(), ..Head::default() };
            for (_, generation, next) in cursor.positions() {
                head.documents += 1;
                head.generation_total += u64::from(generation);
                head.next_sequence_total = head.next_sequence_total.saturating_add(next);
            }
            head
        })
        .collect()
}

/// Live workspaces, and SHA-256 of everything that the tree says of all nodes.
pub(crate) fn digest(state: &State) -> (u64, String) {
    let mut live = 0;
    let mut hash = Sha256::new();
    for (id, node) in state.tree().iter() {
        live += u64::from(!node.row.deleted);
        let row = node.row.encode().unwrap_or_default();
        let parent = node.parent.as_ref().map_or("", ClusterId::as_str);
        for part in
            [id.as_str().as_bytes(), &row, node.owner.as_str().as_bytes(), parent.as_bytes(), node.name.as_bytes()]
        {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.update([u8::from(node.conflict)]);
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (live, hash)
}

/// Nodes on one page.
pub(crate) const PAGE_NODES_MAX: usize = 5_000;
/// Deeper workspaces have no path.
const DEPTH_MAX: usize = 256;
const _: () = assert!(ROOT.len() == 4, "paths begin with `root` or an id");

#[cfg(test)]
mod tests {
    use hanse_store::home::Home;

    use super::{digest, heads, walk};
    use crate::testing::{create, group};

    #[test]
    fn pages_of_any_size_hold_every_workspace_once_in_depth_first_order() {
        let home = group("eu");
        for (parent, name, id) in [
            ("root", "b", "b1"),
            ("root", "a", "a1"),
            ("a1", "y", "y1"),
            ("a1", "x", "x1"),
            ("x1", "z", "z1"),
            ("b1", "c", "c1"),
        ] {
            create(&home, parent, name, id);
        }
        let expected = ["root", "root:a", "root:a:x", "root:a:x:z", "root:a:y", "root:b", "root:b:c"];
        for size in 1..=8 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = walk(&home.view(), "root", after.as_deref(), size).unwrap();
                assert!(page.nodes.len() <= size);
                found.extend(page.nodes.iter().map(|node| node.path.clone()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "pages of {size}");
        }
        let page = walk(&home.view(), "a1", None, 10).unwrap();
        let shown: Vec<_> =
            page.nodes.iter().map(|node| (node.path.as_str(), node.depth, node.phase.as_str())).collect();
        assert_eq!(shown, [("a1", 0, "Ready"), ("a1:x", 1, "Ready"), ("a1:x:z", 2, "Ready"), ("a1:y", 1, "Ready")]);
    }

    #[test]
    fn a_page_goes_on_behind_a_workspace_that_is_gone() {
        let home = group("eu");
        create(&home, "root", "a", "a1");
        create(&home, "root", "c", "c1");
        let page = walk(&home.view(), "root", Some("root:b:x"), 10).unwrap();
        assert_eq!(page.nodes.iter().map(|node| node.path.as_str()).collect::<Vec<_>>(), ["root:c"]);
        assert!(walk(&home.view(), "root:x", None, 10).unwrap_err().contains("there is no workspace root:x"));
        assert!(walk(&home.view(), "root:a", Some("elsewhere"), 10).is_err());
    }

    #[test]
    fn a_digest_changes_with_the_tree_and_heads_tell_how_far_documents_are() {
        let home = group("eu");
        let (live, before) = digest(&home.view());
        create(&home, "root", "a", "a1");
        let (more, after) = digest(&home.view());
        assert!(before != after && after.len() == 64 && more == live + 1);
        assert_eq!(digest(&home.view()).1, after);
        assert_eq!(heads(&home.view()).iter().map(|head| head.group.as_str()).collect::<Vec<_>>(), ["eu"]);
    }
}
