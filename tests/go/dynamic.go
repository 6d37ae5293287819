package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// dynamicClients walks the clients that learn from the server what there is.
func dynamicClients(ctx context.Context, stage *stage) string {
	transport, err := rest.HTTPClientFor(stage.config)
	must(err, "transport")
	mapper, err := apiutil.NewDynamicRESTMapper(stage.config, transport)
	must(err, "a lazy mapper")
	_, err = mapper.RESTMapping(widgetVersion.WithKind("Widget").GroupKind())
	check(err != nil, "widgets are known before their definition")
	installWidgets(ctx, stage.config)
	mapping, err := mapper.RESTMapping(widgetVersion.WithKind("Widget").GroupKind())
	must(err, "a lazy mapper finds a kind that has just come")
	check(mapping.Resource == widgetResource && mapping.Scope.Name() == "namespace", "mapped to %v", mapping)

	resources := discovered(stage)
	documents := documented(stage)
	customObjects(ctx, stage)
	partialObjects(ctx, stage)
	rows := tables(ctx, stage)
	scaled(ctx, stage)
	return fmt.Sprintf("%d resources discovered both ways, %d documents, %d tables", resources, documents, rows)
}

// discovered compares aggregated with classic discovery and says how many resources there are.
func discovered(stage *stage) int {
	client, err := discovery.NewDiscoveryClientForConfig(stage.config)
	must(err, "discovery client")
	version, err := client.ServerVersion()
	must(err, "version")
	check(version.Major == "1" && version.Minor != "", "version %s", text(version))
	_, aggregated, err := client.ServerGroupsAndResources()
	must(err, "aggregated discovery")
	check(stage.traffic.asked("GET "+path(stage, "/apis/walk.hanse.example/v1")) == 0, "discovery is not aggregated")
	client.UseLegacyDiscovery = true
	_, classic, err := client.ServerGroupsAndResources()
	must(err, "classic discovery")
	one, other := flat(aggregated), flat(classic)
	check(slices.Equal(one, other), "aggregated %v, classic %v", sets.New(one...).Difference(sets.New(other...)), sets.New(other...).Difference(sets.New(one...)))
	check(slices.ContainsFunc(one, func(line string) bool {
		return strings.HasPrefix(line, "walk.hanse.example/v1 widgets widget Widget true")
	}), "widgets in %v", one)
	preferred, err := client.ServerPreferredResources()
	must(err, "preferred resources")
	check(len(preferred) > 5, "%d preferred", len(preferred))

	cached := memory.NewMemCacheClient(client)
	mapper := restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(cached), cached, func(string) {})
	for short, long := range map[string]schema.GroupVersionResource{
		"cm": corev1.SchemeGroupVersion.WithResource("configmaps"), "crd": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
		"widget": widgetResource, "ws": workspaces,
	} {
		found, err := mapper.ResourceFor(schema.GroupVersionResource{Resource: short})
		must(err, "what is %s", short)
		check(found == long, "%s is %v", short, found)
	}
	categories, known := restmapper.NewDiscoveryCategoryExpander(cached).Expand("walk")
	check(known && len(categories) == 1 && categories[0].Resource == "widgets", "category: %v", categories)
	return len(one)
}

// flat is a line for each resource, with what one way of discovery leaves out and the other repeats put on one footing.
func flat(lists []*metav1.APIResourceList) []string {
	var lines []string
	for _, list := range lists {
		own, err := schema.ParseGroupVersion(list.GroupVersion)
		must(err, "a group and version")
		for _, resource := range list.APIResources {
			if resource.Version == "" {
				resource.Group, resource.Version = own.Group, own.Version
			}
			if strings.Contains(resource.Name, "/") {
				resource.SingularName = ""
			}
			verbs := slices.Sorted(slices.Values(resource.Verbs))
			lines = append(lines, fmt.Sprintf("%s %s %s %s %t %v %v %v %s/%s", list.GroupVersion, resource.Name, resource.SingularName, resource.Kind,
				resource.Namespaced, verbs, resource.ShortNames, resource.Categories, resource.Group, resource.Version))
		}
	}
	slices.Sort(lines)
	return lines
}

// documented reads OpenAPI in both versions and says how many documents there are.
func documented(stage *stage) int {
	client, err := discovery.NewDiscoveryClientForConfig(stage.config)
	must(err, "discovery client")
	old, err := client.OpenAPISchema()
	must(err, "OpenAPI v2")
	names := sets.New[string]()
	for _, definition := range old.GetDefinitions().GetAdditionalProperties() {
		names.Insert(definition.GetName())
	}
	check(names.HasAll("io.k8s.api.core.v1.ConfigMap", "example.hanse.walk.v1.Widget"), "definitions in v2: %d", len(names))
	root := openapi3.NewRoot(client.OpenAPIV3())
	versions, err := root.GroupVersions()
	must(err, "OpenAPI v3")
	_, lists, err := client.ServerGroupsAndResources()
	must(err, "discovery")
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		must(err, "a group and version")
		check(slices.Contains(versions, version), "%s has no document", list.GroupVersion)
		document, err := root.GVSpec(version)
		must(err, "document of %s", list.GroupVersion)
		kinds := sets.New[string]()
		for _, component := range document.Components.Schemas {
			var ids []metav1.GroupVersionKind
			if err := component.Extensions.GetObject("x-kubernetes-group-version-kind", &ids); err == nil {
				for _, id := range ids {
					kinds.Insert(id.Kind)
				}
			}
		}
		for _, resource := range list.APIResources {
			foreign := resource.Group != "" && resource.Group != version.Group
			check(foreign || kinds.Has(resource.Kind), "the document of %s lacks %s of %s", list.GroupVersion, resource.Kind, resource.Name)
		}
		check(len(document.Paths.Paths) >= len(list.APIResources), "the document of %s has %d paths", list.GroupVersion, len(document.Paths.Paths))
	}
	return len(versions)
}

// customObjects walks widgets with the dynamic client.
func customObjects(ctx context.Context, stage *stage) {
	client, err := dynamic.NewForConfig(stage.config)
	must(err, "dynamic client")
	widgets := client.Resource(widgetResource).Namespace("default")
	made, err := widgets.Create(ctx, loose("one", map[string]any{"replicas": int64(2)}), metav1.CreateOptions{})
	must(err, "create")
	colour, _, _ := unstructured.NestedString(made.Object, "spec", "colour")
	check(colour == "blue" && made.GetGeneration() == 1, "defaulted: %s", text(made))
	_, err = widgets.Create(ctx, loose("bad", map[string]any{"replicas": int64(-1), "colour": "forbidden"}), metav1.CreateOptions{})
	check(apierrors.IsInvalid(err), "an invalid widget: %v", err)
	for _, reason := range []string{
		"spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
	} {
		check(strings.Contains(err.Error(), reason), "%v lacks %q", err, reason)
	}
	_, err = widgets.Create(ctx, loose("bad", map[string]any{"replicas": int64(1), "colour": "forbidden"}), metav1.CreateOptions{})
	check(apierrors.IsInvalid(err) && strings.Contains(err.Error(), "forbidden is no colour"), "a rule: %v", err)
	_, err = widgets.Create(ctx, loose("bad", map[string]any{"replicas": int64(1), "size": int64(1)}), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	check(apierrors.IsBadRequest(err) && strings.Contains(err.Error(), `unknown field "spec.size"`), "an unknown field: %v", err)

	must(unstructured.SetNestedField(made.Object, int64(7), "status", "replicas"), "set")
	kept, err := widgets.Update(ctx, made, metav1.UpdateOptions{})
	must(err, "update")
	_, told, _ := unstructured.NestedInt64(kept.Object, "status", "replicas")
	check(!told && kept.GetGeneration() == 1 && kept.GetResourceVersion() == made.GetResourceVersion(), "an update writes the status: %s", text(kept))
	must(unstructured.SetNestedField(kept.Object, int64(7), "status", "replicas"), "set")
	kept, err = widgets.UpdateStatus(ctx, kept, metav1.UpdateOptions{})
	must(err, "update the status")
	replicas, _, _ := unstructured.NestedInt64(kept.Object, "status", "replicas")
	check(replicas == 7 && kept.GetGeneration() == 1, "status %s", text(kept))
	patched, err := widgets.Patch(ctx, "one", types.MergePatchType, []byte(`{"spec":{"colour":"red","notes":["a"]}}`), metav1.PatchOptions{})
	must(err, "patch")
	check(patched.GetGeneration() == 2, "generation %d", patched.GetGeneration())
	_, err = widgets.Patch(ctx, "one", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
	check(apierrors.IsUnsupportedMediaType(err), "a strategic patch of a custom resource: %v", err)
	applied, err := widgets.Apply(ctx, "one", loose("one", map[string]any{"notes": []any{"b"}}), metav1.ApplyOptions{FieldManager: "me"})
	must(err, "apply")
	notes, _, _ := unstructured.NestedStringSlice(applied.Object, "spec", "notes")
	check(slices.Equal(notes, []string{"a", "b"}), "notes are a set: %v", notes)
	state := loose("one", nil)
	must(unstructured.SetNestedField(state.Object, int64(9), "status", "replicas"), "set")
	applied, err = widgets.ApplyStatus(ctx, "one", state, metav1.ApplyOptions{FieldManager: "me", Force: true})
	must(err, "apply the status")
	replicas, _, _ = unstructured.NestedInt64(applied.Object, "status", "replicas")
	check(replicas == 9, "status applied: %s", text(applied))
	red, err := widgets.List(ctx, metav1.ListOptions{FieldSelector: "spec.colour=red"})
	must(err, "list by a selectable field")
	check(len(red.Items) == 1, "%d are red", len(red.Items))

	foreground := metav1.DeletePropagationForeground
	must(widgets.Delete(ctx, "one", metav1.DeleteOptions{PropagationPolicy: &foreground}), "delete in the foreground")
	eventually(ctx, 20*time.Second, "one goes", func() string {
		_, err := widgets.Get(ctx, "one", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		return fmt.Sprint(err)
	})
}

func loose(name string, spec map[string]any) *unstructured.Unstructured {
	object := map[string]any{"apiVersion": widgetVersion.String(), "kind": "Widget", "metadata": map[string]any{"name": name, "namespace": "default"}}
	if spec != nil {
		object["spec"] = spec
	}
	return &unstructured.Unstructured{Object: object}
}

// partialObjects walks objects of both sorts with the client that sees metadata only.
func partialObjects(ctx context.Context, stage *stage) {
	client, err := metadata.NewForConfig(stage.config)
	must(err, "metadata client")
	whole, err := dynamic.NewForConfig(stage.config)
	must(err, "dynamic client")
	maps := corev1.SchemeGroupVersion.WithResource("configmaps")
	for resource, made := range map[schema.GroupVersionResource]*unstructured.Unstructured{
		widgetResource: loose("partial", map[string]any{"replicas": int64(1)}),
		maps: {Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "partial", "namespace": "default"}, "data": map[string]any{"a": "b"},
		}},
	} {
		partial := client.Resource(resource).Namespace("default")
		before, err := partial.List(ctx, metav1.ListOptions{LabelSelector: "partial"})
		must(err, "list metadata of %s", resource.Resource)
		events, err := partial.Watch(ctx, metav1.ListOptions{ResourceVersion: before.ResourceVersion, LabelSelector: "partial"})
		must(err, "watch metadata of %s", resource.Resource)
		made.SetLabels(map[string]string{"partial": "1"})
		_, err = whole.Resource(resource).Namespace("default").Create(ctx, made, metav1.CreateOptions{})
		must(err, "create")
		seen, err := partial.Get(ctx, "partial", metav1.GetOptions{})
		must(err, "metadata of %s", resource.Resource)
		check(seen.Labels["partial"] == "1" && seen.UID != "", "partial: %s", text(seen))
		seen, err = partial.Patch(ctx, "partial", types.MergePatchType, []byte(`{"metadata":{"annotations":{"seen":"1"}}}`), metav1.PatchOptions{})
		must(err, "patch metadata of %s", resource.Resource)
		check(seen.Annotations["seen"] == "1", "patched: %s", text(seen))
		list, err := partial.List(ctx, metav1.ListOptions{LabelSelector: "partial"})
		must(err, "list metadata")
		check(len(list.Items) == 1 && list.Items[0].UID == seen.UID, "listed: %s", text(list))
		must(partial.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "partial"}), "delete the collection")
		for _, wanted := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
			select {
			case event := <-events.ResultChan():
				told, ok := event.Object.(*metav1.PartialObjectMetadata)
				check(ok && event.Type == wanted && told.Name == "partial", "%s in place of %s: %s", event.Type, wanted, text(event.Object))
			case <-time.After(10 * time.Second):
				panic(failure{fmt.Sprintf("the watch of metadata of %s lacks %s", resource.Resource, wanted)})
			}
		}
		events.Stop()
	}
}

// tables asks for the tables that kubectl prints, of every resource that can be listed.
func tables(ctx context.Context, stage *stage) int {
	client, err := discovery.NewDiscoveryClientForConfig(stage.config)
	must(err, "discovery client")
	transport, err := rest.HTTPClientFor(stage.config)
	must(err, "transport")
	lists, err := client.ServerPreferredResources()
	must(err, "preferred resources")
	count := 0
	for _, list := range lists {
		prefix := "/apis/" + list.GroupVersion
		if list.GroupVersion == "v1" {
			prefix = "/api/v1"
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") {
				continue
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, stage.config.Host+prefix+"/"+resource.Name, nil)
			must(err, "a request")
			request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
			answer, err := transport.Do(request)
			must(err, "table of %s", resource.Name)
			body, err := io.ReadAll(answer.Body)
			must(err, "table of %s", resource.Name)
			must(answer.Body.Close(), "close")
			var table metav1.Table
			must(json.Unmarshal(body, &table), "table of %s", resource.Name)
			named := slices.ContainsFunc(table.ColumnDefinitions, func(column metav1.TableColumnDefinition) bool { return column.Format == "name" })
			check(table.Kind == "Table" && named, "table of %s: %s", resource.Name, body)
			for _, row := range table.Rows {
				check(len(row.Cells) == len(table.ColumnDefinitions), "a row of %s: %s", resource.Name, text(row))
			}
			count++
		}
	}
	return count
}

// scaled walks the scale of a custom resource, as an autoscaler does.
func scaled(ctx context.Context, stage *stage) {
	client, err := dynamic.NewForConfig(stage.config)
	must(err, "dynamic client")
	widgets := client.Resource(widgetResource).Namespace("default")
	_, err = widgets.Create(ctx, loose("scaled", map[string]any{"replicas": int64(1)}), metav1.CreateOptions{})
	must(err, "create")
	disco, err := discovery.NewDiscoveryClientForConfig(stage.config)
	must(err, "discovery client")
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	scales, err := scale.NewForConfig(stage.config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(disco))
	must(err, "scale client")
	seen, err := scales.Scales("default").Get(ctx, widgetResource.GroupResource(), "scaled", metav1.GetOptions{})
	must(err, "get the scale")
	seen.Spec.Replicas = 5
	seen, err = scales.Scales("default").Update(ctx, widgetResource.GroupResource(), seen, metav1.UpdateOptions{})
	must(err, "update the scale")
	check(seen.Spec.Replicas == 5, "scaled to %d", seen.Spec.Replicas)
	read, err := widgets.Get(ctx, "scaled", metav1.GetOptions{})
	must(err, "get")
	replicas, _, _ := unstructured.NestedInt64(read.Object, "spec", "replicas")
	check(replicas == 5 && read.GetGeneration() == 2, "scaled: %s", text(maps.Clone(read.Object)))
}

func path(stage *stage, rest string) string {
	_, below, _ := strings.Cut(stage.config.Host, "://")
	_, below, _ = strings.Cut(below, "/")
	return "/" + below + rest
}
