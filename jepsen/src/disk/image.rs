//! A file system that remembers what would survive a loss of power.
//!
//! Each file has its contents and its durable contents, and the changes between them in their order; each directory likewise
//! with its names. `fsync` of a file makes its contents durable, not its name: that takes `fsync` of its directory (stricter than
//! ext4, allowed by POSIX). Pure: no clock, no kernel.

use std::collections::BTreeMap;

use crate::random::Random;

/// The number of a file or directory.
pub type Number = u64;

/// The top directory.
pub const ROOT: Number = 1;

/// Why an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing of that name or number.
    Absent,
    /// The name is taken.
    Exists,
    /// The directory is not empty.
    NotEmpty,
    /// It is a file.
    NotDirectory,
    /// It is a directory.
    IsDirectory,
    /// The disk is full.
    Full,
}

/// What a loss of power does to changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of them are lost.
    All,
    /// Of each file's changes, the first ones are kept, and of the last of these only some sectors.
    Tear,
    /// Of each file's changes, any pages are kept: those between read as zeros.
    Reorder,
}

/// The file system.
#[derive(Debug, Clone)]
pub struct Image {
    nodes: BTreeMap<Number, Node>,
    next: Number,
    /// Bytes of all files.
    bytes: u64,
    /// More than this is refused.
    pub bytes_max: u64,
}

/// A file or directory.
#[derive(Debug, Clone)]
pub struct Node {
    /// What is in it.
    pub content: Content,
    /// Permissions.
    pub mode: u16,
    /// Processes that have it open, which keep it after its last name is gone.
    opens: u64,
}

/// What is in a node.
#[derive(Debug, Clone)]
pub enum Content {
    /// A file.
    File(File),
    /// A directory.
    Directory(Directory),
}

/// A file's bytes.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// As a process reads them.
    pub data: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// A directory's names.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// As a process lists them.
    pub names: BTreeMap<String, Number>,
    durable: BTreeMap<String, Number>,
    pending: Vec<Naming>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize { length: usize },
}

/// Changes of one directory that survive together or not at all.
#[derive(Debug, Clone)]
enum Naming {
    Set { name: String, node: Number },
    Remove { name: String },
    Rename { from: String, to: String, node: Number },
}

impl Change {
    fn apply(&self, data: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                if data.len() < offset + bytes.len() {
                    data.resize(offset + bytes.len(), 0);
                }
                data[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Self::Resize { length } => data.resize(*length, 0),
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, Number>) {
        match self {
            Self::Set { name, node } => {
                names.insert(name.clone(), *node);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
            Self::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl Default for Image {
    fn default() -> Self {
        let root = Node { content: Content::Directory(Directory::default()), mode: 0o700, opens: 0 };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, bytes: 0, bytes_max: u64::MAX }
    }
}

impl Image {
    /// The node of a number.
    ///
    /// # Errors
    /// There is none.
    pub fn node(&self, number: Number) -> Result<&Node, Refusal> {
        self.nodes.get(&number).ok_or(Refusal::Absent)
    }

    fn node_mut(&mut self, number: Number) -> Result<&mut Node, Refusal> {
        self.nodes.get_mut(&number).ok_or(Refusal::Absent)
    }

    fn directory_mut(&mut self, number: Number) -> Result<&mut Directory, Refusal> {
        match &mut self.node_mut(number)?.content {
            Content::Directory(directory) => Ok(directory),
            Content::File(_) => Err(Refusal::NotDirectory),
        }
    }

    /// The names of a directory.
    ///
    /// # Errors
    /// It is none.
    pub fn names(&self, number: Number) -> Result<&BTreeMap<String, Number>, Refusal> {
        match &self.node(number)?.content {
            Content::Directory(directory) => Ok(&directory.names),
            Content::File(_) => Err(Refusal::NotDirectory),
        }
    }

    /// The node of a name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, parent: Number, name: &str) -> Result<Number, Refusal> {
        self.names(parent)?.get(name).copied().ok_or(Refusal::Absent)
    }

    /// Makes an empty file or directory.
    ///
    /// # Errors
    /// The name is taken.
    pub fn make(&mut self, parent: Number, name: &str, content: Content, mode: u16) -> Result<Number, Refusal> {
        let node = self.next;
        let directory = self.directory_mut(parent)?;
        if directory.names.contains_key(name) {
            return Err(Refusal::Exists);
        }
        directory.names.insert(name.to_owned(), node);
        directory.pending.push(Naming::Set { name: name.to_owned(), node });
        self.nodes.insert(node, Node { content, mode, opens: 0 });
        self.next += 1;
        Ok(node)
    }

    /// Removes the name of a file or of an empty directory.
    ///
    /// # Errors
    /// There is none, it is of the other kind, or not empty.
    pub fn remove(&mut self, parent: Number, name: &str, directory: bool) -> Result<(), Refusal> {
        let number = self.find(parent, name)?;
        match &self.node(number)?.content {
            Content::Directory(_) if !directory => return Err(Refusal::IsDirectory),
            Content::File(_) if directory => return Err(Refusal::NotDirectory),
            Content::Directory(content) if !content.names.is_empty() => return Err(Refusal::NotEmpty),
            Content::Directory(_) | Content::File(_) => {}
        }
        let holder = self.directory_mut(parent)?;
        holder.names.remove(name);
        holder.pending.push(Naming::Remove { name: name.to_owned() });
        self.sweep();
        Ok(())
    }

    /// Renames, over what has the new name.
    ///
    /// # Errors
    /// There is nothing of the old name, or a directory has the new one.
    pub fn rename(&mut self, from: (Number, &str), to: (Number, &str)) -> Result<(), Refusal> {
        let node = self.find(from.0, from.1)?;
        if let Ok(other) = self.find(to.0, to.1)
            && let Content::Directory(content) = &self.node(other)?.content
            && !content.names.is_empty()
        {
            return Err(Refusal::NotEmpty);
        }
        self.directory_mut(to.0)?;
        let source = self.directory_mut(from.0)?;
        source.names.remove(from.1);
        if from.0 == to.0 {
            source.names.insert(to.1.to_owned(), node);
            source.pending.push(Naming::Rename { from: from.1.to_owned(), to: to.1.to_owned(), node });
        } else {
            source.pending.push(Naming::Remove { name: from.1.to_owned() });
            let target = self.directory_mut(to.0)?;
            target.names.insert(to.1.to_owned(), node);
            target.pending.push(Naming::Set { name: to.1.to_owned(), node });
        }
        self.sweep();
        Ok(())
    }

    fn change(&mut self, number: Number, change: Change) -> Result<(), Refusal> {
        let (bytes, bytes_max) = (self.bytes, self.bytes_max);
        let Content::File(file) = &mut self.node_mut(number)?.content else { return Err(Refusal::IsDirectory) };
        let before = file.data.len();
        let after = match &change {
            Change::Write { offset, bytes } => before.max(offset + bytes.len()),
            Change::Resize { length } => *length,
        };
        let total = bytes - before as u64 + after as u64;
        if after > before && total > bytes_max {
            return Err(Refusal::Full);
        }
        change.apply(&mut file.data);
        file.pending.push(change);
        self.bytes = total;
        Ok(())
    }

    /// Writes bytes at an offset.
    ///
    /// # Errors
    /// It is no file, or the disk is full.
    pub fn write(&mut self, number: Number, offset: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.change(number, Change::Write { offset, bytes: bytes.to_vec() })
    }

    /// Cuts or lengthens a file.
    ///
    /// # Errors
    /// It is no file, or the disk is full.
    pub fn resize(&mut self, number: Number, length: u64) -> Result<(), Refusal> {
        self.change(number, Change::Resize { length: usize::try_from(length).unwrap_or(usize::MAX) })
    }

    /// Reads at most so many bytes.
    ///
    /// # Errors
    /// It is no file.
    pub fn read(&self, number: Number, offset: u64, length: u32) -> Result<&[u8], Refusal> {
        let Content::File(file) = &self.node(number)?.content else { return Err(Refusal::IsDirectory) };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.data.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(file.data.len());
        Ok(&file.data[start..end])
    }

    /// Makes a file's contents or a directory's names durable.
    ///
    /// # Errors
    /// There is no such node.
    ///
    /// # Panics
    /// The image is inconsistent.
    pub fn sync(&mut self, number: Number) -> Result<(), Refusal> {
        match &mut self.node_mut(number)?.content {
            Content::File(file) => {
                for change in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.durable);
                }
                assert_eq!(file.durable.len(), file.data.len(), "the changes lead from one to the other");
            }
            Content::Directory(directory) => {
                directory.pending.clear();
                directory.durable = directory.names.clone();
                self.sweep();
            }
        }
        Ok(())
    }

    /// Counts a process that opens it.
    ///
    /// # Errors
    /// There is no such node.
    pub fn open(&mut self, number: Number) -> Result<(), Refusal> {
        self.node_mut(number)?.opens += 1;
        Ok(())
    }

    /// Counts one that closes it.
    pub fn close(&mut self, number: Number) {
        if let Ok(node) = self.node_mut(number) {
            node.opens = node.opens.saturating_sub(1);
        }
        self.sweep();
    }

    /// Changes that are not durable.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        let pending = |node: &Node| match &node.content {
            Content::File(file) => file.pending.len(),
            Content::Directory(directory) => directory.pending.len(),
        };
        self.nodes.values().map(pending).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The power goes: what was not synced is lost as the loss says. No process may be using it.
    pub fn lose(&mut self, loss: Loss, random: &mut Random) {
        for node in self.nodes.values_mut() {
            node.opens = 0;
            match &mut node.content {
                Content::File(file) => {
                    let pending = std::mem::take(&mut file.pending);
                    survive(&mut file.durable, &pending, loss, random);
                    file.data = file.durable.clone();
                }
                Content::Directory(directory) => {
                    let pending = std::mem::take(&mut directory.pending);
                    // A journal keeps the order of names: the first ones survive.
                    let kept = if loss == Loss::All { 0 } else { random.below(pending.len() as u64 + 1) };
                    for naming in pending.iter().take(usize::try_from(kept).unwrap_or(0)) {
                        naming.apply(&mut directory.durable);
                    }
                    directory.names = directory.durable.clone();
                }
            }
        }
        self.sweep();
        self.bytes = self.nodes.values().map(Node::length).sum();
    }

    /// Forgets what has neither a name nor a process that uses it, now or after a loss of power.
    fn sweep(&mut self) {
        let mut named = std::collections::BTreeSet::from([ROOT]);
        for node in self.nodes.values() {
            if let Content::Directory(directory) = &node.content {
                named.extend(directory.names.values().chain(directory.durable.values()));
                named.extend(directory.pending.iter().filter_map(|naming| match naming {
                    Naming::Set { node, .. } | Naming::Rename { node, .. } => Some(*node),
                    Naming::Remove { .. } => None,
                }));
            }
        }
        self.nodes.retain(|number, node| named.contains(number) || node.opens > 0);
        self.bytes = self.nodes.values().map(Node::length).sum();
    }
}

impl Node {
    /// Its size in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.content {
            Content::File(file) => file.data.len() as u64,
            Content::Directory(_) => 0,
        }
    }
}

/// Applies what survives of a file's changes to its durable contents.
fn survive(durable: &mut Vec<u8>, pending: &[Change], loss: Loss, random: &mut Random) {
    match loss {
        Loss::All => {}
        Loss::Tear => {
            let kept = usize::try_from(random.below(pending.len() as u64 + 1)).unwrap_or(0);
            for change in &pending[..kept] {
                change.apply(durable);
            }
            if let Some(Change::Write { offset, bytes }) = pending.get(kept) {
                let sectors = bytes.len().div_ceil(SECTOR_BYTES) as u64;
                let torn = usize::try_from(random.below(sectors + 1)).unwrap_or(0) * SECTOR_BYTES;
                let bytes = bytes[..torn.min(bytes.len())].to_vec();
                Change::Write { offset: *offset, bytes }.apply(durable);
            }
        }
        Loss::Reorder => {
            for change in pending {
                let Change::Write { offset, bytes } = change else {
                    // The length is metadata, which a journal keeps in order; here it survives or not, as pages do.
                    if random.chance(0.5) {
                        change.apply(durable);
                    }
                    continue;
                };
                let mut start = 0;
                while start < bytes.len() {
                    let end = ((offset + start) / PAGE_BYTES + 1) * PAGE_BYTES - offset;
                    let end = end.min(bytes.len());
                    if random.chance(0.5) {
                        Change::Write { offset: offset + start, bytes: bytes[start..end].to_vec() }.apply(durable);
                    }
                    start = end;
                }
            }
        }
    }
}

const SECTOR_BYTES: usize = 512;
const PAGE_BYTES: usize = 4096;

#[cfg(test)]
#[path = "image_test.rs"]
mod image_test;
