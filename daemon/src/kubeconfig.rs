//! The kubeconfig of a federation that `hansed up` made.
//!
//! Contexts as kcp has them (`root`, `base`, `system:admin`, `shard-base`, for the first region) and one for each
//! region, named like it. The same administrator in all.

use std::fmt::Write;

use crate::pki::{ADMIN_USER, Identity, SHARD_ADMIN_USER, inline};

/// What a kubeconfig is made of.
pub(crate) struct Kubeconfig<'a> {
    /// Regions in the order of the command line, each with its external URL. The first has kcp's contexts.
    pub(crate) regions: &'a [(String, String)],
    /// Authority of the API's server certificates, PEM.
    pub(crate) authority_pem: &'a str,
    /// Bearer token of [`ADMIN_USER`].
    pub(crate) token: &'a str,
    /// Client certificate of [`SHARD_ADMIN_USER`].
    pub(crate) shard_admin: &'a Identity,
}

impl Kubeconfig<'_> {
    /// The file's text. Names are taken from checked grammars, so that nothing needs quoting but what is quoted here.
    pub(crate) fn render(&self) -> String {
        let authority = inline(self.authority_pem);
        let first = self.regions.first().map_or("", |(_, url)| url.as_str());
        let mut clusters = vec![
            ("root".to_owned(), format!("{first}/clusters/root")),
            ("base".to_owned(), first.to_owned()),
            ("system:admin".to_owned(), format!("{first}/clusters/system:admin")),
        ];
        let mut contexts = vec![
            ("root".to_owned(), "root".to_owned(), ADMIN_USER),
            ("base".to_owned(), "base".to_owned(), ADMIN_USER),
            ("system:admin".to_owned(), "system:admin".to_owned(), SHARD_ADMIN_USER),
            ("shard-base".to_owned(), "base".to_owned(), SHARD_ADMIN_USER),
        ];
        for (region, url) in self.regions {
            clusters.push((region.clone(), format!("{url}/clusters/root")));
            contexts.push((region.clone(), region.clone(), ADMIN_USER));
        }
        let mut text =
            String::from("apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: root\nclusters:\n");
        let mut line = |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("a string takes all text");
        for (name, server) in clusters {
            line(format_args!(
                "- name: \"{name}\"\n  cluster:\n    server: \"{server}\"\n    certificate-authority-data: {authority}\n"
            ));
        }
        line(format_args!("contexts:\n"));
        for (name, cluster, user) in contexts {
            line(format_args!("- name: \"{name}\"\n  context:\n    cluster: \"{cluster}\"\n    user: \"{user}\"\n"));
        }
        line(format_args!("users:\n- name: \"{ADMIN_USER}\"\n  user:\n    token: \"{}\"\n", self.token));
        line(format_args!(
            "- name: \"{SHARD_ADMIN_USER}\"\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            inline(&self.shard_admin.certificate_pem),
            inline(&self.shard_admin.key_pem)
        ));
        text
    }

    /// Whether a kubeconfig still opens this federation. One that does is kept as it is: its user may have chosen
    /// another current context, or added some.
    pub(crate) fn is_served_by(&self, text: &str) -> bool {
        [
            inline(self.authority_pem),
            self.token.to_owned(),
            inline(&self.shard_admin.certificate_pem),
            inline(&self.shard_admin.key_pem),
        ]
        .iter()
        .chain(self.regions.iter().map(|(_, url)| url))
        .all(|part| text.contains(part.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::Kubeconfig;
    use crate::pki::Identity;

    #[test]
    fn a_kubeconfig_has_the_contexts_of_kcp_and_one_for_each_region() {
        let regions = [
            ("eu".to_owned(), "https://127.0.0.1:6443".to_owned()),
            ("us".to_owned(), "https://127.0.0.1:6453".to_owned()),
        ];
        let shard_admin = Identity { certificate_pem: "C".into(), key_pem: "K".into() };
        let kubeconfig = Kubeconfig { regions: &regions, authority_pem: "A", token: "t0", shard_admin: &shard_admin };
        let text = kubeconfig.render();
        assert_eq!(text, EXPECTED);
        assert!(kubeconfig.is_served_by(&text));
        assert!(kubeconfig.is_served_by(&text.replace("current-context: root", "current-context: us")));
        assert!(!kubeconfig.is_served_by(&text.replace("t0", "t1")));
    }

    const EXPECTED: &str = r#"apiVersion: v1
kind: Config
preferences: {}
current-context: root
clusters:
- name: "root"
  cluster:
    server: "https://127.0.0.1:6443/clusters/root"
    certificate-authority-data: QQ==
- name: "base"
  cluster:
    server: "https://127.0.0.1:6443"
    certificate-authority-data: QQ==
- name: "system:admin"
  cluster:
    server: "https://127.0.0.1:6443/clusters/system:admin"
    certificate-authority-data: QQ==
- name: "eu"
  cluster:
    server: "https://127.0.0.1:6443/clusters/root"
    certificate-authority-data: QQ==
- name: "us"
  cluster:
    server: "https://127.0.0.1:6453/clusters/root"
    certificate-authority-data: QQ==
contexts:
- name: "root"
  context:
    cluster: "root"
    user: "kcp-admin"
- name: "base"
  context:
    cluster: "base"
    user: "kcp-admin"
- name: "system:admin"
  context:
    cluster: "system:admin"
    user: "shard-admin"
- name: "shard-base"
  context:
    cluster: "base"
    user: "shard-admin"
- name: "eu"
  context:
    cluster: "eu"
    user: "kcp-admin"
- name: "us"
  context:
    cluster: "us"
    user: "kcp-admin"
users:
- name: "kcp-admin"
  user:
    token: "t0"
- name: "shard-admin"
  user:
    client-certificate-data: Qw==
    client-key-data: Sw==
"#;
}
