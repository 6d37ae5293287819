package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// ledger is what the handlers of an informer have been told.
type ledger struct {
	mutex    sync.Mutex
	versions map[string]string
	strange  string
	adds     int
	updates  int
	deletes  int
	resyncs  int
}

func (l *ledger) handlers() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(added any) {
			l.record(added, func(key, version string) {
				l.adds++
				if _, known := l.versions[key]; known {
					l.strange = key + " is added twice"
				}
				l.versions[key] = version
			})
		},
		UpdateFunc: func(old, updated any) {
			l.record(updated, func(key, version string) {
				before, _ := meta.Accessor(old)
				if l.versions[key] != before.GetResourceVersion() {
					l.strange = fmt.Sprintf("%s is updated from %s, and was %s", key, before.GetResourceVersion(), l.versions[key])
				}
				if older(version, l.versions[key]) {
					l.strange = fmt.Sprintf("%s goes back from %s to %s", key, l.versions[key], version)
				}
				if version == l.versions[key] {
					l.resyncs++
				} else {
					l.updates++
				}
				l.versions[key] = version
			})
		},
		DeleteFunc: func(deleted any) {
			if tombstone, ok := deleted.(cache.DeletedFinalStateUnknown); ok {
				deleted = tombstone.Obj
			}
			l.record(deleted, func(key, _ string) {
				l.deletes++
				if _, known := l.versions[key]; !known {
					l.strange = key + " is deleted unseen"
				}
				delete(l.versions, key)
			})
		},
	}
}

func older(one, other string) bool {
	first, _ := strconv.ParseUint(one, 10, 64)
	second, _ := strconv.ParseUint(other, 10, 64)
	return first < second
}

func (l *ledger) record(value any, with func(key, version string)) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	object, err := meta.Accessor(value)
	if err != nil {
		l.strange = err.Error()
		return
	}
	with(object.GetNamespace()+"/"+object.GetName(), object.GetResourceVersion())
}

// informed is one informer, its ledger, and the list that it must agree with.
type informed struct {
	name     string
	informer cache.SharedIndexInformer
	list     func(ctx context.Context) (runtime.Object, error)
	ledger   *ledger
}

// complaint compares the store and the ledger with a fresh list.
func (i informed) complaint(ctx context.Context) string {
	list, err := i.list(ctx)
	if err != nil {
		return err.Error()
	}
	truth := map[string]string{}
	must(meta.EachListItem(list, func(item runtime.Object) error {
		object := item.(object)
		truth[object.GetNamespace()+"/"+object.GetName()] = object.GetResourceVersion()
		return nil
	}), "items")
	i.ledger.mutex.Lock()
	defer i.ledger.mutex.Unlock()
	check(i.ledger.strange == "", "%s: %s", i.name, i.ledger.strange)
	stored := map[string]string{}
	for _, value := range i.informer.GetStore().List() {
		object, _ := meta.Accessor(value)
		stored[object.GetNamespace()+"/"+object.GetName()] = object.GetResourceVersion()
	}
	for _, seen := range []map[string]string{stored, i.ledger.versions} {
		for key, version := range truth {
			if seen[key] != version {
				return fmt.Sprintf("%s: %s is %s, seen as %q", i.name, key, version, seen[key])
			}
		}
		if len(seen) != len(truth) {
			return fmt.Sprintf("%s: %d objects, seen %d", i.name, len(truth), len(seen))
		}
	}
	return ""
}

// informers has objects come, change and go under informers of every sort, and the daemon killed in the middle. In the end
// every store, and what its handlers were told, is what a list says.
func informers(ctx context.Context, stage *stage) string {
	installWidgets(ctx, stage.config)
	kube, err := kubernetes.NewForConfig(stage.config)
	must(err, "clientset")
	dynamics, err := dynamic.NewForConfig(stage.config)
	must(err, "dynamic client")
	partial, err := metadata.NewForConfig(stage.config)
	must(err, "metadata client")

	all := metav1.ListOptions{}
	running, stop := context.WithCancel(ctx)
	defer stop()
	typedFactory := kubeinformers.NewSharedInformerFactory(kube, 2*time.Second)
	dynamicFactory := dynamicinformer.NewDynamicSharedInformerFactory(dynamics, 3*time.Second)
	partialFactory := metadatainformer.NewSharedInformerFactory(partial, 0)
	selected := kubeinformers.NewSharedInformerFactoryWithOptions(kube, 0, kubeinformers.WithTweakListOptions(func(options *metav1.ListOptions) {
		options.LabelSelector = "odd=1"
	}))
	mapsResource := corev1.SchemeGroupVersion.WithResource("configmaps")
	following := []informed{
		{"configmaps", typedFactory.Core().V1().ConfigMaps().Informer(), func(ctx context.Context) (runtime.Object, error) {
			return kube.CoreV1().ConfigMaps("").List(ctx, all)
		}, nil},
		{"secrets (none)", typedFactory.Core().V1().Secrets().Informer(), func(ctx context.Context) (runtime.Object, error) {
			return kube.CoreV1().Secrets("").List(ctx, all)
		}, nil},
		{"widgets", dynamicFactory.ForResource(widgetResource).Informer(), func(ctx context.Context) (runtime.Object, error) {
			return dynamics.Resource(widgetResource).List(ctx, all)
		}, nil},
		{"metadata of configmaps", partialFactory.ForResource(mapsResource).Informer(), func(ctx context.Context) (runtime.Object, error) {
			return partial.Resource(mapsResource).List(ctx, all)
		}, nil},
		{"metadata of widgets", partialFactory.ForResource(widgetResource).Informer(), func(ctx context.Context) (runtime.Object, error) {
			return partial.Resource(widgetResource).List(ctx, all)
		}, nil},
		{"odd configmaps", selected.Core().V1().ConfigMaps().Informer(), func(ctx context.Context) (runtime.Object, error) {
			return kube.CoreV1().ConfigMaps("").List(ctx, metav1.ListOptions{LabelSelector: "odd=1"})
		}, nil},
	}
	var synced []cache.InformerSynced
	for index := range following {
		following[index].ledger = &ledger{versions: map[string]string{}}
		_, err := following[index].informer.AddEventHandler(following[index].ledger.handlers())
		must(err, "handlers")
		synced = append(synced, following[index].informer.HasSynced)
	}
	typedFactory.Start(running.Done())
	dynamicFactory.Start(running.Done())
	partialFactory.Start(running.Done())
	selected.Start(running.Done())
	waiting, enough := context.WithTimeout(ctx, 20*time.Second)
	defer enough()
	check(cache.WaitForCacheSync(waiting.Done(), synced...), "the informers do not begin")
	streamed, classic := stage.traffic.informed()
	check(streamed >= len(following) && classic == 0, "%d streamed lists and %d classic ones for %d informers", streamed, classic, len(following))

	churn := churn(ctx, stage, kube, dynamics)
	for _, one := range following {
		eventually(ctx, 30*time.Second, "agreement", func() string { return one.complaint(ctx) })
	}
	adds, updates, deletes, resyncs := 0, 0, 0, 0
	for _, one := range following {
		adds, updates, deletes, resyncs = adds+one.ledger.adds, updates+one.ledger.updates, deletes+one.ledger.deletes, resyncs+one.ledger.resyncs
	}
	streamed, classic = stage.traffic.informed()
	check(resyncs > 0 && adds > 0 && updates > 0 && deletes > 0, "%d adds, %d updates, %d deletes, %d resyncs", adds, updates, deletes, resyncs)
	return fmt.Sprintf("%d informers, %d writes, told %d adds, %d updates, %d deletes, %d resyncs; %d lists streamed, %d classic",
		len(following), churn, adds, updates, deletes, resyncs, streamed, classic)
}

// churn writes from several hands until the time is over, with a restart of the daemon in the middle. It returns how many writes were acknowledged.
func churn(ctx context.Context, stage *stage, kube kubernetes.Interface, dynamics dynamic.Interface) int64 {
	var writes, lately atomic.Int64
	over := make(chan struct{})
	var hands sync.WaitGroup
	for hand := range 4 {
		hands.Go(func() {
			for number := 0; ; number++ {
				select {
				case <-over:
					return
				case <-time.After(4 * time.Millisecond):
				}
				name := fmt.Sprintf("c%d-%d", hand, rand.IntN(25))
				var err error
				if hand%2 == 0 {
					err = churnMap(ctx, kube, name, number)
				} else {
					err = churnWidget(ctx, dynamics.Resource(widgetResource).Namespace("default"), name, number)
				}
				if err == nil {
					writes.Add(1)
					lately.Add(1)
				}
			}
		})
	}
	pause(ctx, stage.duration/2)
	stage.restart(ctx)
	lately.Store(0)
	pause(ctx, stage.duration/2)
	close(over)
	hands.Wait()
	check(lately.Load() > 20, "only %d writes after the restart", lately.Load())
	return writes.Load()
}

func churnMap(ctx context.Context, kube kubernetes.Interface, name string, number int) error {
	maps := kube.CoreV1().ConfigMaps("default")
	if rand.IntN(4) == 0 {
		return maps.Delete(ctx, name, metav1.DeleteOptions{})
	}
	wanted := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"odd": strconv.Itoa(rand.IntN(2))}},
		Data:       map[string]string{"number": strconv.Itoa(number)},
	}
	_, err := maps.Update(ctx, wanted, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = maps.Create(ctx, wanted, metav1.CreateOptions{})
	}
	return err
}

func churnWidget(ctx context.Context, widgets dynamic.ResourceInterface, name string, number int) error {
	if rand.IntN(4) == 0 {
		return widgets.Delete(ctx, name, metav1.DeleteOptions{})
	}
	wanted, err := runtime.DefaultUnstructuredConverter.ToUnstructured(widget(name, "c"+strconv.Itoa(number)))
	if err != nil {
		return err
	}
	delete(wanted, "status")
	_, err = widgets.Apply(ctx, name, &unstructured.Unstructured{Object: wanted}, metav1.ApplyOptions{FieldManager: "churn", Force: true})
	return err
}
