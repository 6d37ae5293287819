package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	clientset "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const protobuf = "application/vnd.kubernetes.protobuf"

// typed walks every built-in kind with its typed client: in protobuf, then in JSON.
func typed(ctx context.Context, stage *stage) string {
	kinds := 0
	for _, content := range []struct{ body, accept, namespace string }{
		{protobuf, protobuf, "proto"},
		{"application/json", "application/json", "json"},
	} {
		config := rest.CopyConfig(stage.config)
		config.ContentType, config.AcceptContentTypes = content.body, content.accept
		kube, err := kubernetes.NewForConfig(config)
		must(err, "clientset")
		extensions, err := clientset.NewForConfig(config)
		must(err, "clientset of extensions")
		_, err = kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: content.namespace}}, metav1.CreateOptions{})
		must(err, "namespace")
		// What every namespace has comes with it.
		_, err = kube.CoreV1().ServiceAccounts(content.namespace).Get(ctx, "default", metav1.GetOptions{})
		must(err, "the default service account")
		kinds = walkKinds(ctx, kube, extensions, content.namespace)
		signing(ctx, kube, content.namespace)
		reviews(ctx, kube)
		status(ctx, kube, content.namespace)
		specials(ctx, kube, content.namespace)
	}
	return fmt.Sprintf("%d kinds, twice", kinds)
}

// signing walks a certificate signing request through approval and status, each a subresource of its own.
func signing(ctx context.Context, kube kubernetes.Interface, name string) {
	requests := kube.CertificatesV1().CertificateSigningRequests()
	made, err := requests.Create(ctx, signingRequest(name), metav1.CreateOptions{})
	must(err, "create a signing request")
	check(made.Spec.Username != "" && len(made.Spec.Groups) > 0, "who asks is recorded: %s", text(made.Spec))
	approved := made.DeepCopy()
	approved.Status.Conditions = append(approved.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "Walk", Message: "approved",
	})
	ignored, err := requests.Update(ctx, approved, metav1.UpdateOptions{})
	must(err, "update a signing request")
	check(len(ignored.Status.Conditions) == 0, "a plain update approves: %s", text(ignored.Status))
	approved, err = requests.UpdateApproval(ctx, name, approved, metav1.UpdateOptions{})
	must(err, "approve")
	check(len(approved.Status.Conditions) == 1 && !approved.Status.Conditions[0].LastUpdateTime.IsZero(), "approved: %s", text(approved.Status))
	denied := approved.DeepCopy()
	denied.Status.Conditions[0].Type = certificatesv1.CertificateDenied
	_, err = requests.UpdateApproval(ctx, name, denied, metav1.UpdateOptions{})
	check(apierrors.IsInvalid(err), "approval taken back: %v", err)
	signed := approved.DeepCopy()
	signed.Status.Certificate = certificate()
	signed, err = requests.UpdateStatus(ctx, signed, metav1.UpdateOptions{})
	must(err, "sign")
	check(len(signed.Status.Certificate) > 0, "the certificate is there: %s", text(signed.Status))
	must(requests.Delete(ctx, name, metav1.DeleteOptions{}), "delete the signing request")
}

func signingRequest(name string) *certificatesv1.CertificateSigningRequest {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err, "key")
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "walker"}}, key)
	must(err, "request")
	seconds := int32(3600)
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:           pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}),
			SignerName:        "hanse.example/walk",
			ExpirationSeconds: &seconds,
			Usages:            []certificatesv1.KeyUsage{certificatesv1.UsageDigitalSignature, certificatesv1.UsageClientAuth},
		},
	}
}

// reviews asks who one is and what one may.
func reviews(ctx context.Context, kube kubernetes.Interface) {
	self, err := kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	must(err, "who am I")
	check(self.Status.UserInfo.Username == "kcp-admin", "I am %s", text(self.Status))
	resource := &authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets", Namespace: "default"}
	may, err := kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: resource},
	}, metav1.CreateOptions{})
	must(err, "may I")
	check(may.Status.Allowed, "an administrator may list secrets: %s", text(may.Status))
	other, err := kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: resource, User: "nobody", Groups: []string{"none"}},
	}, metav1.CreateOptions{})
	must(err, "may nobody")
	check(!other.Status.Allowed, "nobody may list secrets: %s", text(other.Status))
	local, err := kube.AuthorizationV1().LocalSubjectAccessReviews("default").Create(ctx, &authorizationv1.LocalSubjectAccessReview{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default"},
		Spec:       authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: resource, User: "nobody"},
	}, metav1.CreateOptions{})
	must(err, "may nobody here")
	check(!local.Status.Allowed, "nobody may list secrets here: %s", text(local.Status))
	rules, err := kube.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "default"},
	}, metav1.CreateOptions{})
	must(err, "what may I")
	check(len(rules.Status.ResourceRules) > 0, "an administrator has rules: %s", text(rules.Status))
	token, err := kube.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: "none"},
	}, metav1.CreateOptions{})
	must(err, "whose token")
	check(!token.Status.Authenticated, "nobody's token: %s", text(token.Status))
}

// status writes subresources: what they own changes, the rest does not.
func status(ctx context.Context, kube kubernetes.Interface, namespace string) {
	space, err := kube.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	must(err, "get the namespace")
	space.Status.Conditions = []corev1.NamespaceCondition{{
		Type: "hanse.example/Seen", Status: corev1.ConditionTrue, Reason: "Walk", Message: "seen", LastTransitionTime: metav1.Now(),
	}}
	space, err = kube.CoreV1().Namespaces().UpdateStatus(ctx, space, metav1.UpdateOptions{})
	must(err, "status of the namespace")
	check(len(space.Status.Conditions) == 1 && space.Status.Phase == corev1.NamespaceActive, "status: %s", text(space.Status))
	applied, err := kube.CoreV1().Namespaces().ApplyStatus(ctx, applycore.Namespace(namespace).WithStatus(
		applycore.NamespaceStatus().WithConditions(applycore.NamespaceCondition().WithType("hanse.example/Applied").
			WithStatus(corev1.ConditionTrue).WithReason("Walk").WithMessage("applied").WithLastTransitionTime(metav1.Now())),
	), metav1.ApplyOptions{FieldManager: "status"})
	must(err, "apply the status of the namespace")
	check(len(applied.Status.Conditions) == 2, "conditions merge by type: %s", text(applied.Status))
	space, err = kube.CoreV1().Namespaces().Finalize(ctx, applied, metav1.UpdateOptions{})
	must(err, "finalize")
	check(len(space.Spec.Finalizers) == 1, "finalizers: %s", text(space.Spec))
}

// specials are rules of single kinds, as a typed client meets them.
func specials(ctx context.Context, kube kubernetes.Interface, namespace string) {
	maps := kube.CoreV1().ConfigMaps(namespace)
	always := true
	fixed, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "fixed-"}, Immutable: &always,
		BinaryData: map[string][]byte{"bytes": {0, 1, 254, 255}},
	}, metav1.CreateOptions{})
	must(err, "an immutable map")
	check(len(fixed.Name) == len("fixed-")+5 && len(fixed.BinaryData["bytes"]) == 4, "made %s", text(fixed))
	fixed.Data = map[string]string{"a": "b"}
	_, err = maps.Update(ctx, fixed, metav1.UpdateOptions{})
	check(apierrors.IsInvalid(err), "an immutable map is changed: %v", err)
	_, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Not_A_Name"}}, metav1.CreateOptions{})
	check(apierrors.IsInvalid(err), "a bad name: %v", err)
	_, err = kube.CoreV1().ConfigMaps("nowhere").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
	check(apierrors.IsNotFound(err), "a namespace that is not there: %v", err)
	secret, err := kube.CoreV1().Secrets(namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "strings"}, StringData: map[string]string{"word": "haddock"},
	}, metav1.CreateOptions{})
	must(err, "a secret of strings")
	check(string(secret.Data["word"]) == "haddock" && len(secret.StringData) == 0 && secret.Type == corev1.SecretTypeOpaque, "secret %s", text(secret))
	_, err = maps.Watch(ctx, metav1.ListOptions{ResourceVersion: "1", TimeoutSeconds: new(int64)})
	check(err == nil || apierrors.IsResourceExpired(err) || apierrors.IsGone(err), "a watch from the beginning of time: %v", err)

	// A watch tells apart what enters and leaves a selector.
	events, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "border=in"})
	must(err, "watch at a border")
	defer events.Stop()
	crossing := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "crossing", Labels: map[string]string{"border": "out"}}}
	crossing, err = maps.Create(ctx, crossing, metav1.CreateOptions{})
	must(err, "create")
	for _, side := range []string{"in", "out", "in"} {
		crossing.Labels["border"] = side
		crossing, err = maps.Update(ctx, crossing, metav1.UpdateOptions{})
		must(err, "cross")
	}
	for _, wanted := range []string{"ADDED", "DELETED", "ADDED"} {
		select {
		case event := <-events.ResultChan():
			check(string(event.Type) == wanted, "at the border %s in place of %s", event.Type, wanted)
		case <-time.After(10 * time.Second):
			panic(failure{"nothing at the border; wanted " + wanted})
		}
	}
}

// certificate is one that nobody trusts.
func certificate() []byte {
	bytes, _ := selfSigned("walker")
	return bytes
}
