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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

// load is users who create, change and delete widgets, and who spoil what the controller has made.
type load struct {
	// changes were acknowledged; of unknown ones the daemon was killed before it answered.
	changes, unknown atomic.Int64
	over             chan struct{}
	users            sync.WaitGroup
	mutex            sync.Mutex
	// wanted is the colour of each widget as last acknowledged; none is a widget whose last change is unknown.
	wanted map[string]string
	// refused is an answer that no user should get.
	refused string
}

const unknownColour = ""

func startLoad(ctx context.Context, client ctrlclient.Client) *load {
	load := &load{over: make(chan struct{}), wanted: map[string]string{}}
	for user := range 3 {
		load.users.Go(func() { load.use(ctx, client, user) })
	}
	return load
}

func (l *load) end() {
	close(l.over)
	l.users.Wait()
	check(l.refused == "", "a user is refused: %s", l.refused)
}

func (l *load) use(ctx context.Context, client ctrlclient.Client, user int) {
	var mine []string
	for number := 0; ; number++ {
		select {
		case <-l.over:
			return
		case <-ctx.Done():
			return
		case <-time.After(15 * time.Millisecond):
		}
		colour := fmt.Sprintf("c%d", number)
		choice := rand.IntN(10)
		if len(mine) < 3 || (choice < 2 && len(mine) < 12) {
			name := fmt.Sprintf("u%d-%d", user, number)
			mine = append(mine, name)
			l.note(name, colour, client.Create(ctx, widget(name, colour)))
			continue
		}
		at := rand.IntN(len(mine))
		name := mine[at]
		object := widget(name, "")
		switch {
		case choice < 4:
			mine = append(mine[:at], mine[at+1:]...)
			l.forget(name, client.Delete(ctx, object))
		case choice < 5:
			spoiled := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "widget-" + name, Namespace: "default"}}
			l.count(client.Delete(ctx, spoiled))
		case choice < 6:
			spoiled := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "widget-" + name, Namespace: "default"}}
			spoil := ctrlclient.RawPatch(types.MergePatchType, []byte(`{"data":{"colour":"spoiled `+strconv.Itoa(number)+`"}}`))
			l.count(client.Patch(ctx, spoiled, spoil))
		default:
			change := ctrlclient.RawPatch(types.MergePatchType, []byte(`{"spec":{"colour":"`+colour+`"}}`))
			l.note(name, colour, client.Patch(ctx, object, change))
		}
	}
}

// count tells acknowledged changes, those without an answer and those that came too late apart.
func (l *load) count(err error) (acknowledged bool) {
	switch {
	case err == nil:
		l.changes.Add(1)
		return true
	case apierrors.IsNotFound(err):
		return false
	case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		l.unknown.Add(1)
		return false
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.refused = err.Error()
	return false
}

func (l *load) note(name, colour string, err error) {
	acknowledged := l.count(err)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if apierrors.IsNotFound(err) && l.wanted[name] != unknownColour {
		// Nobody but its user changes a widget.
		l.refused = name + " was acknowledged and is lost: " + err.Error()
	}
	if !acknowledged {
		colour = unknownColour
	}
	l.wanted[name] = colour
}

func (l *load) forget(name string, err error) {
	acknowledged := l.count(err)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if acknowledged {
		delete(l.wanted, name)
	} else {
		l.wanted[name] = unknownColour
	}
}

// agreement sees that every acknowledged change is there, and says how many widgets there are.
func (l *load) agreement(ctx context.Context, client ctrlclient.Client) int {
	var widgets WidgetList
	must(client.List(ctx, &widgets, ctrlclient.InNamespace("default")), "list")
	colours := map[string]string{}
	for _, widget := range widgets.Items {
		_, wanted := l.wanted[widget.Name]
		check(wanted, "%s was deleted and is there", widget.Name)
		colours[widget.Name] = widget.Spec.Colour
	}
	for name, colour := range l.wanted {
		check(colour == unknownColour || colours[name] == colour, "%s is %q, and was acknowledged as %q", name, colours[name], colour)
	}
	return len(colours)
}
