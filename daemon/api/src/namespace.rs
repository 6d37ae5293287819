//! What every namespace holds from its first moment, made in the transaction that makes the namespace.

use hanse_base::id::ClusterId;
use hanse_base::random::Random;
use hanse_schema::metadata;
use hanse_store::key::Key;
use hanse_store::object::Draft;
use serde_json::{Value, json};

use crate::encode;
use crate::status::Failure;

/// Name of the ConfigMap in every namespace that holds the certificates with which clients verify this API.
const ROOT_CA: &str = "kube-root-ca.crt";

/// What the first objects of namespaces are made from.
pub(crate) struct Beginning<'a> {
    /// Where the namespaces are.
    pub(crate) cluster: &'a ClusterId,
    /// PEM; empty when it is not known, and then not published.
    pub(crate) root_ca: &'a str,
    /// The time, as objects show it.
    pub(crate) now: &'a str,
}

impl Beginning<'_> {
    /// The service account `default`, and the certificates of the API.
    ///
    /// # Errors
    /// Only when an object breaks a limit.
    pub(crate) fn objects(&self, namespace: &str, random: &dyn Random) -> Result<Vec<(Key, Draft)>, Failure> {
        let account = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": self.metadata("default", namespace, random)});
        let mut objects = vec![first_object("serviceaccounts", self.cluster, namespace, &account)?];
        if !self.root_ca.is_empty() {
            let mut map = json!({
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": self.metadata(ROOT_CA, namespace, random),
                "data": {"ca.crt": self.root_ca},
            });
            encode::set_annotation(&mut map, "kubernetes.io/description", ABOUT);
            objects.push(first_object("configmaps", self.cluster, namespace, &map)?);
        }
        Ok(objects)
    }

    fn metadata(&self, name: &str, namespace: &str, random: &dyn Random) -> Value {
        json!({
            "name": name,
            "namespace": namespace,
            "uid": encode::uuid(random),
            "creationTimestamp": self.now,
            "annotations": {encode::CLUSTER_ANNOTATION: self.cluster.as_str()},
        })
    }
}

/// Tools look for this annotation; the words are ours.
const ABOUT: &str = "Certificates with which clients inside the platform verify the API server.";

/// Key and draft of an object that the server itself makes.
pub(crate) fn first_object(
    resource: &str,
    cluster: &ClusterId,
    namespace: &str,
    object: &Value,
) -> Result<(Key, Draft), Failure> {
    let key = Key::new(resource, cluster, namespace, metadata::name(object));
    let key = key.map_err(|error| Failure::Internal(error.to_string()))?;
    Ok((key, encode::draft(object)?))
}
