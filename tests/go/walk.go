package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

type object interface {
	runtime.Object
	metav1.Object
}

// client is what every typed client of a resource can do.
type client[T object, L runtime.Object] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
	Get(context.Context, string, metav1.GetOptions) (T, error)
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (T, error)
}

// applier is a client with server-side apply.
type applier[T, A any] interface {
	Apply(context.Context, A, metav1.ApplyOptions) (T, error)
}

// collector is a client that deletes by selector; that of namespaces does not.
type collector interface {
	DeleteCollection(context.Context, metav1.DeleteOptions, metav1.ListOptions) error
}

// subject is a kind under test.
type subject[T object, A any] struct {
	kind string
	// make gives an object that may be created.
	make func(name string) T
	// change changes something that may change; changed sees it.
	change  func(T)
	changed func(T) bool
	// apply gives what a manager wants of one field; applied reads it.
	apply   func(name, value string) A
	applied func(T) string
	// name makes names that the kind allows; the identity if there is none.
	name func(string) string
	// single says that the kind is not deleted by selector.
	single bool
}

const few = 5

// walk does with a kind all that a typed client can do, under the eyes of a watch.
func walk[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A]) {
	defer func() {
		if reason := recover(); reason != nil {
			if known, ok := reason.(failure); ok {
				panic(failure{subject.kind + ": " + known.reason})
			}
			panic(reason)
		}
	}()
	mine := metav1.ListOptions{LabelSelector: "walk=" + strings.ToLower(subject.kind)}
	empty, err := typed.List(ctx, mine)
	must(err, "list nothing")
	check(meta.LenList(empty) == 0, "there are %d objects before the first", meta.LenList(empty))
	events := watching(ctx, typed, mine, empty)

	names := createFew(ctx, typed, subject)
	readBack(ctx, typed, subject, names, mine)
	update(ctx, typed, subject, names[0])
	patches(ctx, typed, subject, names[1])
	if apply, ok := any(typed).(applier[T, A]); ok && subject.apply != nil {
		applies(ctx, typed, apply, subject, names[2])
	}
	deletes(ctx, typed, subject, names[3])
	if all, ok := any(typed).(collector); ok && !subject.single {
		must(all.DeleteCollection(ctx, metav1.DeleteOptions{}, mine), "delete the collection")
	} else {
		for _, name := range append(slices.Clone(names[:3]), names[4]) {
			must(typed.Delete(ctx, name, metav1.DeleteOptions{}), "delete %s", name)
		}
	}
	eventually(ctx, 20*time.Second, "all are gone", func() string {
		left, err := typed.List(ctx, mine)
		must(err, "list what is left")
		if count := meta.LenList(left); count > 0 {
			return fmt.Sprintf("%d are left", count)
		}
		return ""
	})
	events.complete(ctx, names)
}

func createFew[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A]) []string {
	var names []string
	for number := range few {
		name := fmt.Sprintf("w%d", number)
		if subject.name != nil {
			name = subject.name(name)
		}
		object := subject.make(name)
		object.SetName(name)
		object.SetLabels(map[string]string{"walk": strings.ToLower(subject.kind), "odd": fmt.Sprint(number % 2)})
		dry, err := typed.Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		must(err, "create %s for show", name)
		check(dry.GetUID() != "", "%s has no uid in a dry run", name)
		_, err = typed.Get(ctx, name, metav1.GetOptions{})
		check(apierrors.IsNotFound(err), "%s is there after a dry run: %v", name, err)
		made, err := typed.Create(ctx, object, metav1.CreateOptions{FieldManager: "walk"})
		must(err, "create %s", name)
		check(made.GetUID() != "" && made.GetResourceVersion() != "" && !made.GetCreationTimestamp().Time.IsZero(), "%s has no identity", name)
		check(len(made.GetManagedFields()) > 0 && made.GetManagedFields()[0].Manager == "walk", "%s: managed by %v", name, made.GetManagedFields())
		_, err = typed.Create(ctx, object, metav1.CreateOptions{})
		check(apierrors.IsAlreadyExists(err), "%s twice: %v", name, err)
		read, err := typed.Get(ctx, name, metav1.GetOptions{})
		must(err, "get %s", name)
		same(ctx, typed, made, read)
		names = append(names, name)
	}
	_, err := typed.Get(ctx, "none", metav1.GetOptions{})
	check(apierrors.IsNotFound(err), "what is not there: %v", err)
	return names
}

// same sees that an object was answered as it was stored. A controller may have written between: then the later has a higher version.
func same[T object, L runtime.Object](_ context.Context, _ client[T, L], made, read T) {
	if made.GetResourceVersion() == read.GetResourceVersion() {
		check(equality.Semantic.DeepEqual(made, read), "created %s, read %s", text(made), text(read))
	}
}

func readBack[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A], names []string, mine metav1.ListOptions) {
	whole, err := typed.List(ctx, mine)
	must(err, "list")
	check(slices.Equal(listed(whole), names), "listed %v of %v", listed(whole), names)
	odd := mine
	odd.LabelSelector += ",odd in (1),odd!=0,!none"
	selected, err := typed.List(ctx, odd)
	must(err, "list with a selector")
	check(slices.Equal(listed(selected), []string{names[1], names[3]}), "odd are %v", listed(selected))
	selected, err = typed.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + names[2]})
	must(err, "list with a field selector")
	check(slices.Equal(listed(selected), names[2:3]), "named %s are %v", names[2], listed(selected))
	_, err = typed.List(ctx, metav1.ListOptions{FieldSelector: "spec.none=1"})
	check(apierrors.IsBadRequest(err), "an unknown field: %v", err)

	var paged []string
	page := mine
	page.Limit = 2
	for number := 0; ; number++ {
		part, err := typed.List(ctx, page)
		must(err, "page %d", number)
		reader, err := meta.ListAccessor(part)
		must(err, "page %d", number)
		paged = append(paged, listed(part)...)
		if page.Continue = reader.GetContinue(); page.Continue == "" {
			break
		}
		check(meta.LenList(part) == 2, "page %d has %d objects", number, meta.LenList(part))
	}
	check(slices.Equal(paged, names), "in pages %v", paged)
}

func update[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A], name string) {
	// A controller may write too, as upstream's do: what counts is that the last word of a read is accepted.
	stale, err := typed.Get(ctx, name, metav1.GetOptions{})
	must(err, "get %s", name)
	fresh := stale.DeepCopyObject().(T)
	subject.change(fresh)
	updated, err := typed.Update(ctx, fresh, metav1.UpdateOptions{FieldManager: "updater"})
	must(err, "update %s", name)
	check(subject.changed(updated), "the update has no effect: %s", text(updated))
	check(updated.GetResourceVersion() != stale.GetResourceVersion(), "the update keeps the version")
	check(updated.GetUID() == stale.GetUID(), "the update changes the uid")
	annotate(stale, "late", "1")
	_, err = typed.Update(ctx, stale, metav1.UpdateOptions{})
	check(apierrors.IsConflict(err), "a stale update: %v", err)
	again, err := typed.Update(ctx, updated.DeepCopyObject().(T), metav1.UpdateOptions{FieldManager: "updater"})
	must(err, "update %s with nothing", name)
	check(again.GetResourceVersion() == updated.GetResourceVersion(), "an update of nothing is a write: %s and %s", text(updated), text(again))
}

func patches[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A], name string) {
	patch := func(kind types.PatchType, body string) T {
		patched, err := typed.Patch(ctx, name, kind, []byte(body), metav1.PatchOptions{FieldManager: "patcher"})
		must(err, "%s %s", kind, body)
		return patched
	}
	first := patch(types.JSONPatchType, `[{"op":"add","path":"/metadata/annotations","value":{"json":"1"}},{"op":"test","path":"/metadata/labels/odd","value":"1"}]`)
	check(first.GetAnnotations()["json"] == "1", "JSON patch: %v", first.GetAnnotations())
	second := patch(types.MergePatchType, `{"metadata":{"annotations":{"json":null,"merge":"2"}}}`)
	check(second.GetAnnotations()["merge"] == "2" && second.GetAnnotations()["json"] == "", "merge patch: %v", second.GetAnnotations())
	nothing := patch(types.MergePatchType, `{"metadata":{"annotations":{"merge":"2"}}}`)
	check(nothing.GetResourceVersion() == second.GetResourceVersion(), "a patch of nothing is a write")
	// Finalizers are a set to a strategic patch.
	patch(types.StrategicMergePatchType, `{"metadata":{"finalizers":["hanse.example/a"]}}`)
	both := patch(types.StrategicMergePatchType, `{"metadata":{"finalizers":["hanse.example/b"]}}`)
	check(slices.Contains(both.GetFinalizers(), "hanse.example/a") && slices.Contains(both.GetFinalizers(), "hanse.example/b"), "merged finalizers: %v", both.GetFinalizers())
	none := patch(types.StrategicMergePatchType, `{"metadata":{"$deleteFromPrimitiveList/finalizers":["hanse.example/a","hanse.example/b"]}}`)
	check(len(none.GetFinalizers()) == len(both.GetFinalizers())-2, "finalizers after the deletion: %v", none.GetFinalizers())
	_, err := typed.Patch(ctx, name, types.MergePatchType, []byte(`{"metadata":{"resourceVersion":"1","annotations":{"x":"y"}}}`), metav1.PatchOptions{})
	check(apierrors.IsConflict(err), "a patch of a stale version: %v", err)
	_, err = typed.Patch(ctx, name, types.JSONPatchType, []byte(`[{"op":"test","path":"/metadata/name","value":"z"}]`), metav1.PatchOptions{})
	check(apierrors.IsInvalid(err), "a failing test: %v", err)
}

func applies[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], apply applier[T, A], subject subject[T, A], name string) {
	first, err := apply.Apply(ctx, subject.apply(name, "one"), metav1.ApplyOptions{FieldManager: "one", Force: true})
	must(err, "apply")
	check(subject.applied(first) == "one", "applied %s", text(first))
	again, err := apply.Apply(ctx, subject.apply(name, "one"), metav1.ApplyOptions{FieldManager: "one"})
	must(err, "apply once more")
	check(again.GetResourceVersion() == first.GetResourceVersion(), "applying the same is a write")
	_, err = apply.Apply(ctx, subject.apply(name, "two"), metav1.ApplyOptions{FieldManager: "two"})
	check(apierrors.IsConflict(err) && strings.Contains(err.Error(), `conflict with "one"`), "a conflict: %v", err)
	forced, err := apply.Apply(ctx, subject.apply(name, "two"), metav1.ApplyOptions{FieldManager: "two", Force: true})
	must(err, "apply with force")
	check(subject.applied(forced) == "two", "applied with force %s", text(forced))
	read, err := typed.Get(ctx, name, metav1.GetOptions{})
	must(err, "get %s", name)
	same(ctx, typed, forced, read)
	owners := map[string]bool{}
	for _, entry := range read.GetManagedFields() {
		owners[entry.Manager+" "+string(entry.Operation)] = true
	}
	check(owners["two Apply"] && owners["walk Update"], "managers: %v", owners)
}

func deletes[T object, L runtime.Object, A any](ctx context.Context, typed client[T, L], subject subject[T, A], name string) {
	read, err := typed.Get(ctx, name, metav1.GetOptions{})
	must(err, "get %s", name)
	err = typed.Delete(ctx, name, *metav1.NewPreconditionDeleteOptions("another"))
	check(apierrors.IsConflict(err), "delete with another's uid: %v", err)
	must(typed.Delete(ctx, name, metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}), "delete for show")
	_, err = typed.Get(ctx, name, metav1.GetOptions{})
	must(err, "get %s after a deletion for show", name)
	must(typed.Delete(ctx, name, *metav1.NewPreconditionDeleteOptions(string(read.GetUID()))), "delete %s", name)
	eventually(ctx, 20*time.Second, name+" goes", func() string {
		left, err := typed.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		must(err, "get %s", name)
		return text(left)
	})
	err = typed.Delete(ctx, name, metav1.DeleteOptions{})
	check(apierrors.IsNotFound(err), "delete %s twice: %v", name, err)
}

// witness is a watch that must tell the whole story.
type witness struct{ events watch.Interface }

func watching[T object, L runtime.Object](ctx context.Context, typed client[T, L], options metav1.ListOptions, from L) witness {
	reader, err := meta.ListAccessor(from)
	must(err, "a list has a version")
	options.ResourceVersion = reader.GetResourceVersion()
	options.AllowWatchBookmarks = true
	events, err := typed.Watch(ctx, options)
	must(err, "watch")
	return witness{events}
}

// complete sees each object come once, change with growing versions, and go once.
func (w witness) complete(ctx context.Context, names []string) {
	defer w.events.Stop()
	stories := map[string][]watch.EventType{}
	last := uint64(0)
	gone := 0
	patience := time.After(20 * time.Second)
	for gone < len(names) {
		select {
		case <-ctx.Done():
			panic(failure{ctx.Err().Error()})
		case <-patience:
			panic(failure{fmt.Sprintf("the watch is not complete: %v", stories)})
		case event, open := <-w.events.ResultChan():
			check(open, "the watch ends: %v", stories)
			seen, ok := event.Object.(object)
			check(ok, "the watch tells %T %s", event.Object, text(event.Object))
			var version uint64
			_, err := fmt.Sscan(seen.GetResourceVersion(), &version)
			must(err, "a version")
			check(version >= last, "version %d after %d", version, last)
			last = version
			if event.Type == watch.Bookmark {
				continue
			}
			check(seen.GetUID() != "", "an event without an object: %s", text(seen))
			stories[seen.GetName()] = append(stories[seen.GetName()], event.Type)
			if event.Type == watch.Deleted {
				gone++
			}
		}
	}
	for _, name := range names {
		story := stories[name]
		ends := len(story) > 1 && story[0] == watch.Added && story[len(story)-1] == watch.Deleted
		check(ends, "the story of %s: %v", name, story)
		for _, event := range story[1 : len(story)-1] {
			check(event == watch.Modified, "the story of %s: %v", name, story)
		}
	}
}

func annotate(object metav1.Object, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}

func listed(list runtime.Object) []string {
	var names []string
	must(meta.EachListItem(list, func(item runtime.Object) error {
		names = append(names, item.(object).GetName())
		return nil
	}), "items of a list")
	return names
}

func text(value any) string {
	bytes, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(bytes)
}
