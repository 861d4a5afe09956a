package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/orchestra-ci/orchestra-k8s/driver"
)

func connectionAdvice(err error) string {
	if apierrors.IsUnauthorized(err) {
		return "Renew the credentials in the kubeconfig, or choose another --context."
	}
	return "Check that the cluster runs, that this machine reaches it, and that --kubeconfig and --context name the right one."
}

// oldestServer is the oldest version whose server-side apply and watch lists the driver relies on: it has creation by apply with a
// precondition, and bookmarks, since 1.22; older ones get no fixes.
var oldestServer = version.MustParseGeneric("1.27")

func checkVersion(_ context.Context, p *patient) finding {
	info, err := p.client.Discovery().ServerVersion()
	if err != nil {
		return finding{Grade: gradeWrong, Found: err.Error(), Advice: connectionAdvice(err)}
	}
	parsed, err := version.ParseGeneric(info.GitVersion)
	if err == nil && parsed.LessThan(oldestServer) {
		return finding{Grade: gradeNote, Found: "Kubernetes " + info.GitVersion, Advice: "Tested are " + oldestServer.String() + " and later; upgrade the cluster if tasks fail."}
	}
	return finding{Grade: gradeOK, Found: "Kubernetes " + info.GitVersion}
}

// checkPermissions asks for every verb of every resource that the templates and run's flags need.
func checkPermissions(ctx context.Context, p *patient) finding {
	features, err := chosenFeatures(p.cfg, nil)
	if err != nil {
		return finding{Grade: gradeWrong, Found: err.Error(), Advice: templatesHint}
	}
	var missing []string
	asked := 0
	for _, rule := range driver.Rules(features...) {
		for _, verb := range rule.Verbs {
			asked++
			allowed, err := p.may(ctx, rule, verb)
			if err != nil {
				return finding{Grade: gradeNote, Found: err.Error(), Advice: "The cluster does not say what is allowed; a task that fails will."}
			}
			if !allowed {
				missing = append(missing, verb+" "+rule.Resources[0])
			}
		}
	}
	if len(missing) > 0 {
		return finding{Grade: gradeWrong, Found: "not allowed: " + strings.Join(missing, ", "), Advice: "`kubectl orchestra rbac` prints the Role to ask for."}
	}
	return finding{Grade: gradeOK, Found: fmt.Sprintf("all %d that tasks with volumes, stdin and copies need", asked)}
}

func (p *patient) may(ctx context.Context, rule rbacv1.PolicyRule, verb string) (bool, error) {
	resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: p.namespace, Verb: verb, Group: rule.APIGroups[0], Resource: resource, Subresource: subresource,
		},
	}}
	answer, err := p.client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}

// defaultClass marks the class of claims that name none (k8s.io/api storage/v1).
const defaultClass = "storageclass.kubernetes.io/is-default-class"

func checkStorageClass(ctx context.Context, p *patient) finding {
	classes, err := p.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return finding{Grade: gradeNote, Found: err.Error(), Advice: "Storage classes cannot be read; the first task with a volume will show whether there is a default."}
	}
	var names []string
	for _, class := range classes.Items {
		if class.Annotations[defaultClass] == "true" {
			return finding{Grade: gradeOK, Found: fmt.Sprintf("%q is the default (%s)", class.Name, class.Provisioner)}
		}
		names = append(names, class.Name)
	}
	if len(names) == 0 {
		return finding{Grade: gradeNote, Found: "there is none", Advice: "Volumes need claims that somebody binds; tasks without volumes work."}
	}
	return finding{Grade: gradeNote, Found: "there is no default; there are " + strings.Join(names, ", "), Advice: "Set the value storageClassName if tasks use volumes."}
}

// enforcedLevel is the label of the Pod Security level that a namespace enforces (k8s.io/pod-security-admission/api).
const enforcedLevel = "pod-security.kubernetes.io/enforce"

func checkPodSecurity(ctx context.Context, p *patient) finding {
	namespace, err := p.client.CoreV1().Namespaces().Get(ctx, p.namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return finding{Grade: gradeNote, Found: fmt.Sprintf("the namespace %q does not exist", p.namespace), Advice: "Make it, or use templates that do: builtin:dedicated-namespace."}
	case err != nil:
		return finding{Grade: gradeNote, Found: err.Error(), Advice: "The namespace cannot be read; the dry run below shows whether it takes tasks."}
	}
	switch level := namespace.Labels[enforcedLevel]; level {
	case "":
		return finding{Grade: gradeOK, Found: "no level is enforced"}
	case "restricted":
		if slices.Contains(p.cfg.TemplateDirs, "builtin:restricted") {
			return finding{Grade: gradeOK, Found: "level restricted, and the templates are made for it"}
		}
		return finding{Grade: gradeNote, Found: "level restricted", Advice: "The default templates are refused here: use --templates builtin:restricted."}
	default:
		return finding{Grade: gradeOK, Found: "level " + level}
	}
}

// checkApply applies a sample task in a dry run: server-side apply, quota, policies and Pod Security at once.
func checkApply(ctx context.Context, p *patient) finding {
	task := sampleTask()
	task.ID = "orchestra-doctor"
	if err := p.driver.DryRun(ctx, task); err != nil {
		return finding{Grade: gradeWrong, Found: err.Error(), Advice: "Change the templates or the namespace as the message says."}
	}
	return finding{Grade: gradeOK, Found: "a sample task with a volume passes a dry run"}
}

// checkLogStreams asks about a task that is there, as only a node can tell.
func checkLogStreams(ctx context.Context, p *patient) finding {
	const advice = "Run a task and ask again."
	tasks, err := p.driver.Tasks(ctx)
	if err != nil {
		return finding{Grade: gradeNote, Found: err.Error(), Advice: advice}
	}
	at := slices.IndexFunc(tasks, func(task driver.TaskInfo) bool { return !task.Started.IsZero() })
	if at < 0 {
		return finding{Grade: gradeNote, Found: "unknown: no task of this scope has started, and only its node can tell", Advice: advice}
	}
	container, err := p.driver.FindTask(ctx, tasks[at].ID)
	if err != nil {
		return finding{Grade: gradeNote, Found: err.Error(), Advice: advice}
	}
	splits, err := container.(driver.LogSplitter).SplitsLogs(ctx)
	switch {
	case err != nil:
		return finding{Grade: gradeNote, Found: err.Error(), Advice: advice}
	case splits:
		return finding{Grade: gradeOK, Found: "stdout and stderr are kept apart"}
	}
	return finding{Grade: gradeNote, Found: "stdout and stderr are merged to stdout", Advice: "The feature gate PodLogsQuerySplitStreams of API server and kubelets keeps them apart."}
}
