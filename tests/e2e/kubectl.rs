//! kubectl, as people type it: every verb on the built-in kinds and on workspaces, with a look at what it prints and at how
//! it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use hanse_tests::federation::Federation;

use crate::shell::{Shell, Step, fails, kubectl_is_here, works};

const FILES: [(&str, &str); 6] = [
    ("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"),
    (
        "objects.yaml",
        r#"apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, labels: {app: web, tier: front}}
data: {colour: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: password, namespace: shop, labels: {app: web}}
data: {word: cGlrZQ==}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: turn, namespace: shop}
spec: {holderIdentity: me, leaseDurationSeconds: 15}
"#,
    ),
    (
        "event.yaml",
        r#"apiVersion: v1
kind: Event
metadata: {name: made, namespace: shop}
involvedObject: {apiVersion: v1, kind: ConfigMap, name: settings, namespace: shop}
reason: Made
message: it is there
type: Normal
count: 3
"#,
    ),
    ("generated.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: gen-, namespace: shop}\n"),
    (
        "unknown.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd, namespace: shop}\ndata: {a: b}\ncolour: blue\n",
    ),
    ("org.yaml", "apiVersion: tenancy.kcp.io/v1alpha1\nkind: Workspace\nmetadata: {name: org}\n"),
];

const WRITES: &[Step] = &[
    // These send protobuf.
    works("kubectl create namespace shop", &["namespace/shop created"]),
    works("kubectl create configmap made -n shop --from-literal=a=b", &["configmap/made created"]),
    works("kubectl create secret generic made -n shop --from-literal=a=b", &["secret/made created"]),
    works("kubectl create serviceaccount made -n shop", &["serviceaccount/made created"]),
    works("kubectl get cm/made secret/made -n shop -o jsonpath='{.items[*].data.a}'", &["b Yg=="]),
    works("kubectl delete cm/made secret/made sa/made -n shop", &["deleted"]),
    fails("kubectl create -f namespace.yaml", &["AlreadyExists", r#"namespaces "shop" already exists"#]),
    works(
        "kubectl apply -f objects.yaml",
        &[
            "configmap/settings created",
            "secret/password created",
            "serviceaccount/robot created",
            "lease.coordination.k8s.io/turn created",
        ],
    ),
    works(
        "kubectl apply -f objects.yaml",
        &["settings unchanged", "password unchanged", "robot unchanged", "turn unchanged"],
    ),
    works("kubectl create -f event.yaml", &["event/made created"]),
    works("kubectl create -f generated.yaml", &["configmap/gen-", "created"]),
    fails("kubectl create -f unknown.yaml", &["strict decoding error", r#"unknown field "colour""#]),
    works(
        "kubectl create -f unknown.yaml --validate=warn",
        &["configmap/odd created", r#"Warning: unknown field "colour""#],
    ),
    works("kubectl label cm settings -n shop new=1", &["configmap/settings labeled"]),
    fails("kubectl label cm settings -n shop new=2", &["already has a value (1)"]),
    works("kubectl label cm settings -n shop new=2 --overwrite", &["labeled"]),
    works("kubectl label cm settings -n shop new-", &["unlabeled"]),
    works("kubectl annotate cm settings -n shop note=hello", &["configmap/settings annotated"]),
    works(r#"kubectl patch cm settings -n shop -p '{"data":{"size":"1"}}'"#, &["patched"]),
    works(r#"kubectl patch cm settings -n shop --type merge -p '{"data":{"size":null}}'"#, &["patched"]),
    works(
        r#"kubectl patch cm settings -n shop --type json -p '[{"op":"add","path":"/data/size","value":"2"}]'"#,
        &["patched"],
    ),
    works(r#"kubectl patch cm settings -n shop --type merge -p '{"data":{"size":"2"}}'"#, &["patched (no change)"]),
    fails(
        r#"kubectl patch cm settings -n shop --type json -p '[{"op":"remove","path":"/data/none"}]'"#,
        &["The request is invalid"],
    ),
    fails(r#"kubectl patch cm none -n shop -p '{}'"#, &[r#"configmaps "none" not found"#]),
    works("KUBE_EDITOR='sed -i s/blue/green/' kubectl edit cm settings -n shop", &["configmap/settings edited"]),
    works(
        "kubectl get cm settings -n shop -o jsonpath='{.data.colour}{.data.size}{.metadata.annotations.note}'",
        &["green2hello"],
    ),
    works("kubectl get cm settings -n shop -o yaml >mine.yaml; sed -i s/green/red/ mine.yaml", &[]),
    fails("kubectl diff -f mine.yaml", &["-  colour: green", "+  colour: red"]),
    works("kubectl replace -f mine.yaml", &["configmap/settings replaced"]),
    fails(
        "kubectl replace -f mine.yaml",
        &["Conflict", "the object has been modified; please apply your changes to the latest version and try again"],
    ),
    works("kubectl replace --force -f mine.yaml", &[r#"configmap "settings" deleted"#, "configmap/settings replaced"]),
    works(
        "kubectl apply -f objects.yaml --dry-run=server",
        &["settings configured (server dry run)", "password unchanged (server dry run)"],
    ),
    works("kubectl get cm settings -n shop -o jsonpath='{.data.colour}'", &["red"]),
];

const READS: &[Step] = &[
    works("kubectl get ns", &["NAME", "STATUS", "AGE", "default", "Active", "kube-system", "shop"]),
    works(
        "kubectl get cm -n shop -o wide --show-labels",
        &["NAME", "DATA", "AGE", "LABELS", "settings", "app=web,tier=front"],
    ),
    works(
        "kubectl get secret,sa,lease -n shop",
        &["secret/password", "Opaque", "serviceaccount/default", "serviceaccount/robot", "turn", "me"],
    ),
    works(
        "kubectl get cm -A -o custom-columns=N:.metadata.name,S:.metadata.namespace --no-headers",
        &["settings", "shop"],
    ),
    works("kubectl get cm -n shop -l 'app in (web,x),tier!=back' -o name", &["configmap/settings"]),
    works("kubectl get cm -n shop --field-selector metadata.name=odd -o name", &["configmap/odd"]),
    fails("kubectl get cm -n shop --field-selector data.a=b", &[r#""data.a" is not a known field selector"#]),
    works("kubectl get cm -n shop --chunk-size=1 -o name", &["configmap/gen-", "configmap/odd", "configmap/settings"]),
    works(
        "kubectl get events -n shop",
        &["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE", "Made", "configmap/settings", "it is there"],
    ),
    works("kubectl events -n shop", &["Made", "ConfigMap/settings", "it is there"]),
    works(
        "kubectl describe cm settings -n shop",
        &["Name:", "settings", "Namespace:", "shop", "Data", "colour:", "red"],
    ),
    works("kubectl describe secret password -n shop", &["Type:", "Opaque", "word:", "4 bytes"]),
    works("kubectl describe ns shop", &["Name:", "shop", "Status:", "Active"]),
    works("kubectl get cm/none secret/password -n shop --ignore-not-found -o name", &["secret/password"]),
    fails("kubectl get cm none -n shop", &[r#"Error from server (NotFound): configmaps "none" not found"#]),
    fails("kubectl get pods", &[r#"the server doesn't have a resource type "pods""#]),
    works(
        "kubectl wait ns/shop --for=jsonpath='{.status.phase}'=Active --timeout=5s",
        &["namespace/shop condition met"],
    ),
    works("kubectl explain configmap.data", &["KIND:", "ConfigMap", "FIELD: data <map[string]string>"]),
    works("kubectl explain workspaces.spec.location", &["GROUP:", "tenancy.kcp.io", "selector"]),
    works(
        "kubectl api-resources -o wide",
        &[
            "configmaps",
            "cm",
            "v1",
            "true",
            "ConfigMap",
            "create,delete,deletecollection,get,list,patch,update,watch",
            "namespaces",
            "ns",
            "leases",
            "workspaces",
            "ws",
            "kcp",
        ],
    ),
    works(
        "kubectl api-versions",
        &["coordination.k8s.io/v1", "core.kcp.io/v1alpha1", "events.k8s.io/v1", "tenancy.kcp.io/v1alpha1", "v1"],
    ),
    works("kubectl version", &["Server Version: v1."]),
    works("kubectl get --raw '/readyz?verbose'", &["[+]ping ok", "readyz check passed"]),
    works("kubectl get --raw /clusters/root/api/v1/namespaces/shop/secrets/password", &[r#""word":"cGlrZQ==""#]),
    works("kubectl auth whoami", &["Username", "kcp-admin", "Groups", "system:kcp:admin"]),
    works(
        "kubectl auth whoami --kubeconfig=anonymous --token=$(kubectl create token robot -n shop)",
        &[
            "Username",
            "system:serviceaccount:shop:robot",
            "Groups",
            "system:serviceaccounts system:serviceaccounts:shop",
        ],
    ),
    works(
        "kubectl apply -f objects.yaml --server-side",
        &[
            "configmap/settings serverside-applied",
            "secret/password serverside-applied",
            "serviceaccount/robot serverside-applied",
            "lease.coordination.k8s.io/turn serverside-applied",
        ],
    ),
    fails("kubectl get cm --token=wrong --kubeconfig=anonymous", &["Unauthorized"]),
];

const WORKSPACES: &[Step] = &[
    works("kubectl create -f org.yaml", &["workspace.tenancy.kcp.io/org created"]),
    works("kubectl wait ws/org --for=jsonpath='{.status.phase}'=Ready --timeout=5s", &["condition met"]),
    works(
        "kubectl get ws",
        &["NAME", "TYPE", "REGION", "PHASE", "URL", "AGE", "org", "universal", "local", "Ready", "/clusters/root:org"],
    ),
    works("kubectl label ws org team=a", &["workspace.tenancy.kcp.io/org labeled"]),
    fails(
        r#"kubectl patch ws org --type merge -p '{"spec":{"type":{"name":"other","path":"root"}}}'"#,
        &["spec.type is immutable"],
    ),
    works("kubectl -s $SERVER/clusters/root:org get ns -o name", &["namespace/default", "namespace/kube-system"]),
    works("kubectl -s $SERVER/clusters/root:org get sa default -o name", &["serviceaccount/default"]),
    works("kubectl -s $SERVER/clusters/root:org create -f org.yaml", &["created"]),
    works(
        "kubectl -s $SERVER/clusters/root:org get logicalcluster cluster -o jsonpath='{.metadata.annotations.kcp\\.io/path}'",
        &["root:org"],
    ),
    fails("kubectl delete ns kube-system", &["Forbidden"]),
    works("kubectl delete ws org", &[r#"workspace.tenancy.kcp.io "org" deleted"#]),
    fails("kubectl get ws org", &[r#"workspaces.tenancy.kcp.io "org" not found"#]),
    fails("kubectl -s $SERVER/clusters/root:org:org get cm", &["could not find the requested resource"]),
    works("kubectl create -f org.yaml; kubectl delete ws org", &["created", "deleted"]),
];

const DELETIONS: &[Step] = &[
    works("kubectl delete cm odd -n shop --now", &[r#"configmap "odd" deleted"#]),
    works("kubectl delete cm odd -n shop --ignore-not-found", &[]),
    works("kubectl delete sa robot -n shop --cascade=foreground", &[r#"serviceaccount "robot" deleted"#]),
    works("kubectl delete lease turn -n shop --cascade=orphan", &[r#""turn" deleted"#]),
    works(
        "kubectl delete cm,secret -n shop -l app=web",
        &[r#"configmap "settings" deleted"#, r#"secret "password" deleted"#],
    ),
    works("kubectl delete cm --all -n shop", &[r#"configmap "gen-"#]),
    works("kubectl apply -f objects.yaml", &["created"]),
    works(
        r#"kubectl patch cm settings -n shop --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'"#,
        &["patched"],
    ),
    works("kubectl delete ns shop --wait=false", &[r#"namespace "shop" deleted"#]),
    works(
        "kubectl wait ns/shop --for=condition=NamespaceFinalizersRemaining --timeout=10s; kubectl get ns shop",
        &["condition met", "shop", "Terminating"],
    ),
    fails("kubectl create -f generated.yaml", &["Forbidden", "because it is being terminated"]),
    works(
        r#"kubectl patch cm settings -n shop --type json -p '[{"op":"remove","path":"/metadata/finalizers"}]'"#,
        &["patched"],
    ),
    works("kubectl wait ns/shop --for=delete --timeout=20s", &[]),
    fails("kubectl get ns shop", &[r#"namespaces "shop" not found"#]),
];

#[test]
fn kubectl_walks_every_verb() -> Result<()> {
    if !kubectl_is_here() {
        return Ok(());
    }
    let mut federation = Federation::up("local", 1)?;
    let shell = Shell::new(&federation, &FILES)?;
    for steps in [WRITES, READS, WORKSPACES, DELETIONS] {
        shell.run_all(steps)?;
    }
    let mut watch = shell.command("exec kubectl get cm -n default --watch -o name").stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(watch.stdout.take().context("piped")?.take(4_096)).lines();
    // What every namespace has comes first; then the watch is there.
    let first = lines.next().context("a watch shows what there is")??;
    ensure!(first == "configmap/kube-root-ca.crt", "the watch shows {first:?}");
    shell.run(&works("sed 's/shop/default/; s/gen-/seen-/' generated.yaml | kubectl create -f -", &["created"]))?;
    let seen = lines.next().context("a watch shows what comes")??;
    watch.kill()?;
    watch.wait()?;
    ensure!(seen.starts_with("configmap/seen-"), "the watch shows {seen:?}");
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
