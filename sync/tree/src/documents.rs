//! All documents of one group: the owner's, or a copy of them that follows.

use std::collections::BTreeSet;

use hanse_base::id::{ClusterId, GroupId};
use imbl::OrdMap;

use crate::batch::{ChangeLog, Cursor, DOCUMENTS_MAX, NewChange};
use crate::document::{Document, DocumentError, DocumentId, Merged};
use crate::row::{Row, RowError};

/// All documents of one group. A copy costs next to nothing.
///
/// The owner uses [`Self::put`], [`Self::forget`], [`Self::commit`] and [`Self::restart_above`]; those who hold a copy
/// use [`Self::merge`].
/// All are deterministic. A document that a copy receives under a higher generation replaces the one before it as a
/// whole, when all of it has come.
///
/// Relations: ordinals have no gap; a workspace has its row in one document; `homes` says in which.
#[derive(Debug, Clone)]
pub struct Documents {
    group: GroupId,
    rows_per_document_max: usize,
    current: OrdMap<u32, Document>,
    /// Documents under a higher generation that have not come whole.
    incoming: OrdMap<u32, Document>,
    /// Which document holds the row of a workspace.
    homes: OrdMap<ClusterId, u32>,
    /// Documents with puts since the last commit.
    dirty: BTreeSet<u32>,
}

/// One document in its saved form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDocument {
    /// Which document.
    pub id: DocumentId,
    /// Whether it is a generation that has not come whole.
    pub incoming: bool,
    /// [`Document::save`].
    pub bytes: Vec<u8>,
}

impl Documents {
    /// No documents yet. New rows go to the last document until it holds `rows_per_document_max` of them
    /// ([`ROWS_PER_DOCUMENT_MAX`], unless a test wants fewer); all replicas of a group have to use the same number.
    #[must_use]
    pub fn new(group: GroupId, rows_per_document_max: usize) -> Self {
        Self {
            group,
            rows_per_document_max: rows_per_document_max.max(1),
            current: OrdMap::new(),
            incoming: OrdMap::new(),
            homes: OrdMap::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// Writes a row; [`Self::commit`] makes it part of a document.
    ///
    /// # Errors
    /// The row breaks a limit; nothing is written.
    ///
    /// # Panics
    /// If a relation between the documents does not hold; no input makes it so.
    pub fn put(&mut self, row: &Row) -> Result<(), RowError> {
        let bytes = row.encode()?;
        let home = self.homes.get(&row.id).copied();
        let ordinal = home.unwrap_or_else(|| self.open());
        let document = self.current.get_mut(&ordinal).expect("the document was found or opened");
        document.put_encoded(&row.id, bytes);
        if home.is_none() {
            self.homes.insert(row.id.clone(), ordinal);
        }
        self.dirty.insert(ordinal);
        Ok(())
    }

    /// Forgets a row, leaving no tombstone. Only for rows that nobody can refer to any more.
    ///
    /// # Panics
    /// If a relation between the documents does not hold; no input makes it so.
    pub fn forget(&mut self, id: &ClusterId) {
        if let Some(ordinal) = self.homes.get(id) {
            let (ordinal, document) = (*ordinal, self.current.get_mut(ordinal).expect("homes name documents"));
            document.forget(id);
            self.dirty.insert(ordinal);
            if !document.knows(id) {
                self.homes.remove(id);
            }
        }
    }

    /// Writes all puts since the last commit into their documents, one change for each document that has any (more if
    /// they pass the limits of one change). A document that has become too long is restarted, and then all of its
    /// changes are new.
    ///
    /// # Panics
    /// If a relation between the documents does not hold; no input makes it so.
    pub fn commit(&mut self) -> Vec<NewChange> {
        let mut changes = Vec::new();
        while let Some(unused) = self.current.values().next_back().filter(|last| last.is_unused()) {
            let ordinal = unused.id().ordinal;
            self.current.remove(&ordinal);
            self.dirty.remove(&ordinal);
        }
        for ordinal in std::mem::take(&mut self.dirty) {
            let document = self.current.get_mut(&ordinal).expect("only documents can be dirty");
            let (first, unused) = (document.next_sequence(), document.is_unused());
            let bytes = document.commit();
            // A document whose first puts were all forgotten still needs a change, so that copies get to the next one.
            if unused || document.is_long() {
                let generation = document.id().generation.saturating_add(1);
                self.restart(ordinal, generation, &mut changes);
            } else {
                let id = document.id().clone();
                changes.extend((first..).zip(bytes).map(|(sequence, bytes)| NewChange {
                    document: id.clone(),
                    sequence,
                    bytes,
                }));
            }
        }
        changes
    }

    /// Restarts every document under a generation above all that the cursors' holders have seen: after the owner has
    /// lost committed changes, as by a restore from a backup, so that copies which hold them can follow again.
    /// Documents that only the holders know come into being, empty.
    pub fn restart_above(&mut self, seen: &[Cursor]) -> Vec<NewChange> {
        let mut changes = self.commit();
        changes.clear();
        let highest = seen.iter().filter_map(|cursor| cursor.documents.keys().last()).max().copied();
        while highest.is_some_and(|highest| (self.current.len() as u64) <= u64::from(highest))
            && self.current.len() < DOCUMENTS_MAX
        {
            self.create();
        }
        let ordinals: Vec<u32> = self.current.keys().copied().collect();
        for ordinal in ordinals {
            let generations = seen.iter().filter_map(|cursor| cursor.get(ordinal)).map(|(generation, _)| generation);
            let generation = generations.max().unwrap_or(0).max(self.current[&ordinal].id().generation);
            self.restart(ordinal, generation.saturating_add(1), &mut changes);
        }
        changes
    }

    /// Takes in a change of the owner. A change that is already held, or of a generation that is gone, brings nothing.
    ///
    /// # Errors
    /// The change is not what the owner would have written next; nothing has changed.
    pub fn merge(&mut self, id: &DocumentId, sequence: u64, change: &[u8]) -> Result<Merged, DocumentError> {
        if id.group != self.group {
            return Err(DocumentError::Owner);
        }
        if id.ordinal as usize > self.current.len() {
            let expected = self.current.len() as u64;
            return Err(DocumentError::Gap { expected, got: u64::from(id.ordinal) });
        }
        if id.ordinal as usize >= DOCUMENTS_MAX {
            return Err(DocumentError::TooLarge("number of documents"));
        }
        let incoming = self.incoming.get(&id.ordinal);
        let newest = incoming.or_else(|| self.current.get(&id.ordinal));
        let mut document = match newest.filter(|newest| newest.id().generation >= id.generation) {
            Some(newest) if newest.id().generation > id.generation => return Ok(Merged::default()),
            Some(newest) => newest.clone(),
            None => Document::create(id.clone()),
        };
        let follows = incoming.is_none() && self.current.get(&id.ordinal).is_some_and(|held| held.id() == id);
        let merged = document.merge(sequence, change)?;
        self.check_homes(id.ordinal, merged.rows.iter().map(|row| &row.id))?;
        if follows || (id.generation == 0 && incoming.is_none()) {
            self.follow(document, &merged);
            Ok(merged)
        } else {
            self.replace(document)
        }
    }

    /// The group that owns the documents.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

    /// How far these documents are, as a copy.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let mut cursor = self.log().cursor();
        for (ordinal, document) in &self.incoming {
            cursor.documents.insert(*ordinal, (document.id().generation, document.next_sequence()));
        }
        cursor
    }

    /// A picture of all committed changes, for readers beside the writer.
    #[must_use]
    pub fn log(&self) -> ChangeLog {
        ChangeLog { documents: self.current.clone() }
    }

    /// The committed row of a workspace.
    #[must_use]
    pub fn get(&self, id: &ClusterId) -> Option<Row> {
        self.current.get(self.homes.get(id)?)?.get(id)
    }

    /// All committed rows, by document and id.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.current.values().flat_map(Document::rows)
    }

    /// The documents, by ordinal.
    pub fn documents(&self) -> impl Iterator<Item = &Document> + '_ {
        self.current.values()
    }

    /// Committed rows, tombstones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.values().map(Document::len).sum()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.values().all(Document::is_empty)
    }

    /// Bytes of all changes: what the documents cost in memory, nearly, and on disk.
    #[must_use]
    pub fn history_bytes(&self) -> usize {
        self.current.values().chain(self.incoming.values()).map(Document::history_bytes).sum()
    }

    /// The documents in their saved form, in the order in which [`Self::load`] wants them. Puts that wait for a commit
    /// are not part of it.
    pub fn save(&self) -> impl Iterator<Item = SavedDocument> + '_ {
        let saved = |document: &Document, incoming| SavedDocument {
            id: document.id().clone(),
            incoming,
            bytes: document.save(),
        };
        let current = self.current.values().map(move |document| saved(document, false));
        current.chain(self.incoming.values().map(move |document| saved(document, true)))
    }

    /// Documents from their saved form. They go on exactly as those that were saved would have.
    ///
    /// # Errors
    /// The saved form is not one of this group's documents.
    pub fn load(
        group: GroupId,
        rows_per_document_max: usize,
        saved: impl IntoIterator<Item = SavedDocument>,
    ) -> Result<Self, DocumentError> {
        let mut documents = Self::new(group, rows_per_document_max);
        for SavedDocument { id, incoming, bytes } in saved {
            if id.group != documents.group {
                return Err(DocumentError::Owner);
            }
            let ordinal = id.ordinal;
            let document = Document::load(id, &bytes)?;
            if incoming {
                documents.incoming.insert(ordinal, document);
                continue;
            }
            if ordinal as usize != documents.current.len() {
                return Err(DocumentError::Malformed("order of saved documents"));
            }
            documents.check_homes(ordinal, document.ids())?;
            documents.homes.extend(document.ids().chain(document.forgotten()).map(|id| (id.clone(), ordinal)));
            documents.current.insert(ordinal, document);
        }
        Ok(documents)
    }

    /// The relations that hold between the documents.
    ///
    /// # Panics
    /// One does not hold.
    pub fn check(&self) {
        for (index, (ordinal, document)) in self.current.iter().enumerate() {
            assert_eq!(index, *ordinal as usize, "ordinals have no gap");
            document.check();
            for id in document.ids().chain(document.forgotten()) {
                assert_eq!(self.homes.get(id), Some(ordinal), "home of {id}");
            }
        }
        for (ordinal, document) in &self.incoming {
            document.check();
            let current = self.current.get(ordinal).expect("an incoming generation replaces a document");
            assert!(document.id().generation > current.id().generation, "only a higher generation comes in");
        }
    }

    /// The document that takes new rows.
    fn open(&mut self) -> u32 {
        match self.current.get_max() {
            Some((ordinal, document)) if document.len() + document.waiting() < self.rows_per_document_max => *ordinal,
            _ => self.create(),
        }
    }

    fn create(&mut self) -> u32 {
        let ordinal = u32::try_from(self.current.len()).expect("documents are bounded");
        let id = DocumentId { group: self.group.clone(), ordinal, generation: 0 };
        self.current.insert(ordinal, Document::create(id));
        ordinal
    }

    fn restart(&mut self, ordinal: u32, generation: u32, changes: &mut Vec<NewChange>) {
        let (document, bytes) = self.current[&ordinal].restarted(generation);
        let gone: Vec<ClusterId> = self.current[&ordinal].forgotten().cloned().collect();
        for id in gone {
            self.homes.remove(&id);
        }
        let id = document.id().clone();
        changes.extend((1..).zip(bytes).map(|(sequence, bytes)| NewChange { document: id.clone(), sequence, bytes }));
        self.current.insert(ordinal, document);
    }

    /// Refuses rows that stand in another document. An owner never writes such.
    fn check_homes<'a>(&self, ordinal: u32, ids: impl Iterator<Item = &'a ClusterId>) -> Result<(), DocumentError> {
        for id in ids {
            if let Some(home) = self.homes.get(id).filter(|home| **home != ordinal) {
                return Err(DocumentError::Elsewhere { id: id.clone(), ordinal: *home });
            }
        }
        Ok(())
    }

    /// The next change of a generation that is held whole.
    fn follow(&mut self, document: Document, merged: &Merged) {
        let ordinal = document.id().ordinal;
        for row in &merged.rows {
            if !self.homes.contains_key(&row.id) {
                self.homes.insert(row.id.clone(), ordinal);
            }
        }
        self.current.insert(ordinal, document);
    }

    /// The next change of a generation that has been coming in: it replaces the one before when it is whole.
    fn replace(&mut self, document: Document) -> Result<Merged, DocumentError> {
        let ordinal = document.id().ordinal;
        if !document.is_complete() {
            if !self.current.contains_key(&ordinal) {
                self.create();
            }
            self.incoming.insert(ordinal, document);
            return Ok(Merged::default());
        }
        self.check_homes(ordinal, document.ids())?;
        let mut merged = Merged::default();
        if let Some(before) = self.current.get(&ordinal) {
            merged.removed.extend(before.ids().filter(|id| document.value(id).is_none()).cloned());
            let known: Vec<ClusterId> = before.ids().chain(before.forgotten()).cloned().collect();
            for id in known {
                self.homes.remove(&id);
            }
        }
        for id in document.ids().chain(document.forgotten()) {
            self.homes.insert(id.clone(), ordinal);
        }
        let before = self.current.insert(ordinal, document.clone());
        self.incoming.remove(&ordinal);
        merged.rows.extend(
            document
                .rows()
                .filter(|row| before.as_ref().and_then(|before| before.value(&row.id)) != document.value(&row.id)),
        );
        Ok(merged)
    }
}

/// Rows of one document. A document is restarted and sent anew as a whole, which costs time and traffic by its rows
/// (about 20 ms and 2 MB); and each document costs a few kilobytes of its own.
pub const ROWS_PER_DOCUMENT_MAX: usize = 4_096;

#[cfg(test)]
mod documents_test;
