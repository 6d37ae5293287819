//! What expressions are said to cost.

use super::costs_test::COSTS;
use super::size::SizeEstimate;
use crate::environment::Environment;
use crate::program::{CostEstimate, Program};
use crate::sample_test::environment;
use crate::ty::{FieldType, Type};

#[test]
fn estimates_are_those_of_the_api_server() {
    let environment = environment();
    for (source, min, max) in COSTS {
        let program = Program::compile(&environment, source, &[]).expect(source);
        assert_eq!(program.cost(), CostEstimate { min: *min, max: *max }, "{source}");
    }
}

#[test]
fn what_nothing_bounds_costs_the_most_there_is() {
    let environment = Environment::new().variable("self", FieldType::unbounded(Type::Dyn));
    let cost = |source: &str| Program::compile(&environment, source, &[]).expect(source).cost();
    assert_eq!(cost("self.all(x, x > 1)"), CostEstimate { min: 2, max: u64::MAX });
    assert_eq!(cost("self.all(x, self.all(y, self.all(z, true)))").max, u64::MAX);
}

#[test]
fn arithmetic_stops_at_the_largest_number() {
    let most = SizeEstimate::UNKNOWN;
    assert_eq!(most.plus(SizeEstimate::fixed(1)).max, u64::MAX);
    assert_eq!(most.times(most).max, u64::MAX);
    assert_eq!(most.cost(2.1).max, u64::MAX);
    assert_eq!(SizeEstimate::fixed(11).cost(0.1), CostEstimate { min: 2, max: 2 });
}
