//! `hanse tree`: the workspaces, as the asked daemon's replica holds them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{Client, ClientError, read};
use crate::table::render;

/// A part of the tree in depth-first order.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Page {
    nodes: Vec<Node>,
    /// Where the next page begins; absent on the last.
    next: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    path: String,
    id: String,
    home: String,
    name: String,
    #[serde(default)]
    conflict: bool,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    depth: usize,
}

impl Tree {
    /// Fetches the workspace at the path and all below it, page by page. A tree that changes meanwhile is shown as each
    /// page found it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub(crate) fn fetch(client: &Client, path: &str) -> Result<Self, ClientError> {
        let mut nodes = Vec::new();
        let mut request = json!({"request": "tree", "path": path});
        loop {
            let page: Page = read(&client.ask(&request)?)?;
            nodes.extend(page.nodes);
            match page.next {
                Some(next) if !next.is_null() => request["after"] = next,
                _ => return Ok(Self { nodes }),
            }
        }
    }

    /// For programs: all pages as one.
    pub(crate) fn json(&self) -> Value {
        json!({"nodes": self.nodes})
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let drawn = self.drawing();
        let rows: Vec<Vec<String>> = self
            .nodes
            .iter()
            .zip(drawn)
            .map(|(node, branch)| {
                let conflict = if node.conflict { "NameConflict" } else { "" };
                vec![
                    format!("{branch}{}", node.name),
                    node.home.clone(),
                    node.phase.clone(),
                    node.id.clone(),
                    conflict.to_owned(),
                ]
            })
            .collect();
        render(&["WORKSPACE", "HOME", "PHASE", "CLUSTER", "CONFLICT"], &rows)
    }

    /// The branches before each name. Walks from the end, where it is known whether a node has a later sibling.
    fn drawing(&self) -> Vec<String> {
        let base = self.nodes.first().map_or(0, |node| node.depth);
        let mut later: Vec<bool> = Vec::new();
        let mut drawn: Vec<String> = self
            .nodes
            .iter()
            .rev()
            .map(|node| {
                let depth = node.depth.saturating_sub(base).min(DRAWN_DEPTH_MAX);
                later.resize(depth + 1, false);
                let branches: String = (1..=depth)
                    .map(|level| match (level == depth, later[level]) {
                        (true, true) => "├─ ",
                        (true, false) => "└─ ",
                        (false, true) => "│  ",
                        (false, false) => "   ",
                    })
                    .collect();
                later[depth] = true;
                branches
            })
            .collect();
        drawn.reverse();
        drawn
    }
}

/// Deeper levels are drawn at this one: no terminal is wider.
const DRAWN_DEPTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Node, Tree};

    fn node(path: &str, home: &str, conflict: bool) -> Node {
        let parts: Vec<&str> = path.split(':').collect();
        Node {
            path: path.to_owned(),
            id: format!("id-{}", parts.len()),
            home: home.to_owned(),
            name: parts[parts.len() - 1].to_owned(),
            conflict,
            phase: "Ready".to_owned(),
            depth: parts.len() - 1,
        }
    }

    #[test]
    fn a_tree_is_drawn_with_its_branches() {
        let tree = Tree {
            nodes: vec![
                node("root", "eu", false),
                node("root:a", "eu", false),
                node("root:a:x", "us", false),
                node("root:a:y", "us", true),
                node("root:a:y:z", "ap", false),
                node("root:b", "ap", false),
            ],
        };
        assert_eq!(tree.table(), EXPECTED);
        let part = Tree { nodes: vec![node("root:a", "eu", false), node("root:a:x", "us", false)] };
        assert_eq!(part.drawing(), ["", "└─ "]);
        assert!(Tree { nodes: Vec::new() }.table().starts_with("WORKSPACE"));
    }

    const EXPECTED: &str = "\
WORKSPACE    HOME   PHASE   CLUSTER   CONFLICT
root         eu     Ready   id-1
├─ a         eu     Ready   id-2
│  ├─ x      us     Ready   id-3
│  └─ y      us     Ready   id-3      NameConflict
│     └─ z   ap     Ready   id-4
└─ b         ap     Ready   id-2
";
}
