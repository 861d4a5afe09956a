package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// TestClusterPermissions uses every feature as a user who has its permissions and no others, then once for each permission as
// a user who lacks just that one, and looks for the verb and the resource in what the driver says.
func TestClusterPermissions(t *testing.T) {
	admin, _ := onCluster(t, uniqueNamespace(), nil)
	var cases []*permissionCase
	for _, f := range append(Features(), extrasFeature([]render.Kind{{APIVersion: "v1", Kind: "Secret"}})) {
		cases = append(cases, casesOf(f)...)
	}
	cases = append(cases, casesOf(copiesFeature())[0])
	config := clusterConfig(t)
	inParallel(len(cases), func(i int) { cases[i].play(t, admin, config) })
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.lacks == "" {
				require.NoError(t, c.err)
				assert.NotContains(t, c.log, "forbidden")
				return
			}
			assert.Contains(t, strings.ReplaceAll(fmt.Sprint(c.err, "\n", c.log), `\"`, `"`), c.lacks)
		})
	}
}

// featureCopies is what takes two features.
const featureCopies = "copies"

func copiesFeature() Feature {
	copies := Feature{Name: featureCopies}
	for _, f := range Features() {
		if f.Name == FeatureVolumes || f.Name == FeatureExec {
			copies.Rules = append(copies.Rules, f.Rules...)
		}
	}
	return copies
}

// permissionCase is one use of a feature by one user.
type permissionCase struct {
	name    string
	feature Feature
	rules   []rbacv1.PolicyRule // of the user
	lacks   string              // what the server says of the permission that is missing; "": none is

	err error
	log string
}

// casesOf are those of a feature: with all its permissions, and without each of them.
func casesOf(f Feature) []*permissionCase {
	all := Features()
	whole := Rules(all[0], all[1], f)
	cases := []*permissionCase{{name: f.Name, feature: f, rules: whole}}
	for _, r := range f.Rules {
		for _, verb := range r.Verbs {
			resource := r.Resources[0]
			without := slices.Clone(whole)
			for i, other := range without {
				if other.Resources[0] == resource {
					verbs := slices.DeleteFunc(slices.Clone(other.Verbs), func(v string) bool { return v == verb })
					without[i] = rule(other.APIGroups[0], resource, verbs...)
				}
			}
			without = slices.DeleteFunc(without, func(r rbacv1.PolicyRule) bool { return len(r.Verbs) == 0 })
			cases = append(cases, &permissionCase{
				name: f.Name + " without " + verb + " " + resource, feature: f, rules: without,
				lacks: fmt.Sprintf("cannot %s resource %q", verb, resource),
			})
		}
	}
	return cases
}

// play uses the feature as a user of its own. What is left is removed by an administrator.
func (c *permissionCase) play(t *testing.T, admin *Driver, config *rest.Config) {
	ctx, cancel := context.WithTimeout(t.Context(), clusterTimeout)
	defer cancel()
	user := uniqueNamespace()
	if c.err = c.grant(ctx, t, admin.typed, user); c.err != nil {
		return
	}
	log := &logBuffer{}
	cfg := Config{Namespace: user, RESTConfig: rest.CopyConfig(config), TemplateDirs: featureTemplates[c.feature.Name]}
	cfg.Values = map[string]any{"terminationGracePeriodSeconds": 1}
	remover, err := New(ctx, cfg, nil)
	if c.err = err; err != nil {
		return
	}
	defer func() {
		c.err = errors.Join(c.err, remover.Close())
		c.log = log.String()
	}()
	cfg.RESTConfig.Impersonate.UserName = user
	d, err := New(ctx, cfg, newTextLogger(log))
	if c.err = err; err != nil {
		return
	}
	c.err = errors.Join(featureUses[c.feature.Name](ctx, d), d.Close())
}

// grant makes the user, and returns when the API server knows what it may do.
func (c *permissionCase) grant(ctx context.Context, t *testing.T, client kubernetes.Interface, user string) error {
	meta := metav1.ObjectMeta{Name: user}
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}}
	roles := client.RbacV1()
	var err, bound error
	namespace := "default"
	if c.feature.ClusterWide {
		namespace = ""
		_, err = roles.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: c.rules}, metav1.CreateOptions{})
		role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user}
		_, bound = roles.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: subjects}, metav1.CreateOptions{})
	} else {
		_, err = roles.Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: c.rules}, metav1.CreateOptions{})
		role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user}
		_, bound = roles.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: subjects}, metav1.CreateOptions{})
	}
	t.Cleanup(func() {
		ctx := context.Background()
		_ = roles.ClusterRoleBindings().Delete(ctx, user, metav1.DeleteOptions{})
		_ = roles.ClusterRoles().Delete(ctx, user, metav1.DeleteOptions{})
		_ = roles.RoleBindings("default").Delete(ctx, user, metav1.DeleteOptions{})
		_ = roles.Roles("default").Delete(ctx, user, metav1.DeleteOptions{})
	})
	if err := errors.Join(err, bound); err != nil {
		return err
	}
	allowed := c.rules[len(c.rules)-1]
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: allowed.Verbs[0], Group: allowed.APIGroups[0], Resource: allowed.Resources[0],
		},
	}}
	for {
		answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil || answer.Status.Allowed {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// featureTemplates are the templates with which a feature is used.
var featureTemplates = map[string][]string{
	FeatureJobs:      {"builtin:job"},
	FeatureNamespace: {"builtin:dedicated-namespace"},
	FeatureExtras:    {"builtin:secret-env"},
}

// featureUses use all that a feature is for.
var featureUses = map[string]func(context.Context, *Driver) error{
	FeatureTasks:     useTasks,
	FeatureEvents:    useEvents,
	FeatureVolumes:   useVolumes,
	FeatureStdin:     useStdin,
	FeatureExec:      useSandbox,
	featureCopies:    useCopies,
	FeatureJobs:      useTask,
	FeatureNamespace: useTask,
	FeatureExtras:    useTask,
}

func echoTask() orchestra.Task {
	return orchestra.Task{ID: "task", Image: "busybox", Command: []string{"echo", "hello"}, Env: map[string]string{"A": "b"}}
}

// useTask runs a task, and runs it again, which finds the first one.
func useTask(ctx context.Context, d *Driver) error {
	c, err := d.RunContainer(ctx, echoTask())
	if err != nil {
		return err
	}
	if _, err := d.RunContainer(ctx, echoTask()); err != nil {
		return err
	}
	end, err := c.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return err
	}
	if end.ExitCode() != 0 {
		return errors.New(end.(orchestra.Explainer).Message())
	}
	return c.Cleanup(ctx)
}

// useTasks also reads a log, and does at once what a driver does after its first 20 seconds.
func useTasks(ctx context.Context, d *Driver) error {
	c, err := d.RunContainer(ctx, orchestra.Task{ID: "other", Image: "busybox", Command: []string{"echo", "hello"}})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := c.Logs(ctx, &out, &out, true); err != nil {
		return err
	}
	if out.String() != "hello\n" {
		return fmt.Errorf("the log is %q", out.String())
	}
	if err := errors.Join(d.presence.renew(ctx), d.presence.renew(ctx)); err != nil {
		return err
	}
	_, err = d.Sweep(ctx, time.Hour)
	return errors.Join(err, c.Cleanup(ctx), useTask(ctx, d))
}

func useEvents(ctx context.Context, d *Driver) error {
	found := d.watch.explain(ctx, record{podUID: "none", pod: "none", status: underWay(ReasonStarting, "")})
	if found.message != "" {
		return errors.New(found.message)
	}
	return nil
}

func useVolumes(ctx context.Context, d *Driver) error {
	v, err := d.CreateVolume(ctx, "data", 0)
	if err != nil {
		return err
	}
	if _, err := d.CreateVolume(ctx, "data", 0); err != nil {
		return err
	}
	return v.Cleanup(ctx)
}

func useSandbox(ctx context.Context, d *Driver) error {
	s, err := d.StartSandbox(ctx, orchestra.Task{ID: "box", Image: "busybox"})
	if err != nil {
		return err
	}
	end, err := s.Exec(ctx, []string{"true"}, nil, "", nil, io.Discard, io.Discard)
	if err == nil && end.ExitCode() != 0 {
		err = fmt.Errorf("true ended with exit code %d", end.ExitCode())
	}
	return errors.Join(err, s.Cleanup(ctx))
}

func useCopies(ctx context.Context, d *Driver) error {
	v, err := d.CreateVolume(ctx, "data", 0)
	if err != nil {
		return err
	}
	var sent bytes.Buffer
	archive := tar.NewWriter(&sent)
	err = archive.WriteHeader(&tar.Header{Name: "directory", Typeflag: tar.TypeDir, Mode: 0o755})
	if err = errors.Join(err, archive.Close(), d.CopyToVolume(ctx, "data", &sent)); err != nil {
		return err
	}
	received, err := d.CopyFromVolume(ctx, "data")
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, received)
	return errors.Join(err, received.Close(), v.Cleanup(ctx))
}

func useStdin(ctx context.Context, d *Driver) error {
	task := echoTask()
	task.Command, task.Stdin = []string{"cat"}, strings.NewReader("hello")
	c, err := d.RunContainer(ctx, task)
	if err != nil {
		return err
	}
	end, err := c.(orchestra.Waiter).Wait(ctx)
	if err != nil || end.ExitCode() == 0 {
		return err
	}
	return errors.New(end.(orchestra.Explainer).Message())
}
