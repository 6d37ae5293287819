//! Lists: made by expressions, read from JSON, or two lists after one another.

use std::sync::Arc;

use serde_json::Value as Json;

use super::Value;
use super::shape::{DYN_LIST, ListFlavour, ListShape};
use crate::budget::{EvalError, Meter};

/// Lists up to this length are copied when they are joined.
const COPIED_LENGTH_MAX: usize = 16;
/// How deep joined lists may lie in each other before they are copied into one.
const JOIN_DEPTH_MAX: u8 = 64;

/// A list. Cheap to clone.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// Made by an expression.
    Owned(Arc<Vec<Value<'a>>>),
    /// Made from a list that is a set or a map, which it still is.
    Flavoured(Arc<Vec<Value<'a>>>, &'a ListFlavour),
    /// From JSON.
    Json(&'a [Json], &'a ListShape),
    /// Two lists after one another: `+` neither copies lists nor costs by their length.
    Joined(Arc<Joined<'a>>),
}

/// Two lists after one another.
#[derive(Debug)]
pub struct Joined<'a> {
    first: List<'a>,
    second: List<'a>,
    length: usize,
    depth: u8,
}

impl<'a> List<'a> {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(elements) | Self::Flavoured(elements, _) => elements.len(),
            Self::Json(elements, _) => elements.len(),
            Self::Joined(joined) => joined.length,
        }
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element.
    ///
    /// # Errors
    /// When JSON is not of its shape. `None` when the list is shorter.
    pub fn get(&self, index: usize) -> Option<Result<Value<'a>, EvalError>> {
        match self {
            Self::Owned(elements) | Self::Flavoured(elements, _) => elements.get(index).cloned().map(Ok),
            Self::Json(elements, shape) => elements.get(index).map(|json| Value::read(json, &shape.element)),
            Self::Joined(joined) => match index.checked_sub(joined.first.len()) {
                None => joined.first.get(index),
                Some(index) => joined.second.get(index),
            },
        }
    }

    /// The elements in order.
    pub fn iter(&self) -> Iter<'_, 'a> {
        Iter { list: self, index: 0, rest: Vec::new() }
    }

    /// What makes its elements the same.
    pub(crate) fn flavour(&self) -> &'a ListFlavour {
        match self {
            Self::Owned(_) | Self::Joined(_) => &ListFlavour::Atomic,
            Self::Flavoured(_, flavour) => flavour,
            Self::Json(_, shape) => &shape.flavour,
        }
    }

    /// Whether it was read by a schema; such lists are only compared with lists.
    pub(crate) fn has_schema(&self) -> bool {
        match self {
            Self::Owned(_) | Self::Joined(_) => false,
            Self::Flavoured(..) => true,
            Self::Json(_, shape) => !std::ptr::eq(*shape, &raw const DYN_LIST),
        }
    }

    /// This list and then `other`. O(1), but for short lists.
    pub(crate) fn join(self, other: Self, meter: &mut Meter<'_>) -> Result<Self, EvalError> {
        if self.is_empty() {
            return Ok(other);
        }
        if other.is_empty() {
            return Ok(self);
        }
        let length = self.len().checked_add(other.len()).ok_or(EvalError::Cost)?;
        let depth = self.depth().max(other.depth()) + 1;
        if length > COPIED_LENGTH_MAX && depth <= JOIN_DEPTH_MAX {
            return Ok(Self::Joined(Arc::new(Joined { first: self, second: other, length, depth })));
        }
        meter.allocate_values(length)?;
        let mut elements = Vec::with_capacity(length);
        for element in self.iter().chain(other.iter()) {
            elements.push(element?);
        }
        Ok(Self::Owned(Arc::new(elements)))
    }

    /// This list with one more element; in place where nobody else holds the list.
    pub(crate) fn push(self, element: Value<'a>, meter: &mut Meter<'_>) -> Result<Self, EvalError> {
        let mut elements = match self {
            Self::Owned(elements) => elements,
            other => Arc::new(other.to_vec(meter)?),
        };
        if let Some(unique) = Arc::get_mut(&mut elements) {
            meter.allocate_values(1)?;
            unique.push(element);
            return Ok(Self::Owned(elements));
        }
        meter.allocate_values(elements.len() + 1)?;
        let mut copy = Vec::with_capacity(elements.len() + 1);
        copy.extend_from_slice(&elements);
        copy.push(element);
        Ok(Self::Owned(Arc::new(copy)))
    }

    /// All elements.
    pub(crate) fn to_vec(&self, meter: &mut Meter<'_>) -> Result<Vec<Value<'a>>, EvalError> {
        meter.allocate_values(self.len())?;
        self.iter().collect()
    }

    fn depth(&self) -> u8 {
        match self {
            Self::Joined(joined) => joined.depth,
            _ => 0,
        }
    }
}

impl<'a> From<Vec<Value<'a>>> for List<'a> {
    fn from(elements: Vec<Value<'a>>) -> Self {
        Self::Owned(Arc::new(elements))
    }
}

/// The elements of a list, in order.
pub struct Iter<'l, 'a> {
    list: &'l List<'a>,
    index: usize,
    rest: Vec<&'l List<'a>>,
}

impl<'a> Iterator for Iter<'_, 'a> {
    type Item = Result<Value<'a>, EvalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let List::Joined(joined) = self.list {
                self.rest.push(&joined.second);
                self.list = &joined.first;
            } else if let Some(element) = self.list.get(self.index) {
                self.index += 1;
                return Some(element);
            } else {
                self.list = self.rest.pop()?;
                self.index = 0;
            }
        }
    }
}
