package main

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const finalizer = "walk.hanse.example/outside"

// reconciler gives each widget a map with its colour, a condition, and a thing outside of the API that its finalizer takes back.
// It writes the map and the status each time: that this ends rests on the server, to which a write of nothing is no write.
type reconciler struct {
	client ctrlclient.Client
	events events.EventRecorder
	works  *works
}

// Reconcile does it for one widget.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	err := r.reconcile(ctx, request)
	r.works.done(err)
	return ctrl.Result{}, err
}

func (r *reconciler) reconcile(ctx context.Context, request ctrl.Request) error {
	var widget Widget
	if err := r.client.Get(ctx, request.NamespacedName, &widget); err != nil {
		return ctrlclient.IgnoreNotFound(err)
	}
	before := widget.DeepCopyObject().(*Widget)
	optimistic := ctrlclient.MergeFromWithOptions(before, ctrlclient.MergeFromWithOptimisticLock{})
	if !widget.DeletionTimestamp.IsZero() {
		if !controllerutil.RemoveFinalizer(&widget, finalizer) {
			return nil
		}
		r.works.give(string(widget.UID))
		return ctrlclient.IgnoreNotFound(r.client.Patch(ctx, &widget, optimistic))
	}
	if controllerutil.AddFinalizer(&widget, finalizer) {
		if err := r.client.Patch(ctx, &widget, optimistic); err != nil {
			return ctrlclient.IgnoreNotFound(err)
		}
		before = widget.DeepCopyObject().(*Widget)
	}
	r.works.keep(string(widget.UID))
	if err := r.client.Apply(ctx, owned(&widget), ctrlclient.FieldOwner("widget-controller"), ctrlclient.ForceOwnership); err != nil {
		return err
	}
	condition := metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "Made", Message: "it is " + widget.Spec.Colour, ObservedGeneration: widget.Generation,
	}
	if meta.SetStatusCondition(&widget.Status.Conditions, condition) {
		r.events.Eventf(&widget, nil, corev1.EventTypeNormal, "Made", "Make", "it is %s", widget.Spec.Colour)
	}
	widget.Status.ObservedGeneration = widget.Generation
	widget.Status.Replicas = widget.Spec.Replicas
	return ctrlclient.IgnoreNotFound(r.client.Status().Patch(ctx, &widget, ctrlclient.MergeFrom(before)))
}

// owned is the map of a widget.
func owned(widget *Widget) *applycore.ConfigMapApplyConfiguration {
	owner := applymeta.OwnerReference().WithAPIVersion(widgetVersion.String()).WithKind("Widget").WithName(widget.Name).
		WithUID(widget.UID).WithController(true).WithBlockOwnerDeletion(true)
	return applycore.ConfigMap("widget-"+widget.Name, widget.Namespace).WithOwnerReferences(owner).
		WithLabels(map[string]string{"widget": strings.ToLower(widget.Name)}).
		WithData(map[string]string{"colour": widget.Spec.Colour})
}
