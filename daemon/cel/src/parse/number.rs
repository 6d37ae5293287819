//! New numbers for copied trees.

use super::recover::{Abort, Parser};
use crate::ast::{Expr, Node};

impl Parser<'_> {
    /// Gives every node of `expr` a number that no other node has.
    pub(crate) fn renumber(&mut self, expr: &mut Expr) -> Result<(), Abort> {
        expr.id = self.node(expr.at, Node::List(Vec::new()))?.id;
        match &mut expr.node {
            Node::Literal(_) | Node::Ident(_) => Ok(()),
            Node::Select(select) => self.renumber(&mut select.operand),
            Node::Call(call) => call.target.iter_mut().chain(&mut call.args).try_for_each(|part| self.renumber(part)),
            Node::List(elements) => elements.iter_mut().try_for_each(|element| self.renumber(&mut element.value)),
            Node::Map(entries) => entries.iter_mut().try_for_each(|entry| {
                self.renumber(&mut entry.key)?;
                self.renumber(&mut entry.value)
            }),
            Node::Struct(object) => object.fields.iter_mut().try_for_each(|field| {
                field.id = self.node(field.at, Node::List(Vec::new()))?.id;
                self.renumber(&mut field.value)
            }),
            Node::Comprehension(fold) => {
                let fold = &mut **fold;
                [&mut fold.range, &mut fold.init, &mut fold.condition, &mut fold.step, &mut fold.result]
                    .into_iter()
                    .try_for_each(|part| self.renumber(part))
            }
        }
    }
}
