//! Values of Kubernetes' libraries, which expressions see only through functions.

use std::net::IpAddr;
use std::sync::Arc;

use crate::budget::EvalError;
use crate::library::authorizer::{Decision, GroupCheck, PathCheck, ResourceCheck, Subject};
use crate::library::cidr::Cidr;
use crate::library::format::NamedFormat;
use crate::library::semver::Semver;
use crate::library::url::Url;
use crate::quantity::Quantity;

/// A value of a library. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Opaque {
    /// `kubernetes.URL`
    Url(Arc<Url>),
    /// `kubernetes.Quantity`
    Quantity(Quantity),
    /// `net.IP`
    Ip(IpAddr),
    /// `net.CIDR`
    Cidr(Cidr),
    /// `kubernetes.Semver`
    Semver(Arc<Semver>),
    /// `kubernetes.NamedFormat`
    Format(&'static NamedFormat),
    /// `kubernetes.authorization.Authorizer`
    Authorizer(Arc<Subject>),
    /// `kubernetes.authorization.PathCheck`
    PathCheck(Arc<PathCheck>),
    /// `kubernetes.authorization.GroupCheck`
    GroupCheck(Arc<GroupCheck>),
    /// `kubernetes.authorization.ResourceCheck`
    ResourceCheck(Arc<ResourceCheck>),
    /// `kubernetes.authorization.Decision`
    Decision(Arc<Decision>),
}

impl Opaque {
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Url(_) => "kubernetes.URL",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Authorizer(_) => "kubernetes.authorization.Authorizer",
            Self::PathCheck(_) => "kubernetes.authorization.PathCheck",
            Self::GroupCheck(_) => "kubernetes.authorization.GroupCheck",
            Self::ResourceCheck(_) => "kubernetes.authorization.ResourceCheck",
            Self::Decision(_) => "kubernetes.authorization.Decision",
        }
    }

    /// Addresses have the size of their bytes, all others 1.
    pub(crate) const fn size(&self) -> u64 {
        match self {
            Self::Ip(IpAddr::V4(_)) => 4,
            Self::Ip(IpAddr::V6(_)) => 16,
            Self::Cidr(cidr) => cidr.size(),
            _ => 1,
        }
    }

    pub(crate) fn equal(&self, other: &Self) -> Result<bool, EvalError> {
        match (self, other) {
            (Self::Url(left), Self::Url(right)) => Ok(left.to_string() == right.to_string()),
            (Self::Quantity(left), Self::Quantity(right)) => Ok(left == right),
            (Self::Ip(left), Self::Ip(right)) => Ok(left == right),
            (Self::Cidr(left), Self::Cidr(right)) => Ok(left == right),
            (Self::Semver(left), Self::Semver(right)) => Ok(left == right),
            (Self::Format(left), Self::Format(right)) => Ok(left.name == right.name),
            _ => Err(EvalError::no_such_overload()),
        }
    }
}
