//! The federation as the API needs it: the own group, the regions, and the way to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use hanse_api::federation::{Carried, CarriedAnswer, CarryError, Federation, RegionView, Reserved};
use hanse_base::clock::Clock;
use hanse_base::id::{ClusterId, GroupId, RegionName};
use hanse_base::net::BoxFuture;
use hanse_store::home::Home;

use crate::carriage::Carriage;
use crate::config::{group_of, region_of};
use crate::names::Question;
use crate::reservation::reserve;

/// Implements `api::Federation` on this daemon's replica and links.
pub(crate) struct Port {
    region: RegionName,
    home: Arc<dyn Home>,
    carriage: Carriage,
    clock: Arc<dyn Clock>,
}

impl Port {
    /// Shows the regions of the directory.
    pub(crate) fn new(region: RegionName, home: Arc<dyn Home>, carriage: Carriage, clock: Arc<dyn Clock>) -> Self {
        Self { region, home, carriage, clock }
    }

    fn unknown_group(&self, group: &GroupId) -> Option<CarryError> {
        let region = region_of(group);
        let is_known = self.carriage.directories().now().regions().contains(&region);
        (!is_known).then(|| CarryError::Unreachable {
            region,
            why: "it is no region of the federation, or not any more".to_owned(),
        })
    }

    fn view(&self, region: &RegionName) -> RegionView {
        let group = group_of(region);
        let labels = BTreeMap::from([
            ("name".to_owned(), group.to_string()),
            ("region".to_owned(), region.to_string()),
            ("survives".to_owned(), "zone".to_owned()),
        ]);
        let local = *region == self.region;
        let reachable = local || self.carriage.reaches(region);
        RegionView { region: region.clone(), group, labels, reachable, local }
    }
}

impl Federation for Port {
    fn local(&self) -> &Arc<dyn Home> {
        &self.home
    }

    fn regions(&self) -> Vec<RegionView> {
        self.carriage.directories().now().regions().iter().map(|region| self.view(region)).collect()
    }

    fn carry(&self, to: &GroupId, request: Carried) -> BoxFuture<'_, Result<CarriedAnswer, CarryError>> {
        let to = to.clone();
        Box::pin(async move {
            match self.unknown_group(&to) {
                Some(error) => Err(error),
                None => self.carriage.carry(&to, request).await,
            }
        })
    }

    fn reserve_name(
        &self,
        at: &GroupId,
        parent: &ClusterId,
        name: &str,
        id: &ClusterId,
    ) -> BoxFuture<'_, Result<Reserved, CarryError>> {
        let question = Question { group: at.clone(), parent: parent.clone(), name: name.to_owned(), id: id.clone() };
        Box::pin(async move {
            if let Some(error) = self.unknown_group(&question.group) {
                return Err(error);
            }
            if question.group != *self.home.group() {
                return self.carriage.reserve_name(&question).await;
            }
            let region = region_of(&question.group);
            reserve(&self.home, &self.clock, question).await.map_err(|why| CarryError::Unreachable { region, why })
        })
    }
}
