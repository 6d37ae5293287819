package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	// reconcilesPerChange bounds the reconciles that one change of a user may cause: of the widget itself, its finalizer, its
	// map, its status, and its deletion.
	reconcilesPerChange = 6
	lease               = "walk.hanse.example"
)

// candidate is one of two managers, of which one leads.
type candidate struct {
	manager ctrl.Manager
	stop    context.CancelFunc
	over    chan error
}

func stand(ctx context.Context, stage *stage, scheme *runtime.Scheme, works *works) candidate {
	made, err := ctrl.NewManager(stage.config, ctrl.Options{
		Scheme:                        scheme,
		LeaderElection:                true,
		LeaderElectionID:              lease,
		LeaderElectionNamespace:       "default",
		LeaderElectionReleaseOnCancel: true,
		Cache:                         cache.Options{DefaultTransform: untyped},
		Metrics:                       server.Options{BindAddress: "0"},
		HealthProbeBindAddress:        "0",
		Controller:                    ctrlconfig.Controller{SkipNameValidation: pointer(true)},
	})
	must(err, "a manager")
	reconciler := &reconciler{client: made.GetClient(), events: made.GetEventRecorder("widgets"), works: works}
	must(ctrl.NewControllerManagedBy(made).For(&Widget{}).Owns(&corev1.ConfigMap{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).Complete(reconciler), "a controller")
	running, stop := context.WithCancel(ctx)
	standing := candidate{made, stop, make(chan error, 1)}
	go func() { standing.over <- made.Start(running) }()
	return standing
}

// untyped takes kind and version from an object: a client keeps them in the items of a JSON list, and drops them from the
// objects of a watch, and its own check that both are the same would trip over that.
func untyped(value any) (any, error) {
	if object, ok := value.(runtime.Object); ok {
		object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
	return value, nil
}

// leads waits until the candidate is the leader.
func (c candidate) leads(ctx context.Context, patience time.Duration) {
	select {
	case <-c.manager.Elected():
	case err := <-c.over:
		panic(failure{fmt.Sprintf("a manager ends: %v", err)})
	case <-time.After(patience):
		panic(failure{"nobody is elected"})
	case <-ctx.Done():
		panic(failure{ctx.Err().Error()})
	}
}

// manager runs a controller as they are written with controller-runtime, under load, with the daemon killed once and the
// leadership handed over once. In the end all is as wanted, nothing is left over and nobody is busy.
func manager(ctx context.Context, stage *stage) string {
	installWidgets(ctx, stage.config)
	scheme := runtime.NewScheme()
	must(clientscheme.AddToScheme(scheme), "scheme")
	registerWidgets(scheme)
	client, err := ctrlclient.New(stage.config, ctrlclient.Options{Scheme: scheme})
	must(err, "client")

	works := &works{outside: map[string]bool{}}
	first := stand(ctx, stage, scheme, works)
	first.leads(ctx, 20*time.Second)
	second := stand(ctx, stage, scheme, works)

	load := startLoad(ctx, client)
	pause(ctx, stage.duration/3)
	stage.restart(ctx)
	pause(ctx, stage.duration/3)
	select {
	case <-second.manager.Elected():
		panic(failure{"two managers lead"})
	case err := <-first.over:
		panic(failure{fmt.Sprintf("the leader ends: %v", err)})
	default:
	}
	first.stop()
	must(<-first.over, "the first manager")
	second.leads(ctx, 20*time.Second)
	pause(ctx, stage.duration/3)
	load.end()

	settled(ctx, client, load, works)
	quiet(ctx, client, works)
	kept := load.agreement(ctx, client)
	reconciles, failures := works.count()
	changes := load.changes.Load() + load.unknown.Load()
	bound := changes*reconcilesPerChange + failures + 4*int64(kept)
	check(reconciles <= bound, "a hot loop: %d reconciles for %d changes, more than %d", reconciles, changes, bound)

	must(client.DeleteAllOf(ctx, &Widget{}, ctrlclient.InNamespace("default")), "delete all")
	gone(ctx, client, works)
	second.stop()
	must(<-second.over, "the second manager")
	var held coordinationv1.Lease
	must(client.Get(ctx, ctrlclient.ObjectKey{Namespace: "default", Name: lease}, &held), "the lease")
	check(held.Spec.HolderIdentity == nil || *held.Spec.HolderIdentity == "", "the lease is held: %s", text(held.Spec))
	check(*held.Spec.LeaseTransitions >= 1, "the lease has never changed hands: %s", text(held.Spec))
	var told eventsv1.EventList
	must(client.List(ctx, &told, ctrlclient.InNamespace("default")), "events")
	check(len(told.Items) > 0, "no event is recorded")
	return fmt.Sprintf("%d changes acknowledged, %d unknown, %d widgets in the end, %d reconciles, %d of them failed, %d events",
		load.changes.Load(), load.unknown.Load(), kept, reconciles, failures, len(told.Items))
}

// settled waits until every widget and every map is what the controller makes of them.
func settled(ctx context.Context, client ctrlclient.Client, load *load, works *works) {
	eventually(ctx, 60*time.Second, "all is reconciled", func() string {
		var widgets WidgetList
		if err := client.List(ctx, &widgets, ctrlclient.InNamespace("default")); err != nil {
			return err.Error()
		}
		var all corev1.ConfigMapList
		if err := client.List(ctx, &all, ctrlclient.InNamespace("default"), ctrlclient.HasLabels{"widget"}); err != nil {
			return err.Error()
		}
		maps := map[string]corev1.ConfigMap{}
		for _, one := range all.Items {
			maps[one.Name] = one
		}
		for _, widget := range widgets.Items {
			if reason := unsettled(&widget, maps); reason != "" {
				return reason
			}
		}
		if len(maps) != len(widgets.Items) {
			return fmt.Sprintf("%d maps of %d widgets", len(maps), len(widgets.Items))
		}
		if held := works.held(); held != len(widgets.Items) {
			return fmt.Sprintf("%d things outside for %d widgets", held, len(widgets.Items))
		}
		return ""
	})
}

func unsettled(widget *Widget, maps map[string]corev1.ConfigMap) string {
	owned, there := maps["widget-"+widget.Name]
	switch {
	case !widget.DeletionTimestamp.IsZero():
		return widget.Name + " is being deleted"
	case !controllerutil.ContainsFinalizer(widget, finalizer):
		return widget.Name + " has no finalizer"
	case widget.Status.ObservedGeneration != widget.Generation:
		return fmt.Sprintf("%s has generation %d, observed %d", widget.Name, widget.Generation, widget.Status.ObservedGeneration)
	case len(widget.Status.Conditions) != 1:
		return widget.Name + ": " + text(widget.Status)
	case !there || len(owned.Data) != 1 || owned.Data["colour"] != widget.Spec.Colour:
		return fmt.Sprintf("%s is %s, its map %s", widget.Name, widget.Spec.Colour, text(owned.Data))
	case len(owned.OwnerReferences) != 1 || owned.OwnerReferences[0].UID != widget.UID:
		return widget.Name + " owns no map: " + text(owned.OwnerReferences)
	}
	return ""
}

// quiet sees that nothing is done any more once all is done: neither reconciles nor writes.
func quiet(ctx context.Context, client ctrlclient.Client, works *works) {
	version := func() string {
		var widgets WidgetList
		must(client.List(ctx, &widgets, ctrlclient.InNamespace("default")), "list")
		versions := ""
		for _, widget := range widgets.Items {
			versions += widget.ResourceVersion + " "
		}
		return versions
	}
	pause(ctx, time.Second)
	before, _ := works.count()
	written := version()
	pause(ctx, 2*time.Second)
	after, _ := works.count()
	check(before == after, "%d reconciles while nobody changes anything", after-before)
	check(written == version(), "widgets are written while nobody changes anything")
}

// gone waits until nothing is left: no widget, no map, nothing outside.
func gone(ctx context.Context, client ctrlclient.Client, works *works) {
	eventually(ctx, 60*time.Second, "all is gone", func() string {
		var widgets WidgetList
		must(client.List(ctx, &widgets), "list")
		var maps corev1.ConfigMapList
		must(client.List(ctx, &maps, ctrlclient.HasLabels{"widget"}), "list")
		if len(widgets.Items)+len(maps.Items)+works.held() > 0 {
			return fmt.Sprintf("%d widgets, %d maps, %d things outside are left", len(widgets.Items), len(maps.Items), works.held())
		}
		return ""
	})
}

// works is what the controllers have done, and what they keep outside of the API.
type works struct {
	mutex      sync.Mutex
	reconciles int64
	failures   int64
	outside    map[string]bool
}

func (w *works) count() (reconciles, failures int64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.reconciles, w.failures
}

func (w *works) held() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return len(w.outside)
}

func (w *works) keep(uid string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.outside[uid] = true
}

func (w *works) give(uid string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.outside, uid)
}

func (w *works) done(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.reconciles++
	if err != nil {
		w.failures++
	}
}
