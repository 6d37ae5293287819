//! The seam to links: streams to other daemons by id. The mesh lays them on QUIC; a simulation gives its own.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hanse_base::id::DaemonId;
use hanse_base::net::BoxFuture;

use crate::error::LinkError;
use crate::lane::Lane;
use crate::mesh::{LinkStatus, Mesh};
use crate::stream::Stream;

/// Opens streams to other daemons.
pub trait Transport: Send + Sync + 'static {
    /// See [`Mesh::open`].
    ///
    /// # Errors
    /// See there.
    fn open(&self, to: DaemonId, lane: Lane) -> BoxFuture<'_, Result<Stream, LinkError>>;

    /// See [`Mesh::call`].
    ///
    /// # Errors
    /// See there.
    fn call(
        &self,
        to: DaemonId,
        lane: Lane,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, LinkError>>;

    /// See [`Mesh::links`].
    fn links(&self) -> Vec<LinkStatus>;

    /// See [`Mesh::certificate_end`]; nothing where links need no certificates.
    fn certificate_end(&self) -> Option<SystemTime> {
        None
    }
}

impl Transport for Mesh {
    fn open(&self, to: DaemonId, lane: Lane) -> BoxFuture<'_, Result<Stream, LinkError>> {
        Box::pin(Self::open(self, to, lane))
    }

    fn call(
        &self,
        to: DaemonId,
        lane: Lane,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Bytes, LinkError>> {
        Box::pin(Self::call(self, to, lane, request, timeout))
    }

    fn links(&self) -> Vec<LinkStatus> {
        Self::links(self)
    }

    fn certificate_end(&self) -> Option<SystemTime> {
        Some(Self::certificate_end(self))
    }
}
