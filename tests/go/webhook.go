package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// widgetDefaulter and widgetValidator are what a project with controller-runtime writes.
type widgetDefaulter struct{}

func (widgetDefaulter) Default(ctx context.Context, widget *Widget) error {
	request, err := admission.RequestFromContext(ctx)
	if err != nil {
		return err
	}
	annotate(widget, "defaulted", string(request.Operation))
	if len(widget.Spec.Notes) == 0 {
		widget.Spec.Notes = []string{"defaulted"}
	}
	return nil
}

type widgetValidator struct{}

func (widgetValidator) ValidateCreate(_ context.Context, widget *Widget) (admission.Warnings, error) {
	if widget.Spec.Colour == "grey" {
		return nil, fmt.Errorf("grey is dull")
	}
	if len(widget.Spec.Notes) == 0 || widget.Annotations["defaulted"] == "" {
		return nil, fmt.Errorf("it was not mutated before")
	}
	return admission.Warnings{"created " + widget.Name}, nil
}

func (v widgetValidator) ValidateUpdate(ctx context.Context, old, widget *Widget) (admission.Warnings, error) {
	if widget.Spec.Replicas < old.Spec.Replicas {
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: widgetVersion.Group, Kind: "Widget"}, widget.Name, nil)
	}
	return v.ValidateCreate(ctx, widget)
}

func (widgetValidator) ValidateDelete(_ context.Context, widget *Widget) (admission.Warnings, error) {
	if widget.Labels["protected"] != "" {
		return nil, fmt.Errorf("%s is protected", widget.Name)
	}
	return nil, nil
}

// warned collects the warnings that a client is told.
type warned struct {
	mutex sync.Mutex
	texts []string
}

// HandleWarningHeader keeps one.
func (w *warned) HandleWarningHeader(code int, _ string, text string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if code == 299 {
		w.texts = append(w.texts, text)
	}
}

func (w *warned) has(text string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return strings.Contains(strings.Join(w.texts, "\n"), text)
}

// webhooks has controller-runtime's webhook server called by the daemon.
func webhooks(ctx context.Context, stage *stage) string {
	installWidgets(ctx, stage.config)
	scheme := runtime.NewScheme()
	must(clientscheme.AddToScheme(scheme), "scheme")
	registerWidgets(scheme)
	var calls atomic.Int64
	port, authority, stop := serveWebhooks(ctx, scheme, &calls)
	defer stop()

	config := rest.CopyConfig(stage.config)
	told := &warned{}
	config.WarningHandler = told
	client, err := ctrlclient.New(config, ctrlclient.Options{Scheme: scheme})
	must(err, "client")
	register(ctx, client, port, authority)

	eventually(ctx, 20*time.Second, "the webhooks are asked", func() string {
		probe := widget("probe", "blue")
		if err := client.Create(ctx, probe, ctrlclient.DryRunAll); err != nil {
			return err.Error()
		}
		if probe.Annotations["defaulted"] == "" {
			return "not asked"
		}
		return ""
	})
	first := widget("first", "blue")
	must(client.Create(ctx, first), "create")
	check(first.Annotations["defaulted"] == "CREATE" && len(first.Spec.Notes) == 1 && first.Spec.Notes[0] == "defaulted", "mutated: %s", text(first))
	check(told.has("created first"), "warnings: %v", told.texts)
	err = client.Create(ctx, widget("dull", "grey"))
	check(apierrors.IsForbidden(err) && strings.Contains(err.Error(), `admission webhook "validate.hanse.example" denied the request: grey is dull`), "grey: %v", err)

	first.Spec.Replicas = 3
	must(client.Update(ctx, first), "update")
	check(first.Annotations["defaulted"] == "UPDATE", "mutated: %s", text(first))
	smaller := first.DeepCopyObject().(*Widget)
	smaller.Spec.Replicas = 1
	err = client.Patch(ctx, smaller, ctrlclient.MergeFrom(first))
	check(apierrors.IsInvalid(err), "fewer replicas: %v", err)
	before := calls.Load()
	first.Status.Replicas = 3
	must(client.Status().Update(ctx, first), "status")
	check(calls.Load() == before, "a status is sent to the webhooks of the whole")
	first.Labels = map[string]string{"protected": "1"}
	must(client.Update(ctx, first), "protect")
	err = client.Delete(ctx, first)
	check(apierrors.IsForbidden(err) && strings.Contains(err.Error(), "first is protected"), "delete: %v", err)
	err = client.DeleteAllOf(ctx, &Widget{}, ctrlclient.InNamespace("default"))
	check(apierrors.IsForbidden(err), "delete all: %v", err)
	first.Labels = nil
	must(client.Update(ctx, first), "give free")
	must(client.Delete(ctx, first), "delete")

	builtIn(ctx, client)
	failing(ctx, client, stop)
	return fmt.Sprintf("%d calls", calls.Load())
}

// builtIn sees a JSON patch of a built-in kind, which typed clients send in protobuf, and a match condition.
func builtIn(ctx context.Context, client ctrlclient.Client) {
	marked := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "marked", Namespace: "default"}, Data: map[string]string{"a": "b"}}
	must(client.Create(ctx, marked), "create a map")
	check(marked.Data["mutated"] == "yes" && marked.Data["a"] == "b", "mutated: %s", text(marked))
	plain := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "plain", Namespace: "default"}, Data: map[string]string{"skip": "1"}}
	must(client.Create(ctx, plain), "create a map")
	check(plain.Data["mutated"] == "", "a map that the condition lets out is mutated: %s", text(plain))
}

// failing sees what comes of a webhook that does not answer.
func failing(ctx context.Context, client ctrlclient.Client, stop func()) {
	stop()
	err := client.Create(ctx, widget("late", "blue"))
	check(apierrors.IsInternalError(err) && strings.Contains(err.Error(), `failed calling webhook "mutate.hanse.example"`), "no webhook: %v", err)
	ignoring := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ignoring", Namespace: "default"}}
	must(client.Create(ctx, ignoring), "a webhook whose failure is ignored")
	check(ignoring.Data["mutated"] == "", "mutated by nobody: %s", text(ignoring))
}

// serveWebhooks runs the server until stopped; it says where, and who vouches for it.
func serveWebhooks(ctx context.Context, scheme *runtime.Scheme, calls *atomic.Int64) (port int, authority []byte, stop func()) {
	directory, err := os.MkdirTemp("", "hanse-webhook")
	must(err, "a directory")
	authority, key := selfSigned("webhook")
	must(os.WriteFile(filepath.Join(directory, "tls.crt"), authority, 0o600), "write")
	must(os.WriteFile(filepath.Join(directory, "tls.key"), key, 0o600), "write")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(err, "a port")
	port = free.Addr().(*net.TCPAddr).Port
	must(free.Close(), "close")
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: directory})
	counted := func(hook *webhook.Admission) http.Handler {
		return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			calls.Add(1)
			hook.ServeHTTP(writer, request)
		})
	}
	server.Register("/mutate", counted(admission.WithDefaulter[*Widget](scheme, widgetDefaulter{})))
	server.Register("/validate", counted(admission.WithValidator[*Widget](scheme, widgetValidator{})))
	decoder := admission.NewDecoder(scheme)
	server.Register("/maps", counted(&webhook.Admission{Handler: admission.HandlerFunc(func(_ context.Context, request admission.Request) admission.Response {
		var seen corev1.ConfigMap
		if err := decoder.Decode(request, &seen); err != nil {
			return admission.Errored(http.StatusBadRequest, err)
		}
		if seen.Data == nil {
			seen.Data = map[string]string{}
		}
		seen.Data["mutated"] = "yes"
		changed, err := json.Marshal(&seen)
		if err != nil {
			return admission.Errored(http.StatusInternalServerError, err)
		}
		return admission.PatchResponseFromRaw(request.Object.Raw, changed)
	})}))
	running, cancel := context.WithCancel(ctx)
	over := make(chan error, 1)
	go func() { over <- server.Start(running) }()
	eventually(ctx, 10*time.Second, "the webhook server", func() string {
		if err := server.StartedChecker()(nil); err != nil {
			return err.Error()
		}
		return ""
	})
	return port, authority, sync.OnceFunc(func() {
		cancel()
		<-over
		_ = os.RemoveAll(directory)
	})
}

func register(ctx context.Context, client ctrlclient.Client, port int, authority []byte) {
	side := admissionv1.SideEffectClassNone
	where := func(path string) admissionv1.WebhookClientConfig {
		return admissionv1.WebhookClientConfig{URL: pointer(fmt.Sprintf("https://127.0.0.1:%d/%s", port, path)), CABundle: authority}
	}
	widgets := func(operations ...admissionv1.OperationType) []admissionv1.RuleWithOperations {
		return []admissionv1.RuleWithOperations{{Operations: operations, Rule: admissionv1.Rule{
			APIGroups: []string{widgetVersion.Group}, APIVersions: []string{"v1"}, Resources: []string{"widgets"},
		}}}
	}
	ignore := admissionv1.Ignore
	must(client.Create(ctx, &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "walk"},
		Webhooks: []admissionv1.MutatingWebhook{
			{
				Name: "mutate.hanse.example", ClientConfig: where("mutate"), SideEffects: &side, AdmissionReviewVersions: []string{"v1"},
				Rules: widgets(admissionv1.Create, admissionv1.Update),
			},
			{
				Name: "maps.hanse.example", ClientConfig: where("maps"), SideEffects: &side, AdmissionReviewVersions: []string{"v1"}, FailurePolicy: &ignore,
				Rules: []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: admissionv1.Rule{
					APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"},
				}}},
				MatchConditions: []admissionv1.MatchCondition{{Name: "wanted", Expression: "!('skip' in object.?data.orValue({}))"}},
			},
		},
	}), "register the mutating webhooks")
	must(client.Create(ctx, &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "walk"},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "validate.hanse.example", ClientConfig: where("validate"), SideEffects: &side, AdmissionReviewVersions: []string{"v1"},
			Rules: widgets(admissionv1.OperationAll),
		}},
	}), "register the validating webhook")
}
