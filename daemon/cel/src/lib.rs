//! The Common Expression Language (CEL) as Kubernetes speaks it: parsed, type checked, and evaluated under a budget, with
//! Kubernetes' libraries.
//!
//! Promise: pure and bounded. An expression that compiles ends; what it costs at most can be estimated before it runs, and
//! it is cut off when it has used up its budget.
//!
//! Must not know: custom resources, admission, HTTP. Whoever evaluates gives the types of the variables and their values.
//!
//! Reading order: [`ast`], [`ty`], [`environment`], [`program`]: text is parsed (`parse`), its types checked (`check`) against
//! what is declared (`declare`), its cost estimated (`estimate`), and its evaluation planned (`plan`). Then [`value`],
//! [`budget`] and [`interpret`], with the functions in [`library`]. [`quantity`] and [`name`] serve objects as well as
//! expressions.

pub mod ast;
pub mod budget;
mod check;
mod declare;
pub mod environment;
mod estimate;
mod evaluate;
pub mod interpret;
pub mod library;
pub mod name;
mod parse;
mod plan;
pub mod problem;
pub mod program;
pub mod quantity;
pub mod ty;
pub mod value;

#[cfg(test)]
mod sample_test;
