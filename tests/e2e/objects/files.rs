//! The files that the steps use.

/// Names below the shell's directory, with their texts.
pub(super) const FILES: [(&str, &str); 33] = [
    ("crd.yaml", CRD),
    ("corner.yaml", CORNER),
    ("stands.yaml", STANDS),
    (
        "pink.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: pink}\nspec: {colour: pink, replicas: -1}\n",
    ),
    ("bare.yaml", "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: bare}\n"),
    (
        "many.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: many}\nspec: {colour: red, replicas: 9}\n",
    ),
    (
        "odd.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: odd}\nspec: {colour: red, wheels: 4, extra: {any: 1}}\n",
    ),
    (
        "word.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: word}\nspec: {colour: 3, replicas: two}\n",
    ),
    (
        "twice.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: twice}\nspec: {colour: red, tags: [a, a], ports: \
         [{name: a}, {name: a}]}\n",
    ),
    ("old.yaml", "apiVersion: example.com/v1beta1\nkind: Kiosk\nmetadata: {name: old}\nspec: {colour: blue}\n"),
    (
        "generated.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {generateName: gen-}\nspec: {colour: red}\n",
    ),
    ("seen.yaml", "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: seen}\nspec: {colour: red}\n"),
    (
        "mine.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: shared}\nspec: {colour: red, note: mine, ports: [{name: \
         web, number: 80}]}\n",
    ),
    (
        "theirs.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: shared}\nspec: {colour: blue, note: theirs, ports: \
         [{name: tls, number: 443}]}\n",
    ),
    (
        "theirs-less.yaml",
        "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: shared}\nspec: {colour: blue, note: theirs}\n",
    ),
    (
        "kiosk-event.yaml",
        r#"apiVersion: v1
kind: Event
metadata: {name: painted, namespace: default}
involvedObject: {apiVersion: example.com/v1, kind: Kiosk, name: corner, namespace: default, uid: UID}
reason: Painted
message: the roof is red
type: Normal
count: 1
"#,
    ),
    ("plan.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plan, namespace: yard}\ndata: {a: '1', b: '2'}\n"),
    (
        "plan-b.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plan, namespace: yard}\ndata: {a: '9', b: '8'}\n",
    ),
    ("plan-a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plan, namespace: yard}\ndata: {a: '9'}\n"),
    (
        "grown.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: grown, namespace: yard}\ndata: {a: '1', b: '2'}\n",
    ),
    (
        "grown-c.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: grown, namespace: yard}\ndata: {a: '1', c: '3'}\n",
    ),
    ("three.yaml", THREE),
    ("set/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: yard, labels: {set: x}}\n"),
    ("set/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, namespace: yard, labels: {set: x}}\n"),
    ("tools/kiosk.yaml", "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: tool}\nspec: {colour: red}\n"),
    ("tools/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tool}\n"),
    ("kustom/kustomization.yaml", KUSTOMIZATION),
    ("kustom/kiosk.yaml", "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: booth}\nspec: {colour: green}\n"),
    ("kustom/patch.yaml", "apiVersion: example.com/v1\nkind: Kiosk\nmetadata: {name: booth}\nspec: {note: patched}\n"),
    ("request.yaml", REQUEST),
    (
        "frozen.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: frozen, namespace: yard}\nimmutable: true\nstringData: {a: b}\n",
    ),
    (
        "bad-names.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name, namespace: yard, labels: {'a b': c}}\n",
    ),
    ("role.yaml", ROLE),
];

/// A definition of two versions, with everything that a definition can say of a version.
const CRD: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kiosks.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: kiosks, singular: kiosk, kind: Kiosk, listKind: KioskList, shortNames: [ki], categories: [all, stands]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
    selectableFields: [{jsonPath: .spec.colour}]
    additionalPrinterColumns:
    - {name: Colour, type: string, jsonPath: .spec.colour}
    - {name: Replicas, type: integer, jsonPath: .spec.replicas}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Note, type: string, priority: 1, jsonPath: .spec.note}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A small house where things are sold.
        required: [spec]
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          spec:
            type: object
            description: What the kiosk shall be.
            required: [colour]
            x-kubernetes-validations:
            - {rule: self.replicas <= self.max, message: replicas must not be above max}
            properties:
              colour: {type: string, enum: [red, green, blue], description: Colour of the roof.}
              replicas: {type: integer, format: int32, minimum: 0, default: 1}
              max: {type: integer, default: 5}
              note: {type: string, maxLength: 12}
              owner:
                type: string
                x-kubernetes-validations:
                - {rule: self == oldSelf, message: owner is immutable}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              ports:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    number: {type: integer}
                    protocol: {type: string, default: TCP}
              extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status:
            type: object
            properties:
              replicas: {type: integer}
              selector: {type: string}
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status]
                  properties:
                    type: {type: string}
                    status: {type: string}
                    reason: {type: string}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, description: What the kiosk shall be., x-kubernetes-preserve-unknown-fields: true}
"#;

const CORNER: &str = r#"apiVersion: example.com/v1
kind: Kiosk
metadata: {name: corner, labels: {street: main}}
spec: {colour: red, note: nice, owner: ann, ports: [{name: web, number: 80}]}
"#;

const STANDS: &str = r#"apiVersion: example.com/v1
kind: Kiosk
metadata: {name: a, labels: {row: "1"}}
spec: {colour: green, replicas: 3}
---
apiVersion: example.com/v1
kind: Kiosk
metadata: {name: b, labels: {row: "1"}}
spec: {colour: blue, replicas: 2}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: beside}
---
apiVersion: example.com/v1
kind: Kiosk
metadata: {name: c, labels: {row: "2"}}
spec: {colour: blue, replicas: 4}
"#;

const THREE: &str = r#"apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: first, namespace: yard}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: second, namespace: yard}
"#;

const KUSTOMIZATION: &str = r#"namePrefix: new-
resources: [kiosk.yaml]
configMapGenerator:
- name: conf
  literals: [a=b]
patches:
- path: patch.yaml
labels:
- pairs: {made: by-kustomize}
"#;

/// The request is one of openssl's, for CN=someone, O=people, with an Ed25519 key that nobody has.
const REQUEST: &str = r#"apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: someone}
spec:
  signerName: example.com/people
  usages: [client auth]
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHaU1GWUNBUUF3SXpFUE1BMEdBMVVFQ2d3R2NHVnZjR3hsTVJBd0RnWURWUVFEREFkemIyMWxiMjVsTUNvdwpCUVlESzJWd0F5RUFTb0VUVnhlY21Bbnl4NW9HWVd5ejJ2Z3lMUnJvOTQzS2YzclM5NnVpZUVDZ0FEQUZCZ01yClpYQURRUUJGWWVZTER6MThXN0ZsdHdqS3g2SW96LzFmS2ZyQyt5Tm1hQmtBUjA1aHJINVJScnNkVzBxcmtlNGMKZXhkRVNFOGNFNHlOZURDd0Ntc0F6aHRPajZFTQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K
"#;

const ROLE: &str = r#"apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: yard}
rules:
- {apiGroups: [""], resources: [configmaps, secrets], verbs: [get, list]}
"#;
