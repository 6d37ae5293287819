//! kubectl on built-in kinds and on custom resources: what a user of a Kubernetes 1.36 sees, step by step. The pieces that
//! a step shows are what upstream prints, for its messages are what scripts and people read.

mod files;

use anyhow::{Result, ensure};
use hanse_tests::federation::Federation;

use crate::shell::{Shell, Step, fails, kubectl_is_here, works};

const DEFINITION: &[Step] = &[
    works("kubectl create -f crd.yaml --dry-run=server", &["kiosks.example.com created (server dry run)"]),
    fails("kubectl get kiosks", &[r#"the server doesn't have a resource type "kiosks""#]),
    works(
        "kubectl create -f crd.yaml && kubectl create -f corner.yaml",
        &[
            "customresourcedefinition.apiextensions.k8s.io/kiosks.example.com created",
            "kiosk.example.com/corner created",
        ],
    ),
    works("kubectl wait crd/kiosks.example.com --for=condition=Established --timeout=5s", &["condition met"]),
    works(
        "kubectl get crd kiosks.example.com -o jsonpath='{range .status.conditions[*]}{.type}={.status}:{.reason}:{.message}\n{end}'",
        &[
            "NamesAccepted=True:NoConflicts:no conflicts found",
            "Established=True:InitialNamesAccepted:the initial names have been accepted",
        ],
    ),
    works(
        "kubectl get crd kiosks.example.com -o jsonpath='{.status.storedVersions}{.spec.conversion.strategy}'",
        &[r#"["v1"]None"#],
    ),
    works("kubectl get crd", &["NAME", "CREATED AT", "kiosks.example.com"]),
    works(
        "kubectl api-resources --api-group=example.com --no-headers",
        &["kiosks", "ki", "example.com/v1", "true", "Kiosk"],
    ),
    works("kubectl api-resources --categories=stands -o name", &["kiosks.example.com"]),
    works(
        "kubectl api-resources --api-group=example.com -o wide",
        &["VERBS", "CATEGORIES", "delete,deletecollection,get,list,patch,create,update,watch", "all,stands"],
    ),
    works("kubectl api-versions", &["apiextensions.k8s.io/v1", "example.com/v1\n", "example.com/v1beta1"]),
    works(
        "kubectl explain kiosk",
        &[
            "GROUP:      example.com",
            "KIND:       Kiosk",
            "VERSION:    v1",
            "A small house where things are sold.",
            "FIELDS:",
            "apiVersion\t<string>",
            "metadata\t<ObjectMeta>",
            "spec\t<Object> -required-",
            "status\t<Object>",
        ],
    ),
    works(
        "kubectl explain ki.spec",
        &[
            "FIELD: spec <Object>",
            "What the kiosk shall be.",
            "colour\t<string> -required-",
            "enum: red, green, blue",
            "Colour of the roof.",
            "extra\t<Object>",
            "max\t<integer>",
            "ports\t<[]Object>",
            "replicas\t<integer>",
            "tags\t<[]string>",
        ],
    ),
    works(
        "kubectl explain ki --recursive",
        &[
            "spec\t<Object> -required-",
            "ports\t<[]Object>",
            "name\t<string> -required-",
            "status\t<Object>",
            "conditions\t<[]Object>",
        ],
    ),
    works(
        "kubectl explain ki.spec --api-version=example.com/v1beta1",
        &["VERSION:    v1beta1", "FIELD: spec <Object>"],
    ),
    works("kubectl explain ki.metadata.ownerReferences.uid", &["FIELD: uid <string>"]),
    fails("kubectl explain ki.spec.wheels", &[r#"field "wheels" does not exist"#]),
    works(
        "kubectl explain crd.spec.versions.schema.openAPIV3Schema.x-kubernetes-validations",
        &["FIELD: x-kubernetes-validations <[]ValidationRule>", "rule\t<string> -required-"],
    ),
    works("kubectl explain quota.spec.scopeSelector", &["FIELD: scopeSelector <ScopeSelector>", "matchExpressions"]),
    works(
        "kubectl explain configmap --recursive",
        &["binaryData\t<map[string]string>", "ownerReferences\t<[]OwnerReference>", "uid\t<string> -required-"],
    ),
    fails(
        "kubectl create -f crd.yaml",
        &["AlreadyExists", r#"customresourcedefinitions.apiextensions.k8s.io "kiosks.example.com" already exists"#],
    ),
    fails(
        r#"kubectl patch crd kiosks.example.com --type=merge -p '{"spec":{"scope":"Cluster"}}'"#,
        &[
            r#"The CustomResourceDefinition "kiosks.example.com" is invalid: spec.scope: Invalid value: "Cluster": field is immutable"#,
        ],
    ),
    fails(
        r#"kubectl patch crd kiosks.example.com --type=json -p '[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations/0/rule","value":"self.wheels > 1"}]'"#,
        &["x-kubernetes-validations[0].rule: Invalid value:", "undefined field 'wheels'"],
    ),
];

/// What upstream adds where rules in CEL were left out, because the schema alone refuses the object.
const UNCHECKED: &str = "* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; \
    correct the existing errors to complete validation";

const CREATION: &[Step] = &[
    fails(
        "kubectl create -f corner.yaml",
        &["Error from server (AlreadyExists)", r#"kiosks.example.com "corner" already exists"#],
    ),
    works(
        "kubectl get ki corner -o jsonpath='{.spec.replicas}/{.spec.max}/{.spec.ports[0].protocol}/{.metadata.generation}'",
        &["1/5/TCP/1"],
    ),
    fails(
        "kubectl create -f pink.yaml",
        &[
            r#"The Kiosk "pink" is invalid:"#,
            r#"* spec.colour: Unsupported value: "pink": supported values: "red", "green", "blue""#,
            "* spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
            "* .spec.replicas: Invalid value: -1: should be a non-negative integer",
            UNCHECKED,
        ],
    ),
    fails(
        "kubectl create -f bare.yaml --validate=false",
        &[r#"The Kiosk "bare" is invalid:"#, "* spec: Required value", UNCHECKED],
    ),
    fails(
        "kubectl create -f many.yaml",
        &[r#"The Kiosk "many" is invalid: spec: Invalid value: replicas must not be above max"#],
    ),
    fails(
        "kubectl create -f word.yaml",
        &[
            r#"The Kiosk "word" is invalid:"#,
            r#"* spec.colour: Invalid value: "integer": spec.colour in body must be of type string: "integer""#,
            r#"* spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string""#,
        ],
    ),
    fails(
        "kubectl create -f twice.yaml",
        &[r#"* spec.ports[1]: Duplicate value: {"name":"a"}"#, r#"* spec.tags[1]: Duplicate value: "a""#],
    ),
    fails(
        "kubectl create -f odd.yaml",
        &[
            r#"Error from server (BadRequest): error when creating "odd.yaml": Kiosk in version "v1" cannot be handled as a Kiosk: strict decoding error: unknown field "spec.wheels""#,
        ],
    ),
    works(
        "kubectl create -f odd.yaml --validate=warn --dry-run=server",
        &["kiosk.example.com/odd created (server dry run)", r#"Warning: unknown field "spec.wheels""#],
    ),
    works(
        r#"echo "<$(kubectl create -f odd.yaml --validate=ignore 2>&1)>"; kubectl get ki odd -o jsonpath='{.spec}'"#,
        &["<kiosk.example.com/odd created>", r#"{"colour":"red","extra":{"any":1},"max":5,"replicas":1}"#],
    ),
    works(
        "kubectl create -f old.yaml",
        &[
            "kiosk.example.com/old created",
            "Warning: example.com/v1beta1 Kiosk is deprecated; use example.com/v1 Kiosk",
        ],
    ),
    works("kubectl get ki old -o jsonpath='{.apiVersion} {.spec.colour}'", &["example.com/v1 blue"]),
    works(
        "kubectl get kiosks.v1beta1.example.com old -o jsonpath='{.apiVersion}'",
        &["example.com/v1beta1", "Warning: example.com/v1beta1 Kiosk is deprecated"],
    ),
    works("kubectl create -f generated.yaml", &["kiosk.example.com/gen-", " created"]),
    works("kubectl delete ki -l '!street'", &[r#"kiosk.example.com "gen-"#, r#""odd" deleted"#, r#""old" deleted"#]),
    works(
        "kubectl apply -f stands.yaml",
        &[
            "kiosk.example.com/a created",
            "kiosk.example.com/b created",
            "configmap/beside created",
            "kiosk.example.com/c created",
        ],
    ),
    works("kubectl apply -f stands.yaml", &["a unchanged", "b unchanged", "beside unchanged", "c unchanged"]),
    works(
        "sed 's/replicas: 2/replicas: 5/' stands.yaml | kubectl apply -f -",
        &["a unchanged", "b configured", "beside unchanged", "c unchanged"],
    ),
    works("kubectl apply -f stands.yaml --dry-run=server", &["b configured (server dry run)"]),
    works("kubectl get ki b -o jsonpath='{.spec.replicas}/{.metadata.generation}'", &["5/2"]),
    works("kubectl apply -f stands.yaml", &["b configured"]),
    works("kubectl apply view-last-applied ki/b -o json", &[r#""colour": "blue""#, r#""replicas": 2"#]),
];

const READING: &[Step] = &[
    works("kubectl get ki", &["NAME", "COLOUR", "REPLICAS", "READY", "AGE", "a ", "green", "3", "corner", "red", "1"]),
    works(
        "kubectl get ki -o wide",
        &["NAME", "COLOUR", "REPLICAS", "READY", "NOTE", "AGE", "corner", "red", "1", "nice"],
    ),
    works("kubectl get kiosk corner -o name", &["kiosk.example.com/corner\n"]),
    works(
        "kubectl get kiosk,cm -o name",
        &["kiosk.example.com/a", "kiosk.example.com/corner", "configmap/beside", "configmap/kube-root-ca.crt"],
    ),
    works("kubectl get stands -o name", &["kiosk.example.com/corner"]),
    works("kubectl get all", &["NAME", "COLOUR", "corner", "red"]),
    works(
        "kubectl get ki --sort-by=.spec.replicas -o custom-columns=N:.metadata.name,R:.spec.replicas",
        &["N", "R", "corner", "1", "b", "2", "a", "3", "c", "4"],
    ),
    works("kubectl get ki --sort-by='{.spec.colour}' --no-headers", &["b ", "c ", "a ", "corner"]),
    works(
        "echo $(kubectl get ki --field-selector spec.colour=blue -o name)",
        &["kiosk.example.com/b kiosk.example.com/c\n"],
    ),
    works(
        "echo $(kubectl get ki --field-selector spec.colour!=blue,metadata.name!=a -o name)",
        &["kiosk.example.com/corner\n"],
    ),
    fails(
        "kubectl get ki --field-selector spec.note=nice",
        &[
            r#"Error from server (BadRequest): Unable to find "example.com/v1, Resource=kiosks" that match label selector "", field selector "spec.note=nice": field label not supported: spec.note"#,
        ],
    ),
    works("echo $(kubectl get ki -l row=1 -o name --chunk-size=1)", &["kiosk.example.com/a kiosk.example.com/b\n"]),
    works(
        "kubectl get ki --show-labels -L street",
        &["NAME", "AGE", "STREET", "LABELS", "corner", "main", "street=main"],
    ),
    works(
        "kubectl get ki corner -o yaml",
        &[
            "apiVersion: example.com/v1",
            "kind: Kiosk",
            "name: corner",
            "namespace: default",
            "spec:",
            "colour: red",
            "ports:",
            "- name: web",
            "number: 80",
            "protocol: TCP",
        ],
    ),
    works("kubectl get ki corner -o json", &[r#""apiVersion": "example.com/v1""#, r#""owner": "ann""#]),
    works(
        "kubectl get ki -o go-template='{{range .items}}{{.metadata.name}}:{{.spec.replicas}} {{end}}'",
        &["a:3 b:2 c:4 corner:1 "],
    ),
    works("kubectl get ki -o jsonpath='{.items[?(@.spec.replicas>2)].metadata.name}'", &["a c"]),
    fails(
        "kubectl get ki corner nobody",
        &["corner", r#"Error from server (NotFound): kiosks.example.com "nobody" not found"#],
    ),
    works(
        "kubectl describe ki corner",
        &[
            "Name:         corner",
            "Namespace:    default",
            "Labels:       street=main",
            "API Version:  example.com/v1",
            "Kind:         Kiosk",
            "Spec:",
            "Colour:",
            "red",
            "Ports:",
            "Number:    80",
            "Events:",
            "<none>",
        ],
    ),
    works(
        "sed s/UID/$(kubectl get ki corner -o jsonpath='{.metadata.uid}')/ kiosk-event.yaml | kubectl create -f -; kubectl describe ki corner",
        &["event/painted created", "Events:", "Normal", "Painted", "the roof is red"],
    ),
    works("kubectl events --for kiosk/corner", &["LAST SEEN", "Normal", "Painted", "Kiosk/corner", "the roof is red"]),
    works(
        "kubectl get --raw '/clusters/root/apis/example.com/v1/namespaces/default/kiosks?limit=1'",
        &[r#""kind":"KioskList""#, r#""continue":""#, r#""remainingItemCount":3"#, r#""name":"a""#],
    ),
    works(
        "kubectl get --raw /clusters/root/apis/example.com/v1",
        &[
            r#""kind":"APIResourceList""#,
            r#""groupVersion":"example.com/v1""#,
            r#""name":"kiosks/scale""#,
            r#""kind":"Scale""#,
        ],
    ),
    works(
        "kubectl get --raw /clusters/root/openapi/v3",
        &[r#""apis/example.com/v1":{"serverRelativeURL":"#, "apis/example.com/v1?hash="],
    ),
    works("kubectl auth can-i create kiosks", &["yes"]),
    works("kubectl auth can-i '*' '*' --all-namespaces", &["yes"]),
    works("kubectl auth whoami", &["ATTRIBUTE", "VALUE", "Username", "kcp-admin", "Groups", "system:authenticated"]),
    works("kubectl auth whoami -o jsonpath='{.status.userInfo.username}'", &["kcp-admin"]),
];

const CHANGES: &[Step] = &[
    works("kubectl label ki corner new=1", &["kiosk.example.com/corner labeled"]),
    works("kubectl label ki corner new=1", &["kiosk.example.com/corner not labeled"]),
    works("kubectl label ki --all seen=yes", &["a labeled", "b labeled", "c labeled", "corner labeled"]),
    works("kubectl label ki corner new- --list", &["street=main"]),
    fails(
        "kubectl label ki corner 'new=a b' --overwrite",
        &["a valid label must be an empty string or consist of alphanumeric characters"],
    ),
    works("kubectl annotate ki corner said=hello", &["kiosk.example.com/corner annotated"]),
    works("kubectl get ki corner -o jsonpath='{.metadata.generation}'", &["1"]),
    works(
        r#"kubectl patch ki corner --type=merge -p '{"spec":{"note":"new"}}'"#,
        &["kiosk.example.com/corner patched\n"],
    ),
    works(r#"kubectl patch ki corner --type=merge -p '{"spec":{"note":"new"}}'"#, &["patched (no change)"]),
    works(
        r#"kubectl patch ki corner --type=json -p '[{"op":"test","path":"/spec/note","value":"new"},{"op":"remove","path":"/spec/note"}]'"#,
        &["patched"],
    ),
    fails(
        r#"kubectl patch ki corner --type=json -p '[{"op":"test","path":"/spec/colour","value":"blue"}]'"#,
        &["The request is invalid: the server rejected our request due to an error in our request"],
    ),
    fails(
        r#"kubectl patch ki corner --type=strategic -p '{"spec":{"note":"new"}}'"#,
        &[
            "error: application/strategic-merge-patch+json is not supported by example.com/v1, Kind=Kiosk: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ],
    ),
    works(r#"kubectl get ki corner -o jsonpath='<{.spec.note}>{.metadata.generation}'"#, &["<>3"]),
    fails(
        r#"kubectl patch ki corner --type=merge -p '{"spec":{"owner":"bob"}}'"#,
        &[r#"The Kiosk "corner" is invalid: spec.owner: Invalid value: "bob": owner is immutable"#],
    ),
    fails(
        r#"kubectl patch ki corner --type=merge -p '{"spec":{"note":"far longer than it may be"}}'"#,
        &[r#"The Kiosk "corner" is invalid:"#, "* spec.note: Too long: may not be more than 12 bytes", UNCHECKED],
    ),
    works(
        r#"kubectl patch ki corner --type=merge -p '{"spec":{"note":"dry"}}' --dry-run=server -o jsonpath='{.spec.note}'; kubectl get ki corner -o jsonpath='<{.spec.note}>'"#,
        &["dry<>"],
    ),
    works(
        r#"kubectl patch ki corner --subresource=status --type=merge -p '{"spec":{"note":"x"},"status":{"replicas":1,"selector":"app=x","conditions":[{"type":"Ready","status":"True"}]}}'"#,
        &["patched"],
    ),
    works("kubectl wait ki/corner --for=condition=Ready --timeout=5s", &["kiosk.example.com/corner condition met"]),
    works("kubectl wait ki/corner --for=jsonpath='{.status.replicas}'=1 --timeout=5s", &["condition met"]),
    fails(
        "kubectl wait ki/corner --for=condition=Ready=false --timeout=1s",
        &["error: timed out waiting for the condition on kiosks/corner"],
    ),
    works(
        r#"kubectl patch ki corner --type=merge -p '{"status":{"replicas":7}}'; kubectl get ki corner -o jsonpath='{.status.replicas}<{.spec.note}>{.metadata.generation}'"#,
        &["patched (no change)", "1<>3"],
    ),
    works("kubectl get ki corner --subresource=status -o jsonpath='{.status.conditions[0].type}'", &["Ready"]),
    works("kubectl get ki", &["READY", "corner", "red", "1", "True"]),
    works("kubectl scale ki corner --replicas=3", &["kiosk.example.com/corner scaled"]),
    works("kubectl scale ki corner --replicas=2 --current-replicas=3", &["scaled"]),
    fails("kubectl scale ki corner --replicas=2 --current-replicas=3", &["error: Expected replicas to be 3, was 2"]),
    fails(
        "kubectl scale ki corner --replicas=9",
        &[r#"The Kiosk "corner" is invalid: spec: Invalid value: replicas must not be above max"#],
    ),
    works(
        "kubectl get ki corner --subresource=scale -o jsonpath='{.apiVersion} {.kind} {.spec.replicas} {.status.replicas} {.status.selector}'",
        &["autoscaling/v1 Scale 2 1 app=x"],
    ),
    fails("kubectl scale cm beside --replicas=2", &["the server could not find the requested resource"]),
    works("KUBE_EDITOR='sed -i s/red/green/' kubectl edit ki corner", &["kiosk.example.com/corner edited"]),
    works("KUBE_EDITOR=true kubectl edit ki corner", &["Edit cancelled, no changes made."]),
    fails(
        "KUBE_EDITOR='sed -i s/green/pink/' kubectl edit ki corner",
        &[
            r#"error: kiosks.example.com "corner" is invalid"#,
            "A copy of your changes has been stored to",
            "error: Edit cancelled, no valid changes were saved.",
        ],
    ),
    works(
        "KUBE_EDITOR='sed -i s/True/False/' kubectl edit ki corner --subresource=status",
        &["kiosk.example.com/corner edited"],
    ),
    works("kubectl get ki corner -o jsonpath='{.spec.colour}{.status.conditions[0].status}'", &["greenFalse"]),
    works("kubectl get ki corner -o yaml >held.yaml; sed -i s/green/red/ held.yaml", &[]),
    fails("kubectl diff -f held.yaml", &["-  colour: green", "+  colour: red"]),
    works("kubectl get ki corner -o yaml | kubectl diff -f -", &[]),
    works("kubectl replace -f held.yaml", &["kiosk.example.com/corner replaced"]),
    fails(
        "kubectl replace -f held.yaml",
        &[
            r#"Error from server (Conflict): error when replacing "held.yaml": Operation cannot be fulfilled on kiosks.example.com "corner": the object has been modified; please apply your changes to the latest version and try again"#,
        ],
    ),
    fails(
        "kubectl get ki corner -o json | grep -v resourceVersion | kubectl replace --raw /clusters/root/apis/example.com/v1/namespaces/default/kiosks/corner -f -",
        &[
            r#"The kiosks "corner" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"#,
        ],
    ),
    works(
        "kubectl replace --force -f corner.yaml",
        &[r#"kiosk.example.com "corner" deleted"#, "kiosk.example.com/corner replaced"],
    ),
    works("kubectl replace -f corner.yaml --dry-run=server", &["kiosk.example.com/corner replaced (server dry run)"]),
    fails(
        "sed 's/name: corner/name: none/' corner.yaml | kubectl replace -f -",
        &[r#"Error from server (NotFound): error when replacing "STDIN": kiosks.example.com "none" not found"#],
    ),
];

const APPLY: &[Step] = &[
    works("kubectl create ns yard", &["namespace/yard created"]),
    works("kubectl apply --server-side --field-manager=alpha -f plan.yaml", &["configmap/plan serverside-applied"]),
    fails(
        "kubectl apply --server-side --field-manager=beta -f plan-a.yaml",
        &[
            r#"error: Apply failed with 1 conflict: conflict with "alpha": .data.a"#,
            "Please review the fields above--they currently have other managers.",
        ],
    ),
    fails(
        "kubectl apply --server-side --field-manager=beta -f plan-b.yaml",
        &[r#"error: Apply failed with 2 conflicts: conflicts with "alpha":"#, "- .data.a", "- .data.b"],
    ),
    works("kubectl apply --server-side --field-manager=beta -f plan-a.yaml --force-conflicts", &["serverside-applied"]),
    works(
        r#"kubectl get cm plan -n yard --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager}:{.operation}:{.apiVersion}:{.fieldsType}:{.fieldsV1}{"\n"}{end}'"#,
        &[r#"alpha:Apply:v1:FieldsV1:{"f:data":{"f:b":{}}}"#, r#"beta:Apply:v1:FieldsV1:{"f:data":{"f:a":{}}}"#],
    ),
    works(
        "r() { kubectl get cm plan -n yard -o jsonpath='{.metadata.resourceVersion}'; }; a=$(r); kubectl apply --server-side --field-manager=beta -f plan-a.yaml; [ $a = $(r) ] && echo same",
        &["serverside-applied", "same"],
    ),
    works(r#"echo "<$(kubectl get cm plan -n yard -o yaml)>" | grep -c managedFields; true"#, &["0"]),
    works("kubectl patch cm plan -n yard -p '{\"data\":{\"a\":\"7\"}}'", &["patched"]),
    fails(
        "kubectl apply --server-side --field-manager=beta -f plan-a.yaml",
        &[r#"Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.a"#],
    ),
    works(
        "kubectl apply --server-side --field-manager=beta -f plan-a.yaml --force-conflicts --dry-run=server",
        &["configmap/plan serverside-applied (server dry run)"],
    ),
    works("kubectl get cm plan -n yard -o jsonpath='{.data}'", &[r#"{"a":"7","b":"2"}"#]),
    works(
        "sed '/^data:/d' plan.yaml | kubectl apply --server-side --field-manager=alpha -f -",
        &["serverside-applied"],
    ),
    works("kubectl get cm plan -n yard -o jsonpath='{.data}'", &[r#"{"a":"7"}"#]),
    // From client-side to server-side apply, and back.
    works("kubectl apply -f grown.yaml", &["configmap/grown created"]),
    works(
        "kubectl get cm grown -n yard --show-managed-fields -o jsonpath='{.metadata.managedFields[*].manager}'",
        &["kubectl-client-side-apply"],
    ),
    works("kubectl apply --server-side -f grown-c.yaml", &["configmap/grown serverside-applied"]),
    works(
        r#"kubectl get cm grown -n yard --show-managed-fields -o jsonpath='{.data}{range .metadata.managedFields[*]}{.manager}:{.operation} {end}'"#,
        &[r#"{"a":"1","c":"3"}"#, "kubectl:Apply "],
    ),
    works("kubectl apply -f grown.yaml", &["configmap/grown configured"]),
    works("kubectl get cm grown -n yard -o jsonpath='{.data}'", &[r#"{"a":"1","b":"2"}"#]),
    works("kubectl apply -f grown.yaml", &["configmap/grown unchanged"]),
    // The same on a custom resource, with a list whose items have a key.
    works("kubectl apply --server-side -f mine.yaml", &["kiosk.example.com/shared serverside-applied"]),
    fails(
        "kubectl apply --server-side --field-manager=them -f theirs.yaml",
        &[r#"Apply failed with 2 conflicts: conflicts with "kubectl":"#, "- .spec.colour", "- .spec.note"],
    ),
    works("kubectl apply --server-side --field-manager=them -f theirs.yaml --force-conflicts", &["serverside-applied"]),
    works(
        "kubectl get ki shared -o jsonpath='{.spec.colour} {.spec.ports[*].name} {.spec.ports[*].protocol} {.spec.note}'",
        &["blue web tls TCP TCP theirs"],
    ),
    works(
        r#"kubectl get ki shared --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager}:{.operation}:{.apiVersion}:{.fieldsV1}{"\n"}{end}'"#,
        &[
            r#"kubectl:Apply:example.com/v1:{"f:spec":{"f:ports":{"k:{\"name\":\"web\"}":{".":{},"f:name":{},"f:number":{}}}}}"#,
            r#"them:Apply:example.com/v1:{"f:spec":{"f:colour":{},"f:note":{},"f:ports":{"k:{\"name\":\"tls\"}":{".":{},"f:name":{},"f:number":{}}}}}"#,
        ],
    ),
    works("kubectl apply --server-side --field-manager=them -f theirs-less.yaml", &["serverside-applied"]),
    works("kubectl get ki shared -o jsonpath='{.spec.ports[*].name}'", &["web"]),
    works("kubectl scale ki shared --replicas=2", &["scaled"]),
    works(
        r#"kubectl get ki shared --show-managed-fields -o jsonpath='{range .metadata.managedFields[?(@.subresource=="scale")]}{.manager}:{.operation}:{.fieldsV1}{end}'"#,
        &[r#"kubectl:Update:{"f:spec":{"f:replicas":{}}}"#],
    ),
    fails(
        "sed 's/colour: red/colour: red, replicas: 4/' mine.yaml | kubectl apply --server-side --field-manager=third -f -",
        &[
            "Apply failed with",
            "conflicts",
            r#"conflicts with "kubectl" with subresource "scale" using example.com/v1"#,
            "- .spec.replicas",
        ],
    ),
    fails(
        "sed 's/colour: red/wheels: 3/' mine.yaml | kubectl apply --server-side --force-conflicts -f -",
        &[
            "failed to create typed patch object (default/shared; example.com/v1, Kind=Kiosk): .spec.wheels: field not declared in schema",
        ],
    ),
    fails(
        "sed 's/: red/: pink/' mine.yaml | kubectl apply --server-side --force-conflicts -f -",
        &[
            r#"The Kiosk "shared" is invalid:"#,
            r#"* spec.colour: Unsupported value: "pink": supported values: "red", "green", "blue""#,
            UNCHECKED,
        ],
    ),
    fails("kubectl diff --server-side --force-conflicts -f mine.yaml", &["-  colour: blue", "+  colour: red"]),
    works("kubectl delete ki shared", &["deleted"]),
];

const BUILT_IN: &[Step] = &[
    works("kubectl create -f three.yaml", &["configmap/first created", "configmap/second created"]),
    works("kubectl delete -f three.yaml", &[r#"configmap "first" deleted"#, r#"configmap "second" deleted"#]),
    fails(
        "kubectl create -f bad-names.yaml",
        &[
            r#"The ConfigMap "Bad_Name" is invalid:"#,
            r#"* metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#,
            r#"* metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"#,
        ],
    ),
    works(
        "kubectl create -f frozen.yaml; kubectl get secret frozen -n yard -o jsonpath='{.data.a}'",
        &["secret/frozen created", "Yg=="],
    ),
    fails(
        r#"kubectl patch secret frozen -n yard -p '{"stringData":{"a":"c"}}'"#,
        &[r#"The Secret "frozen" is invalid: data: Forbidden: field is immutable when `immutable` is set"#],
    ),
    fails(
        "kubectl create secret tls pair -n yard --cert=plan.yaml --key=plan.yaml",
        &["tls: failed to find any PEM data in certificate input"],
    ),
    works(
        "kubectl create secret docker-registry pull -n yard --docker-server=example.com --docker-username=u --docker-password=p",
        &["secret/pull created"],
    ),
    works("kubectl get secret pull -n yard -o jsonpath='{.type}'", &["kubernetes.io/dockerconfigjson"]),
    works("echo $(kubectl get secrets -n yard --field-selector type=Opaque -o name)", &["secret/frozen\n"]),
    fails("kubectl get secrets -n yard --field-selector data=1", &[r#"field label not supported: data"#]),
    // Quotas.
    works(
        "kubectl create quota tight -n yard --hard=count/configmaps=4,count/kiosks.example.com=1",
        &["resourcequota/tight created"],
    ),
    works(
        "kubectl wait quota/tight -n yard --for=jsonpath='{.status.used.count/configmaps}'=3 --timeout=10s",
        &["condition met"],
    ),
    works("kubectl create cm last -n yard", &["configmap/last created"]),
    fails(
        "kubectl create cm over -n yard",
        &[
            r#"error: failed to create configmap: configmaps "over" is forbidden: exceeded quota: tight, requested: count/configmaps=1, used: count/configmaps=4, limited: count/configmaps=4"#,
        ],
    ),
    works("kubectl create -n yard -f corner.yaml", &["created"]),
    fails(
        "kubectl create -n yard -f seen.yaml",
        &[
            r#"Error from server (Forbidden): error when creating "seen.yaml": kiosks.example.com "seen" is forbidden: exceeded quota: tight, requested: count/kiosks.example.com=1, used: count/kiosks.example.com=1, limited: count/kiosks.example.com=1"#,
        ],
    ),
    works(
        "kubectl wait quota/tight -n yard --for=jsonpath='{.status.used.count/configmaps}'=4 --timeout=10s",
        &["condition met"],
    ),
    works(
        "kubectl wait quota/tight -n yard --for=jsonpath='{.status.used.count/kiosks\\.example\\.com}'=1 --timeout=10s",
        &["condition met"],
    ),
    works(
        "kubectl describe quota tight -n yard",
        &[
            "Name:",
            "tight",
            "Resource",
            "Used",
            "Hard",
            "count/configmaps",
            "4",
            "4",
            "count/kiosks.example.com",
            "1",
            "1",
        ],
    ),
    works(
        "kubectl get quota -n yard",
        &["NAME", "REQUEST", "LIMIT", "AGE", "tight", "count/configmaps: 4/4, count/kiosks.example.com: 1/1"],
    ),
    works("kubectl describe ns yard", &["Resource Quotas", "Name:", "tight", "No LimitRange resource."]),
    works("kubectl delete quota tight -n yard && kubectl delete cm last -n yard", &["deleted", "deleted"]),
    // Who may do what.
    works("kubectl create -f role.yaml", &["role.rbac.authorization.k8s.io/reader created"]),
    works(
        "kubectl describe role reader -n yard",
        &["PolicyRule:", "Resources", "Non-Resource URLs", "Resource Names", "Verbs", "configmaps", "[get list]"],
    ),
    works(
        "kubectl create role writer -n yard --verb=create,update --resource=kiosks.example.com/status,cm",
        &["role.rbac.authorization.k8s.io/writer created"],
    ),
    works("kubectl get role writer -n yard -o jsonpath='{.rules[*].resources[*]}'", &["configmaps kiosks/status"]),
    works(
        "kubectl create rolebinding reads -n yard --role=reader --user=ann --serviceaccount=yard:default",
        &["rolebinding.rbac.authorization.k8s.io/reads created"],
    ),
    works(
        "kubectl get rolebinding -n yard -o wide",
        &["NAME", "ROLE", "AGE", "USERS", "GROUPS", "SERVICEACCOUNTS", "reads", "Role/reader", "ann", "yard/default"],
    ),
    works(
        "kubectl set subject rolebinding reads -n yard --user=bob",
        &["rolebinding.rbac.authorization.k8s.io/reads subjects updated"],
    ),
    fails(
        r#"kubectl patch rolebinding reads -n yard -p '{"roleRef":{"name":"writer"}}'"#,
        &[
            r#"The RoleBinding "reads" is invalid: roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"writer"}: cannot change roleRef"#,
        ],
    ),
    works(
        "kubectl create clusterrole see --verb=get --resource=kiosks --resource-name=corner",
        &["clusterrole.rbac.authorization.k8s.io/see created"],
    ),
    works(
        "kubectl label clusterrole see part=yes && kubectl create clusterrole whole --aggregation-rule=part=yes",
        &["labeled", "clusterrole.rbac.authorization.k8s.io/whole created"],
    ),
    works(
        "kubectl wait clusterrole/whole --for=jsonpath='{.rules[0].resourceNames[0]}'=corner --timeout=10s",
        &["condition met"],
    ),
    works(
        "kubectl create clusterrolebinding sees --clusterrole=see --group=people",
        &["clusterrolebinding.rbac.authorization.k8s.io/sees created"],
    ),
    works("kubectl auth reconcile -f role.yaml", &["role.rbac.authorization.k8s.io/reader reconciled"]),
    works(
        "kubectl delete clusterrole/see clusterrole/whole clusterrolebinding/sees",
        &["deleted", "deleted", "deleted"],
    ),
    // Requests for certificates.
    works("kubectl create -f request.yaml", &["certificatesigningrequest.certificates.k8s.io/someone created"]),
    works(
        "kubectl get csr",
        &[
            "NAME",
            "AGE",
            "SIGNERNAME",
            "REQUESTOR",
            "REQUESTEDDURATION",
            "CONDITION",
            "someone",
            "example.com/people",
            "kcp-admin",
            "<none>",
            "Pending",
        ],
    ),
    works("kubectl certificate approve someone", &["certificatesigningrequest.certificates.k8s.io/someone approved"]),
    works("kubectl wait csr/someone --for=condition=Approved --timeout=5s", &["condition met"]),
    works(
        "kubectl get csr someone -o jsonpath='{.status.conditions[0].reason}'; kubectl get csr",
        &["KubectlApprove", "Approved"],
    ),
    works(
        "kubectl describe csr someone",
        &[
            "Requesting User:",
            "kcp-admin",
            "Signer:",
            "example.com/people",
            "Status:",
            "Approved",
            "Common Name:",
            "someone",
            "Organization:",
            "people",
        ],
    ),
    fails("kubectl certificate deny someone", &[r#"certificate signing request "someone" is already Approved"#]),
    works("kubectl delete csr someone", &["deleted"]),
    // What is gone from the folder is gone from the server.
    works("kubectl apply -n yard -f set/", &["configmap/one created", "configmap/two created"]),
    works(
        "rm set/two.yaml; kubectl apply -n yard -f set/ --prune -l set=x --prune-allowlist=core/v1/ConfigMap",
        &["configmap/one unchanged", "configmap/two pruned"],
    ),
    works(
        "KUBECTL_APPLYSET=true kubectl apply -n default --prune --applyset=tools -f tools/",
        &["kiosk.example.com/tool", "configmap/tool"],
    ),
    works(
        "kubectl get secret tools -o jsonpath='{.metadata.annotations.applyset\\.kubernetes\\.io/contains-group-kinds}'",
        &["ConfigMap,Kiosk.example.com"],
    ),
    works(
        "rm tools/kiosk.yaml; KUBECTL_APPLYSET=true kubectl apply -n default --prune --applyset=tools -f tools/",
        &["configmap/tool unchanged", "kiosk.example.com/tool pruned"],
    ),
    works("kubectl apply -k kustom/", &["configmap/new-conf-", " created", "kiosk.example.com/new-booth created"]),
    works("kubectl get ki new-booth -o jsonpath='{.spec.note} {.metadata.labels.made}'", &["patched by-kustomize"]),
    works("kubectl diff -k kustom/ && kubectl delete -k kustom/", &["deleted", "deleted"]),
    works("kubectl version -o json", &[r#""serverVersion""#, r#""gitVersion": "v1."#]),
    works(
        "kubectl delete cm tool --dry-run=server && kubectl get cm tool -o name",
        &[r#"configmap "tool" deleted (server dry run)"#, "configmap/tool"],
    ),
];

const DELETION: &[Step] = &[
    works("sed 's/seen/owner/' seen.yaml | kubectl create -f -", &["created"]),
    works(OWNED, &["configmap/owned created"]),
    works(
        "kubectl delete ki owner --cascade=foreground && kubectl get cm owned --ignore-not-found && echo none",
        &[r#"kiosk.example.com "owner" deleted"#, "none"],
    ),
    works("sed 's/seen/owner/' seen.yaml | kubectl create -f -", &["created"]),
    works(OWNED, &["configmap/owned created"]),
    works("kubectl delete ki owner --cascade=orphan", &["deleted"]),
    works("kubectl get cm owned -o jsonpath='<{.metadata.ownerReferences}>'", &["<>"]),
    works("kubectl delete cm owned; sed 's/seen/owner/' seen.yaml | kubectl create -f -", &["deleted", "created"]),
    works(OWNED, &["configmap/owned created"]),
    works(
        "kubectl delete ki owner --cascade=background; kubectl wait --for=delete cm/owned --timeout=10s",
        &["deleted"],
    ),
    fails("kubectl get cm owned", &["NotFound"]),
    works(
        "kubectl create --raw /clusters/root/api/v1/namespaces/default/configmaps -f - <<<'{\"metadata\":{\"name\":\"lost\",\"ownerReferences\":[{\"apiVersion\":\"example.com/v1\",\"kind\":\"Kiosk\",\"name\":\"none\",\"uid\":\"00000000-0000-4000-8000-000000000000\"}]}}'; kubectl wait --for=delete cm/lost --timeout=10s",
        &["lost"],
    ),
    works(
        r#"kubectl patch ki a --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'; kubectl delete ki a --wait=false; kubectl get ki a -o jsonpath='{.metadata.deletionGracePeriodSeconds}{.metadata.generation}'"#,
        &["patched", "deleted", "02"],
    ),
    fails(
        r#"kubectl patch ki a --type=merge -p '{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}'"#,
        &[
            r#"The Kiosk "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/more"}"#,
        ],
    ),
    fails("kubectl wait --for=delete ki/a --timeout=1s", &["error: timed out waiting for the condition on kiosks/a"]),
    works(
        r#"kubectl patch ki a --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'; kubectl wait --for=delete ki/a --timeout=5s"#,
        &["patched"],
    ),
    // A namespace takes its custom resources with it.
    works(
        "kubectl get ki,cm,secret,role -n yard -o name",
        &["kiosk.example.com/corner", "configmap/", "secret/frozen", "role.rbac.authorization.k8s.io/reader"],
    ),
    works(
        "kubectl delete ns yard && kubectl get ki -A -o custom-columns=N:.metadata.namespace --no-headers | sort -u",
        &["deleted", "default\n"],
    ),
    fails("kubectl get ns yard", &[r#"Error from server (NotFound): namespaces "yard" not found"#]),
    // A definition waits for what holds its last object.
    works(r#"kubectl patch ki b --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'"#, &["patched"]),
    works(
        "kubectl delete crd kiosks.example.com --wait=false; kubectl wait crd/kiosks.example.com --for=condition=Terminating --timeout=10s",
        &["deleted", "condition met"],
    ),
    works("kubectl wait --for=delete ki/c --timeout=10s; echo $(kubectl get ki -o name)", &["kiosk.example.com/b\n"]),
    fails(
        "kubectl create -f seen.yaml",
        &[
            r#"Error from server (Forbidden): error when creating "seen.yaml": kiosks.example.com "seen" is forbidden: create not allowed while custom resource definition is terminating"#,
        ],
    ),
    works(
        r#"kubectl patch ki b --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'; kubectl wait --for=delete crd/kiosks.example.com --timeout=10s"#,
        &["patched"],
    ),
    // kubectl remembers the resource for a while.
    fails("kubectl get ki", &["Error from server (NotFound)", "the server could not find the requested resource"]),
    fails("rm -r .kube; kubectl get ki", &[r#"error: the server doesn't have a resource type "ki""#]),
    fails(
        "kubectl get --raw /clusters/root/apis/example.com/v1",
        &["the server could not find the requested resource"],
    ),
    works("kubectl api-resources --api-group=example.com -o name; echo end", &["end"]),
];

/// A config map that belongs to the kiosk `owner`, and keeps it from going first.
const OWNED: &str = r#"kubectl create -f - <<E
apiVersion: v1
kind: ConfigMap
metadata:
  name: owned
  ownerReferences: [{apiVersion: example.com/v1, kind: Kiosk, name: owner, uid: $(kubectl get ki owner -o jsonpath='{.metadata.uid}'), blockOwnerDeletion: true}]
E"#;

/// The object is made when the watch has shown its first line, changed when it has shown the object, then deleted.
const WATCH: Step = works(
    r#"while read -r line; do
    echo "$line"
    case "$line" in
    *corner*) kubectl create -f seen.yaml >&2;;
    ADDED*seen*) kubectl patch ki seen --type=merge -p '{"spec":{"colour":"blue"}}' >&2;;
    MODIFIED*seen*) kubectl delete ki seen >&2;;
    DELETED*seen*) break;;
    esac
done < <(exec kubectl get ki -l 'row!=1,row!=2' --watch --output-watch-events); kill $!"#,
    &[
        "EVENT", "NAME", "COLOUR", "ADDED", "corner", "red", "ADDED", "seen", "red", "MODIFIED", "seen", "blue",
        "DELETED", "seen",
    ],
);

#[test]
fn kubectl_walks_built_in_kinds_and_custom_resources_as_on_kubernetes() -> Result<()> {
    if !kubectl_is_here() {
        return Ok(());
    }
    let mut federation = Federation::up("local", 1)?;
    let shell = Shell::new(&federation, &files::FILES)?;
    let mut wrong = Vec::new();
    for steps in [DEFINITION, CREATION, READING, CHANGES, &[WATCH], APPLY, BUILT_IN, DELETION] {
        wrong.extend(shell.run_all(steps).err().map(|error| format!("{error:#}")));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    ensure!(federation.panics()?.is_empty(), "{:?}", federation.panics()?);
    federation.stop()
}
