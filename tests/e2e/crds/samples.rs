//! Small objects of the projects' kinds: some that their schemas take, and some that they refuse.

/// An object that is accepted, and what must be read of it.
pub(super) struct Valid {
    pub(super) text: &'static str,
    /// `kubectl get` arguments, and a piece of what they print: defaults, above all.
    pub(super) read: (&'static str, &'static str),
}

/// An object that is refused, and pieces of the refusal in their order.
pub(super) struct Invalid {
    pub(super) text: &'static str,
    pub(super) why: &'static [&'static str],
}

pub(super) const VALID: &[Valid] = &[
    Valid {
        text: "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: own}, spec: {selfSigned: {}}}",
        read: ("issuer own -o jsonpath='{.spec}'", r#"{"selfSigned":{}}"#),
    },
    Valid {
        text: "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: site}, spec: {secretName: site, dnsNames: \
               [example.com], issuerRef: {name: own}, privateKey: {algorithm: ECDSA, size: 256}}}",
        read: ("certificate site", "site"),
    },
    Valid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: class}, spec: \
               {controllerName: example.com/gateway}}",
        read: ("gatewayclass class", "example.com/gateway"),
    },
    Valid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: door}, spec: {gatewayClassName: \
               class, listeners: [{name: http, port: 80, protocol: HTTP}, {name: https, port: 443, protocol: HTTPS, tls: \
               {certificateRefs: [{name: site}]}}]}}",
        read: (
            "gateway door -o jsonpath='{.spec.listeners[0].allowedRoutes.namespaces.from} {.spec.listeners[1].tls.mode} \
             {.spec.listeners[1].tls.certificateRefs[0].kind}'",
            "Same Terminate Secret",
        ),
    },
    Valid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: way}, spec: {parentRefs: [{name: \
               door}], hostnames: [example.com], rules: [{backendRefs: [{name: shop, port: 80}]}]}}",
        read: (
            "httproute way -o jsonpath='{.spec.rules[0].matches[0].path.value}{.spec.rules[0].backendRefs[0].weight} \
             {.spec.parentRefs[0].kind}'",
            "/1 Gateway",
        ),
    },
    Valid {
        text: "{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: shop}, spec: {sourceRepos: ['*'], \
               destinations: [{namespace: '*', server: '*'}], roles: [{name: reader, policies: ['p, a, b, c, d, allow']}]}}",
        read: ("appproject shop -o name", "appproject.argoproj.io/shop"),
    },
    Valid {
        text: "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: shop}, spec: {project: shop, destination: \
               {namespace: shop, name: here}, source: {repoURL: 'https://example.com/shop', path: deploy, helm: {valuesObject: \
               {any: {thing: [1, a]}}}}}}",
        read: ("app shop -o jsonpath='{.spec.source.helm.valuesObject}'", r#"{"any":{"thing":[1,"a"]}}"#),
    },
    Valid {
        text: "{apiVersion: apiextensions.crossplane.io/v1, kind: Composition, metadata: {name: base}, spec: {compositeTypeRef: \
               {apiVersion: example.com/v1, kind: Base}, pipeline: [{step: one, functionRef: {name: f}, input: {apiVersion: \
               example.com/v1, kind: Input, any: thing}}]}}",
        read: ("composition base -o jsonpath='{.spec.mode} {.spec.pipeline[0].input.any}'", "Pipeline thing"),
    },
    Valid {
        text: "{apiVersion: apiextensions.crossplane.io/v2, kind: CompositeResourceDefinition, metadata: {name: \
               bases.example.com}, spec: {group: example.com, names: {kind: Base, plural: bases}, versions: [{name: v1, served: \
               true, referenceable: true, schema: {openAPIV3Schema: {type: object}}}]}}",
        read: (
            "xrds.v2.apiextensions.crossplane.io bases.example.com -o jsonpath='{.spec.scope} \
             {.spec.defaultCompositionUpdatePolicy}'",
            "Namespaced Automatic",
        ),
    },
    Valid {
        text: "{apiVersion: pkg.crossplane.io/v1, kind: Provider, metadata: {name: cloud}, spec: {package: \
               'registry.example.com/cloud:v1'}}",
        read: (
            "provider.pkg cloud -o jsonpath='{.spec.packagePullPolicy} {.spec.revisionHistoryLimit} {.spec.runtimeConfigRef.name}'",
            "IfNotPresent 1 default",
        ),
    },
    Valid {
        text: "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: far}, spec: \
               {hubAcceptsClient: true, taints: [{key: slow, effect: NoSelect, timeAdded: null}]}}",
        read: ("managedcluster far -o jsonpath='{.spec.leaseDurationSeconds}'", "60"),
    },
    Valid {
        text: "{apiVersion: cluster.open-cluster-management.io/v1beta1, kind: Placement, metadata: {name: all}, spec: \
               {numberOfClusters: 2, predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {a: b}}}}]}}",
        read: ("placement all -o jsonpath='{.spec.numberOfClusters}{.spec.sortBy}'", "2ClusterName"),
    },
    Valid {
        text: "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: work}, spec: {workload: \
               {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: inner, namespace: default}, data: {a: b}}]}}}",
        read: ("manifestwork work -o jsonpath='{.spec.workload.manifests[0].data.a}'", "b"),
    },
];

pub(super) const INVALID: &[Invalid] = &[
    Invalid {
        text: "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: bad}, spec: {privateKey: {algorithm: DSA}}}",
        why: &[
            r#"The Certificate "bad" is invalid:"#,
            r#"* spec.privateKey.algorithm: Unsupported value: "DSA": supported values: "RSA", "ECDSA", "Ed25519""#,
            "* spec.issuerRef: Required value",
            "* spec.secretName: Required value",
        ],
    },
    Invalid {
        text: "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: bad}, spec: {venafi: {zone: z}}}",
        why: &[
            r#"The Issuer "bad" is invalid: spec.venafi: Invalid value: exactly one of tpp, cloud, or ngts must be configured"#,
        ],
    },
    Invalid {
        text: "{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: bad}, spec: {selfSinged: {}}}",
        why: &[
            r#"Issuer in version "v1" cannot be handled as a Issuer: strict decoding error: unknown field "spec.selfSinged""#,
        ],
    },
    Invalid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: bad}, spec: {gatewayClassName: class, \
               listeners: [{name: http, port: 80, protocol: HTTP, tls: {mode: Terminate, certificateRefs: [{name: site}]}}]}}",
        why: &[
            r#"The Gateway "bad" is invalid: spec.listeners: Invalid value: tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"#,
        ],
    },
    Invalid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: bad}, spec: {gatewayClassName: class, \
               listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}]}}",
        why: &[
            r#"The Gateway "bad" is invalid: spec.listeners: Invalid value: Combination of port, protocol and hostname must be unique for each listener"#,
        ],
    },
    Invalid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: bad}, spec: {rules: [{filters: \
               [{type: RequestRedirect, requestRedirect: {port: 80}}, {type: URLRewrite, urlRewrite: {hostname: a.b}}]}]}}",
        why: &[
            r#"The HTTPRoute "bad" is invalid:"#,
            "spec.rules[0].filters: Invalid value: May specify either httpRouteFilterRequestRedirect or \
             httpRouteFilterRequestRewrite, but not both",
        ],
    },
    Invalid {
        text: "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: bad}, spec: {rules: [{matches: \
               [{path: {type: PathPrefix, value: shop}}]}]}}",
        why: &[
            r#"The HTTPRoute "bad" is invalid: spec.rules[0].matches[0].path: Invalid value: value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']"#,
        ],
    },
    Invalid {
        text: "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: bad}, spec: {destination: {}, source: \
               {path: a}}}",
        why: &[
            r#"The Application "bad" is invalid:"#,
            "* spec.source.repoURL: Required value",
            "* spec.project: Required value",
        ],
    },
    Invalid {
        text: "{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: bad}, spec: {roles: [{description: none}]}}",
        why: &[r#"The AppProject "bad" is invalid:"#, "spec.roles[0].name: Required value"],
    },
    Invalid {
        text: "{apiVersion: apiextensions.crossplane.io/v1, kind: Composition, metadata: {name: bad}, spec: {compositeTypeRef: \
               {apiVersion: example.com/v1, kind: Base}}}",
        why: &[
            r#"The Composition "bad" is invalid: spec: Invalid value: an array of pipeline steps is required in Pipeline mode"#,
        ],
    },
    Invalid {
        text: "{apiVersion: apiextensions.crossplane.io/v2, kind: CompositeResourceDefinition, metadata: {name: bad}, spec: \
               {group: example.com, names: {kind: Bad, plural: Bads}, claimNames: {kind: C, plural: c}, versions: []}}",
        why: &[
            r#"The CompositeResourceDefinition "bad" is invalid:"#,
            "spec: Invalid value: Claims aren't supported in apiextensions.crossplane.io/v2",
            "spec.names: Invalid value: Plural name must be lowercase",
        ],
    },
    Invalid {
        text: "{apiVersion: pkg.crossplane.io/v1, kind: Provider, metadata: {name: bad}, spec: {package: cloud}}",
        why: &[
            r#"The Provider "bad" is invalid: spec.package: Invalid value: "cloud": must be a fully qualified image name, including the registry, repository, and tag or digest."#,
        ],
    },
    Invalid {
        text: "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: bad}, spec: {taints: \
               [{key: a, effect: Never}]}}",
        why: &[
            r#"The ManagedCluster "bad" is invalid: spec.taints[0].effect: Unsupported value: "Never": supported values: "NoSelect", "PreferNoSelect", "NoSelectIfNew""#,
        ],
    },
    Invalid {
        text: "{apiVersion: cluster.open-cluster-management.io/v1beta1, kind: Placement, metadata: {name: bad}, spec: \
               {scoreRateLimit: soon}}",
        why: &[
            r#"The Placement "bad" is invalid: spec.scoreRateLimit: Invalid value: "soon": spec.scoreRateLimit in body should match '^[0-9]+[hms]$'"#,
        ],
    },
    Invalid {
        text: "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: bad}, spec: {workload: \
               {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: inner}}]}, manifestConfigs: [{resourceIdentifier: \
               {group: '', resource: configmaps, name: inner, namespace: default}, conditionRules: [{type: CEL, condition: \
               ''}]}]}}",
        why: &[
            r#"The ManifestWork "bad" is invalid: spec.manifestConfigs[0].conditionRules[0]: Invalid value: Condition is required for CEL rules"#,
        ],
    },
    Invalid {
        text: "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: bad}, spec: {workload: \
               {manifests: [{metadata: {name: inner}}]}}}",
        why: &[
            r#"The ManifestWork "bad" is invalid:"#,
            "spec.workload.manifests[0].apiVersion: Required value",
            "spec.workload.manifests[0].kind: Required value",
        ],
    },
];
