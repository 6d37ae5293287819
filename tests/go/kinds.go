package main

import (
	"context"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	applyextensions "k8s.io/apiextensions-apiserver/pkg/client/applyconfiguration/apiextensions/v1"
	clientset "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applyadmission "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	applycertificates "k8s.io/client-go/applyconfigurations/certificates/v1"
	applycoordination "k8s.io/client-go/applyconfigurations/coordination/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applyevents "k8s.io/client-go/applyconfigurations/events/v1"
	applyrbac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/kubernetes"
)

// note is an annotation that a manager applies, where a kind has nothing better.
func note(value string) map[string]string { return map[string]string{"hanse.example/applied": value} }

func noted[T object](object T) string { return object.GetAnnotations()["hanse.example/applied"] }

// annotated is the change for a kind whose content may not change.
func annotated[T object](object T) { annotate(object, "changed", "1") }

func wasAnnotated[T object](object T) bool { return object.GetAnnotations()["changed"] == "1" }

func pointer[T any](value T) *T { return &value }

// walkKinds walks every kind, and says how many.
func walkKinds(ctx context.Context, kube kubernetes.Interface, extensions clientset.Interface, namespace string) int {
	kinds := walkCore(ctx, kube, namespace)
	kinds += walkQuantities(ctx, kube, namespace)
	kinds += walkTimes(ctx, kube, namespace)
	kinds += walkRoles(ctx, kube, namespace)
	kinds += walkWebhooks(ctx, kube)
	kinds += walkPolicies(ctx, kube)
	walk(ctx, extensions.ApiextensionsV1().CustomResourceDefinitions(), subject[*extensionsv1.CustomResourceDefinition, *applyextensions.CustomResourceDefinitionApplyConfiguration]{
		kind: "CustomResourceDefinition",
		name: func(name string) string { return name + "s.walk.hanse.example" },
		make: definition,
		change: func(object *extensionsv1.CustomResourceDefinition) {
			object.Spec.Names.ShortNames = []string{"short" + object.Spec.Names.Singular}
		},
		changed: func(object *extensionsv1.CustomResourceDefinition) bool {
			return len(object.Spec.Names.ShortNames) == 1
		},
		apply: func(name, value string) *applyextensions.CustomResourceDefinitionApplyConfiguration {
			return applyextensions.CustomResourceDefinition(name).WithAnnotations(note(value))
		},
		applied: noted[*extensionsv1.CustomResourceDefinition],
	})
	walk(ctx, kube.CertificatesV1().CertificateSigningRequests(), subject[*certificatesv1.CertificateSigningRequest, *applycertificates.CertificateSigningRequestApplyConfiguration]{
		kind: "CertificateSigningRequest", make: signingRequest,
		change: annotated[*certificatesv1.CertificateSigningRequest], changed: wasAnnotated[*certificatesv1.CertificateSigningRequest],
		apply: func(name, value string) *applycertificates.CertificateSigningRequestApplyConfiguration {
			return applycertificates.CertificateSigningRequest(name).WithAnnotations(note(value))
		},
		applied: noted[*certificatesv1.CertificateSigningRequest],
	})
	return kinds + 2
}

func walkCore(ctx context.Context, kube kubernetes.Interface, namespace string) int {
	walk(ctx, kube.CoreV1().ConfigMaps(namespace), subject[*corev1.ConfigMap, *applycore.ConfigMapApplyConfiguration]{
		kind: "ConfigMap",
		make: func(string) *corev1.ConfigMap {
			return &corev1.ConfigMap{Data: map[string]string{"a": "b", "none": ""}, BinaryData: map[string][]byte{"c": {0, 255}}}
		},
		change: func(object *corev1.ConfigMap) { object.Data["a"] = "c" },
		changed: func(object *corev1.ConfigMap) bool {
			return object.Data["a"] == "c" && len(object.BinaryData["c"]) == 2
		},
		apply: func(name, value string) *applycore.ConfigMapApplyConfiguration {
			return applycore.ConfigMap(name, namespace).WithData(map[string]string{"applied": value})
		},
		applied: func(object *corev1.ConfigMap) string { return object.Data["applied"] },
	})
	walk(ctx, kube.CoreV1().Secrets(namespace), subject[*corev1.Secret, *applycore.SecretApplyConfiguration]{
		kind: "Secret",
		make: func(string) *corev1.Secret {
			return &corev1.Secret{Type: "hanse.example/walk", Data: map[string][]byte{"a": []byte("b"), "none": {}}}
		},
		change:  func(object *corev1.Secret) { object.StringData = map[string]string{"a": "c"} },
		changed: func(object *corev1.Secret) bool { return string(object.Data["a"]) == "c" && object.StringData == nil },
		apply: func(name, value string) *applycore.SecretApplyConfiguration {
			return applycore.Secret(name, namespace).WithData(map[string][]byte{"applied": []byte(value)})
		},
		applied: func(object *corev1.Secret) string { return string(object.Data["applied"]) },
	})
	walk(ctx, kube.CoreV1().ServiceAccounts(namespace), subject[*corev1.ServiceAccount, *applycore.ServiceAccountApplyConfiguration]{
		kind: "ServiceAccount",
		make: func(string) *corev1.ServiceAccount {
			return &corev1.ServiceAccount{
				ImagePullSecrets:             []corev1.LocalObjectReference{{Name: "pull"}},
				Secrets:                      []corev1.ObjectReference{{Name: "mount"}},
				AutomountServiceAccountToken: pointer(false),
			}
		},
		change: func(object *corev1.ServiceAccount) {
			object.ImagePullSecrets = append(object.ImagePullSecrets, corev1.LocalObjectReference{Name: "more"})
		},
		changed: func(object *corev1.ServiceAccount) bool {
			return len(object.ImagePullSecrets) == 2 && !*object.AutomountServiceAccountToken
		},
		apply: func(name, value string) *applycore.ServiceAccountApplyConfiguration {
			return applycore.ServiceAccount(name, namespace).WithAnnotations(note(value))
		},
		applied: noted[*corev1.ServiceAccount],
	})
	walk(ctx, kube.CoreV1().Namespaces(), subject[*corev1.Namespace, *applycore.NamespaceApplyConfiguration]{
		kind:   "Namespace",
		single: true,
		name:   func(name string) string { return namespace + "-" + name },
		make:   func(string) *corev1.Namespace { return &corev1.Namespace{} },
		change: annotated[*corev1.Namespace], changed: wasAnnotated[*corev1.Namespace],
		apply: func(name, value string) *applycore.NamespaceApplyConfiguration {
			return applycore.Namespace(name).WithAnnotations(note(value))
		},
		applied: noted[*corev1.Namespace],
	})
	return 4
}

// walkQuantities walks the kinds that hold amounts.
func walkQuantities(ctx context.Context, kube kubernetes.Interface, namespace string) int {
	walk(ctx, kube.CoreV1().ResourceQuotas(namespace), subject[*corev1.ResourceQuota, *applycore.ResourceQuotaApplyConfiguration]{
		kind: "ResourceQuota",
		make: func(string) *corev1.ResourceQuota {
			return &corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
				"count/configmaps": resource.MustParse("1k"), corev1.ResourceLimitsMemory: resource.MustParse("1.5Gi"),
			}}}
		},
		change: func(object *corev1.ResourceQuota) {
			object.Spec.Hard["count/secrets"] = resource.MustParse("900")
		},
		changed: func(object *corev1.ResourceQuota) bool {
			return object.Spec.Hard.Name("count/secrets", "").Value() == 900
		},
		apply: func(name, value string) *applycore.ResourceQuotaApplyConfiguration {
			amounts := map[string]string{"one": "111", "two": "222"}
			return applycore.ResourceQuota(name, namespace).WithSpec(applycore.ResourceQuotaSpec().WithHard(
				corev1.ResourceList{"count/leases.coordination.k8s.io": resource.MustParse(amounts[value])}))
		},
		applied: func(object *corev1.ResourceQuota) string {
			amount := object.Spec.Hard["count/leases.coordination.k8s.io"]
			return map[string]string{"111": "one", "222": "two"}[amount.String()]
		},
	})
	walk(ctx, kube.CoreV1().LimitRanges(namespace), subject[*corev1.LimitRange, *applycore.LimitRangeApplyConfiguration]{
		kind: "LimitRange",
		make: func(string) *corev1.LimitRange {
			return &corev1.LimitRange{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypeContainer,
				Max:  corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("1Gi")},
				Min:  corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")},
			}}}}
		},
		change: func(object *corev1.LimitRange) {
			object.Spec.Limits[0].Max[corev1.ResourceCPU] = resource.MustParse("3")
		},
		changed: func(object *corev1.LimitRange) bool { return object.Spec.Limits[0].Max.Cpu().Value() == 3 },
		apply: func(name, value string) *applycore.LimitRangeApplyConfiguration {
			return applycore.LimitRange(name, namespace).WithAnnotations(note(value))
		},
		applied: noted[*corev1.LimitRange],
	})
	return 2
}

// walkTimes walks the kinds that hold moments.
func walkTimes(ctx context.Context, kube kubernetes.Interface, namespace string) int {
	moment := metav1.NewMicroTime(time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC))
	walk(ctx, kube.CoordinationV1().Leases(namespace), subject[*coordinationv1.Lease, *applycoordination.LeaseApplyConfiguration]{
		kind: "Lease",
		make: func(string) *coordinationv1.Lease {
			return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
				HolderIdentity: pointer("me"), LeaseDurationSeconds: pointer(int32(15)), AcquireTime: &moment, RenewTime: &moment,
			}}
		},
		change: func(object *coordinationv1.Lease) { object.Spec.LeaseTransitions = pointer(int32(2)) },
		changed: func(object *coordinationv1.Lease) bool {
			return *object.Spec.LeaseTransitions == 2 && object.Spec.RenewTime.Equal(&moment)
		},
		apply: func(name, value string) *applycoordination.LeaseApplyConfiguration {
			return applycoordination.Lease(name, namespace).WithSpec(applycoordination.LeaseSpec().WithHolderIdentity(value))
		},
		applied: func(object *coordinationv1.Lease) string { return *object.Spec.HolderIdentity },
	})
	about := corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Name: "about", Namespace: namespace}
	walk(ctx, kube.CoreV1().Events(namespace), subject[*corev1.Event, *applycore.EventApplyConfiguration]{
		kind: "Event",
		make: func(string) *corev1.Event {
			second := metav1.NewTime(moment.Truncate(time.Second))
			return &corev1.Event{
				InvolvedObject: about, Reason: "Walked", Message: "it was walked", Type: corev1.EventTypeNormal, Count: 3,
				FirstTimestamp: second, LastTimestamp: second, Source: corev1.EventSource{Component: "walk"},
			}
		},
		change:  func(object *corev1.Event) { object.Count = 4 },
		changed: func(object *corev1.Event) bool { return object.Count == 4 && object.Source.Component == "walk" },
		apply: func(name, value string) *applycore.EventApplyConfiguration {
			return applycore.Event(name, namespace).WithReason(value)
		},
		applied: func(object *corev1.Event) string { return object.Reason },
	})
	walk(ctx, kube.EventsV1().Events(namespace), subject[*eventsv1.Event, *applyevents.EventApplyConfiguration]{
		kind: "EventOfEvents",
		name: func(name string) string { return "e" + name },
		make: func(string) *eventsv1.Event {
			return &eventsv1.Event{
				EventTime: moment, ReportingController: "hanse.example/walk", ReportingInstance: "one", Action: "Walk",
				Reason: "Walked", Regarding: about, Note: "it was walked", Type: corev1.EventTypeNormal,
			}
		},
		change: func(object *eventsv1.Event) {
			object.Series = &eventsv1.EventSeries{Count: 7, LastObservedTime: moment}
		},
		changed: func(object *eventsv1.Event) bool {
			return object.Series.Count == 7 && object.Series.LastObservedTime.Equal(&moment)
		},
		apply: func(name, value string) *applyevents.EventApplyConfiguration {
			return applyevents.Event(name, namespace).WithAnnotations(note(value))
		},
		applied: noted[*eventsv1.Event],
	})
	return 3
}

func walkRoles(ctx context.Context, kube kubernetes.Interface, namespace string) int {
	rules := []rbacv1.PolicyRule{{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"one"}}}
	more := rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
	people := []rbacv1.Subject{
		{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "anna"},
		{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "default"},
	}
	group := rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "crew"}
	walk(ctx, kube.RbacV1().Roles(namespace), subject[*rbacv1.Role, *applyrbac.RoleApplyConfiguration]{
		kind:    "Role",
		make:    func(string) *rbacv1.Role { return &rbacv1.Role{Rules: rules} },
		change:  func(object *rbacv1.Role) { object.Rules = append(object.Rules, more) },
		changed: func(object *rbacv1.Role) bool { return len(object.Rules) == 2 },
		apply: func(name, value string) *applyrbac.RoleApplyConfiguration {
			return applyrbac.Role(name, namespace).WithRules(applyrbac.PolicyRule().WithAPIGroups("").WithResources(value).WithVerbs("get"))
		},
		applied: func(object *rbacv1.Role) string { return object.Rules[0].Resources[0] },
	})
	walk(ctx, kube.RbacV1().ClusterRoles(), subject[*rbacv1.ClusterRole, *applyrbac.ClusterRoleApplyConfiguration]{
		kind: "ClusterRole",
		make: func(string) *rbacv1.ClusterRole {
			return &rbacv1.ClusterRole{Rules: append(rules, rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}})}
		},
		change:  func(object *rbacv1.ClusterRole) { object.Rules = append(object.Rules, more) },
		changed: func(object *rbacv1.ClusterRole) bool { return len(object.Rules) == 3 },
		apply: func(name, value string) *applyrbac.ClusterRoleApplyConfiguration {
			return applyrbac.ClusterRole(name).WithRules(applyrbac.PolicyRule().WithAPIGroups("").WithResources(value).WithVerbs("get"))
		},
		applied: func(object *rbacv1.ClusterRole) string { return object.Rules[0].Resources[0] },
	})
	walk(ctx, kube.RbacV1().RoleBindings(namespace), subject[*rbacv1.RoleBinding, *applyrbac.RoleBindingApplyConfiguration]{
		kind: "RoleBinding",
		make: func(string) *rbacv1.RoleBinding {
			return &rbacv1.RoleBinding{Subjects: people, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "some"}}
		},
		change:  func(object *rbacv1.RoleBinding) { object.Subjects = append(object.Subjects, group) },
		changed: func(object *rbacv1.RoleBinding) bool { return len(object.Subjects) == 3 },
		apply: func(name, value string) *applyrbac.RoleBindingApplyConfiguration {
			return applyrbac.RoleBinding(name, namespace).WithSubjects(applyrbac.Subject().WithKind("User").WithAPIGroup(rbacv1.GroupName).WithName(value)).
				WithRoleRef(applyrbac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName("some"))
		},
		applied: func(object *rbacv1.RoleBinding) string { return object.Subjects[0].Name },
	})
	walk(ctx, kube.RbacV1().ClusterRoleBindings(), subject[*rbacv1.ClusterRoleBinding, *applyrbac.ClusterRoleBindingApplyConfiguration]{
		kind: "ClusterRoleBinding",
		make: func(string) *rbacv1.ClusterRoleBinding {
			return &rbacv1.ClusterRoleBinding{Subjects: people, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "some"}}
		},
		change:  func(object *rbacv1.ClusterRoleBinding) { object.Subjects = append(object.Subjects, group) },
		changed: func(object *rbacv1.ClusterRoleBinding) bool { return len(object.Subjects) == 3 },
		apply: func(name, value string) *applyrbac.ClusterRoleBindingApplyConfiguration {
			return applyrbac.ClusterRoleBinding(name).WithAnnotations(note(value))
		},
		applied: noted[*rbacv1.ClusterRoleBinding],
	})
	return 4
}

// nothing is a resource that nobody serves, so that what is registered here is never asked.
var nothing = admissionv1.Rule{APIGroups: []string{"none.hanse.example"}, APIVersions: []string{"v1"}, Resources: []string{"nothings"}}

func walkWebhooks(ctx context.Context, kube kubernetes.Interface) int {
	side := admissionv1.SideEffectClassNone
	rules := []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: nothing}}
	where := admissionv1.WebhookClientConfig{URL: pointer("https://127.0.0.1:9/never")}
	walk(ctx, kube.AdmissionregistrationV1().ValidatingWebhookConfigurations(), subject[*admissionv1.ValidatingWebhookConfiguration, *applyadmission.ValidatingWebhookConfigurationApplyConfiguration]{
		kind: "ValidatingWebhookConfiguration",
		make: func(string) *admissionv1.ValidatingWebhookConfiguration {
			return &admissionv1.ValidatingWebhookConfiguration{Webhooks: []admissionv1.ValidatingWebhook{{
				Name: "a.hanse.example", ClientConfig: where, Rules: rules, SideEffects: &side, AdmissionReviewVersions: []string{"v1"},
				MatchConditions: []admissionv1.MatchCondition{{Name: "never", Expression: "false"}},
			}}}
		},
		change: func(object *admissionv1.ValidatingWebhookConfiguration) {
			object.Webhooks[0].TimeoutSeconds = pointer(int32(3))
		},
		changed: func(object *admissionv1.ValidatingWebhookConfiguration) bool {
			return *object.Webhooks[0].TimeoutSeconds == 3 && *object.Webhooks[0].FailurePolicy == admissionv1.Fail
		},
		apply: func(name, value string) *applyadmission.ValidatingWebhookConfigurationApplyConfiguration {
			return applyadmission.ValidatingWebhookConfiguration(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.ValidatingWebhookConfiguration],
	})
	walk(ctx, kube.AdmissionregistrationV1().MutatingWebhookConfigurations(), subject[*admissionv1.MutatingWebhookConfiguration, *applyadmission.MutatingWebhookConfigurationApplyConfiguration]{
		kind: "MutatingWebhookConfiguration",
		make: func(string) *admissionv1.MutatingWebhookConfiguration {
			return &admissionv1.MutatingWebhookConfiguration{Webhooks: []admissionv1.MutatingWebhook{{
				Name: "a.hanse.example", ClientConfig: where, Rules: rules, SideEffects: &side, AdmissionReviewVersions: []string{"v1"},
			}}}
		},
		change: func(object *admissionv1.MutatingWebhookConfiguration) {
			object.Webhooks[0].TimeoutSeconds = pointer(int32(3))
		},
		changed: func(object *admissionv1.MutatingWebhookConfiguration) bool {
			return *object.Webhooks[0].TimeoutSeconds == 3 && *object.Webhooks[0].ReinvocationPolicy == admissionv1.NeverReinvocationPolicy
		},
		apply: func(name, value string) *applyadmission.MutatingWebhookConfigurationApplyConfiguration {
			return applyadmission.MutatingWebhookConfiguration(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.MutatingWebhookConfiguration],
	})
	return 2
}

func walkPolicies(ctx context.Context, kube kubernetes.Interface) int {
	match := &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
		RuleWithOperations: admissionv1.RuleWithOperations{Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: nothing},
	}}}
	walk(ctx, kube.AdmissionregistrationV1().ValidatingAdmissionPolicies(), subject[*admissionv1.ValidatingAdmissionPolicy, *applyadmission.ValidatingAdmissionPolicyApplyConfiguration]{
		kind: "ValidatingAdmissionPolicy",
		make: func(string) *admissionv1.ValidatingAdmissionPolicy {
			return &admissionv1.ValidatingAdmissionPolicy{Spec: admissionv1.ValidatingAdmissionPolicySpec{
				MatchConstraints: match,
				Variables:        []admissionv1.Variable{{Name: "size", Expression: "object.spec.size"}},
				Validations:      []admissionv1.Validation{{Expression: "variables.size < 3", Message: "too large"}},
			}}
		},
		change: func(object *admissionv1.ValidatingAdmissionPolicy) {
			object.Spec.Validations[0].Message = "much too large"
		},
		changed: func(object *admissionv1.ValidatingAdmissionPolicy) bool {
			return object.Spec.Validations[0].Message == "much too large" && *object.Spec.FailurePolicy == admissionv1.Fail
		},
		apply: func(name, value string) *applyadmission.ValidatingAdmissionPolicyApplyConfiguration {
			return applyadmission.ValidatingAdmissionPolicy(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.ValidatingAdmissionPolicy],
	})
	walk(ctx, kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings(), subject[*admissionv1.ValidatingAdmissionPolicyBinding, *applyadmission.ValidatingAdmissionPolicyBindingApplyConfiguration]{
		kind: "ValidatingAdmissionPolicyBinding",
		make: func(string) *admissionv1.ValidatingAdmissionPolicyBinding {
			return &admissionv1.ValidatingAdmissionPolicyBinding{Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName: "none", ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			}}
		},
		change: func(object *admissionv1.ValidatingAdmissionPolicyBinding) {
			object.Spec.ValidationActions = append(object.Spec.ValidationActions, admissionv1.Audit)
		},
		changed: func(object *admissionv1.ValidatingAdmissionPolicyBinding) bool {
			return len(object.Spec.ValidationActions) == 2
		},
		apply: func(name, value string) *applyadmission.ValidatingAdmissionPolicyBindingApplyConfiguration {
			return applyadmission.ValidatingAdmissionPolicyBinding(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.ValidatingAdmissionPolicyBinding],
	})
	walk(ctx, kube.AdmissionregistrationV1().MutatingAdmissionPolicies(), subject[*admissionv1.MutatingAdmissionPolicy, *applyadmission.MutatingAdmissionPolicyApplyConfiguration]{
		kind: "MutatingAdmissionPolicy",
		make: func(string) *admissionv1.MutatingAdmissionPolicy {
			return &admissionv1.MutatingAdmissionPolicy{Spec: admissionv1.MutatingAdmissionPolicySpec{
				MatchConstraints:   match,
				ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
				Mutations: []admissionv1.Mutation{{
					PatchType:          admissionv1.PatchTypeApplyConfiguration,
					ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: `Object{metadata: Object.metadata{labels: {"a": "b"}}}`},
				}},
			}}
		},
		change: func(object *admissionv1.MutatingAdmissionPolicy) {
			object.Spec.ReinvocationPolicy = admissionv1.IfNeededReinvocationPolicy
		},
		changed: func(object *admissionv1.MutatingAdmissionPolicy) bool {
			return object.Spec.ReinvocationPolicy == admissionv1.IfNeededReinvocationPolicy
		},
		apply: func(name, value string) *applyadmission.MutatingAdmissionPolicyApplyConfiguration {
			return applyadmission.MutatingAdmissionPolicy(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.MutatingAdmissionPolicy],
	})
	walk(ctx, kube.AdmissionregistrationV1().MutatingAdmissionPolicyBindings(), subject[*admissionv1.MutatingAdmissionPolicyBinding, *applyadmission.MutatingAdmissionPolicyBindingApplyConfiguration]{
		kind: "MutatingAdmissionPolicyBinding",
		make: func(string) *admissionv1.MutatingAdmissionPolicyBinding {
			return &admissionv1.MutatingAdmissionPolicyBinding{Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: "none"}}
		},
		change: func(object *admissionv1.MutatingAdmissionPolicyBinding) { object.Spec.PolicyName = "other" },
		changed: func(object *admissionv1.MutatingAdmissionPolicyBinding) bool {
			return object.Spec.PolicyName == "other"
		},
		apply: func(name, value string) *applyadmission.MutatingAdmissionPolicyBindingApplyConfiguration {
			return applyadmission.MutatingAdmissionPolicyBinding(name).WithAnnotations(note(value))
		},
		applied: noted[*admissionv1.MutatingAdmissionPolicyBinding],
	})
	return 4
}
