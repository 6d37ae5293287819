package main

import (
	"context"
	"strings"

	extensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	clientset "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Widget is a kind of our own, as a project with controller-runtime would write it.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WidgetSpec   `json:"spec,omitempty"`
	Status            WidgetStatus `json:"status,omitempty"`
}

// WidgetSpec is what a user wants.
type WidgetSpec struct {
	Colour   string   `json:"colour,omitempty"`
	Replicas int32    `json:"replicas"`
	Notes    []string `json:"notes,omitempty"`
}

// WidgetStatus is what the controller has made of it.
type WidgetStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Replicas           int32              `json:"replicas,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// WidgetList is a list of them.
type WidgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Widget `json:"items"`
}

// DeepCopyObject copies a widget.
func (w *Widget) DeepCopyObject() runtime.Object {
	copied := *w
	w.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	copied.Spec.Notes = append([]string(nil), w.Spec.Notes...)
	copied.Status.Conditions = append([]metav1.Condition(nil), w.Status.Conditions...)
	return &copied
}

// DeepCopyObject copies a list of widgets.
func (l *WidgetList) DeepCopyObject() runtime.Object {
	copied := *l
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	copied.Items = nil
	for index := range l.Items {
		copied.Items = append(copied.Items, *l.Items[index].DeepCopyObject().(*Widget))
	}
	return &copied
}

var (
	widgetVersion  = schema.GroupVersion{Group: "walk.hanse.example", Version: "v1"}
	widgetResource = widgetVersion.WithResource("widgets")
)

func registerWidgets(scheme *runtime.Scheme) {
	scheme.AddKnownTypes(widgetVersion, &Widget{}, &WidgetList{})
	metav1.AddToGroupVersion(scheme, widgetVersion)
}

// installWidgets makes the kind known. It is served by the very commit that makes it: nothing waits here.
func installWidgets(ctx context.Context, config *rest.Config) {
	client, err := clientset.NewForConfig(config)
	must(err, "clientset of extensions")
	made, err := client.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, definition("widgets.walk.hanse.example"), metav1.CreateOptions{})
	must(err, "create the definition of widgets")
	for _, condition := range made.Status.Conditions {
		if condition.Type == extensionsv1.Established && condition.Status == extensionsv1.ConditionTrue {
			return
		}
	}
	panic(failure{"the definition is not established by its creation: " + text(made.Status)})
}

// definition describes a kind like Widget, named after the definition.
func definition(name string) *extensionsv1.CustomResourceDefinition {
	plural, group, _ := strings.Cut(name, ".")
	singular := strings.TrimSuffix(plural, "s")
	kind := strings.ToUpper(singular[:1]) + singular[1:]
	text := func() extensionsv1.JSONSchemaProps { return extensionsv1.JSONSchemaProps{Type: "string"} }
	number := func(format string) extensionsv1.JSONSchemaProps {
		return extensionsv1.JSONSchemaProps{Type: "integer", Format: format}
	}
	moment := text()
	moment.Format = "date-time"
	condition := extensionsv1.JSONSchemaProps{
		Type: "object", Required: []string{"type", "status"},
		Properties: map[string]extensionsv1.JSONSchemaProps{
			"type": text(), "status": text(), "reason": text(), "message": text(), "lastTransitionTime": moment, "observedGeneration": number("int64"),
		},
	}
	colour := text()
	colour.Default = &extensionsv1.JSON{Raw: []byte(`"blue"`)}
	colour.MaxLength = pointer(int64(20))
	replicas := number("int32")
	replicas.Minimum = pointer(0.0)
	listed := text()
	schema := &extensionsv1.JSONSchemaProps{
		Type: "object",
		Properties: map[string]extensionsv1.JSONSchemaProps{
			"spec": {
				Type: "object", Required: []string{"replicas"},
				Properties: map[string]extensionsv1.JSONSchemaProps{
					"colour": colour, "replicas": replicas,
					"notes": {Type: "array", XListType: pointer("set"), MaxItems: pointer(int64(16)), Items: &extensionsv1.JSONSchemaPropsOrArray{Schema: &listed}},
				},
				XValidations: extensionsv1.ValidationRules{{Rule: "self.colour != 'forbidden'", Message: "forbidden is no colour"}},
			},
			"status": {
				Type: "object",
				Properties: map[string]extensionsv1.JSONSchemaProps{
					"observedGeneration": number("int64"), "replicas": number("int32"),
					"conditions": {
						Type: "array", XListType: pointer("map"), XListMapKeys: []string{"type"},
						Items: &extensionsv1.JSONSchemaPropsOrArray{Schema: &condition},
					},
				},
			},
		},
	}
	return &extensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: extensionsv1.CustomResourceDefinitionSpec{
			Group: group,
			Scope: extensionsv1.NamespaceScoped,
			Names: extensionsv1.CustomResourceDefinitionNames{Plural: plural, Singular: singular, Kind: kind, ListKind: kind + "List", Categories: []string{"walk"}},
			Versions: []extensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &extensionsv1.CustomResourceValidation{OpenAPIV3Schema: schema},
				Subresources: &extensionsv1.CustomResourceSubresources{
					Status: &extensionsv1.CustomResourceSubresourceStatus{},
					Scale:  &extensionsv1.CustomResourceSubresourceScale{SpecReplicasPath: ".spec.replicas", StatusReplicasPath: ".status.replicas"},
				},
				AdditionalPrinterColumns: []extensionsv1.CustomResourceColumnDefinition{
					{Name: "Colour", Type: "string", JSONPath: ".spec.colour"},
					{Name: "Replicas", Type: "integer", JSONPath: ".status.replicas"},
					{Name: "Age", Type: "date", JSONPath: ".metadata.creationTimestamp"},
				},
				SelectableFields: []extensionsv1.SelectableField{{JSONPath: ".spec.colour"}},
			}},
		},
	}
}

// widget is one to create.
func widget(name, colour string) *Widget {
	return &Widget{
		TypeMeta:   metav1.TypeMeta{APIVersion: widgetVersion.String(), Kind: "Widget"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec:       WidgetSpec{Colour: colour, Replicas: 1},
	}
}
