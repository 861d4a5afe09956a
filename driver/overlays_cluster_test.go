package driver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// enforcing is a layer whose namespace admits nothing but restricted pods.
var enforcing = map[string]string{"namespace.yaml": `apiVersion: v1
kind: Namespace
metadata:
  labels: {pod-security.kubernetes.io/enforce: restricted}
`}

// admitsOnlyRestricted labels the namespace that builtin:dedicated-namespace makes, as values label every object.
var admitsOnlyRestricted = map[string]any{"pod-security.kubernetes.io/enforce": "restricted"}

// Every overlay, and all of them together, run a task with env, a volume and an exit code, and leave nothing.
func TestClusterOverlays(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"none":                func(*Config) {},
		"job":                 func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:job"} },
		"secret-env":          func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:secret-env"} },
		"dedicated-namespace": func(cfg *Config) { cfg.TemplateDirs = []string{"builtin:dedicated-namespace"} },
		"restricted": func(cfg *Config) {
			cfg.TemplateDirs = []string{"builtin:restricted"}
			withTemplates(t, enforcing)(cfg)
		},
		"all of them": func(cfg *Config) {
			cfg.TemplateDirs = []string{"builtin:job", "builtin:restricted", "builtin:secret-env", "builtin:dedicated-namespace"}
			cfg.Values["labels"] = admitsOnlyRestricted
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, log := onCluster(t, uniqueNamespace(), change)
			task := script("task", `echo "$SECRET"; id -u; echo kept > out/file; exit 9`)
			task.Env = map[string]string{"SECRET": "of the overlay"}
			task.Mounts = orchestra.Mounts{{Name: "out", Path: "out"}}
			c := run(t, d, task)
			end, out := finish(t, c)
			assert.Equal(t, 9, end.exitCode, end.message)
			said, user, _ := strings.Cut(out, "\n")
			assert.Equal(t, "of the overlay", said)
			assertOverlay(t, d, c, strings.TrimSpace(user))

			again := script("again", "cat out/file")
			again.Mounts = task.Mounts
			second := run(t, d, again)
			end, out = finish(t, second)
			assert.Zero(t, end.exitCode, end.message)
			assert.Equal(t, "kept\n", out)
			require.NoError(t, c.Cleanup(long(t)))
			require.NoError(t, second.Cleanup(long(t)))
			assert.Equal(t, []string{"PersistentVolumeClaim/" + d.namespace + "/" + d.templates.ClaimName("out")}, left(t, d, secretKind))
			require.NoError(t, d.Close())
			assertNothingLeft(t, d)
			assert.NotContains(t, log.String(), "would violate PodSecurity")
		})
	}
}

// assertOverlay asserts what the overlays, each where it is one of the driver's layers, have made of the task.
func assertOverlay(t *testing.T, d *Driver, c *container, user string) {
	t.Helper()
	layers := strings.Join(d.cfg.TemplateDirs, " ")
	has := func(overlay string) bool { return strings.Contains(layers, "builtin:"+overlay) }
	object, err := d.look(long(t), c.ref)
	require.NoError(t, err)
	assert.Equal(t, has("job"), c.kind == kindJob)
	assert.Equal(t, has("job"), strings.Contains(asText(t, object), "ttlSecondsAfterFinished: 3600"))
	assert.Equal(t, has("secret-env"), !strings.Contains(asText(t, object), "of the overlay"), "the Pod's manifest and status have no secret")
	assert.Equal(t, has("restricted"), user == "65534")
	assert.Equal(t, has("dedicated-namespace") || has("restricted"), d.namespace != "default")
	if has("restricted") {
		var namespace corev1.Namespace
		readLive(t, d, ref{kind: namespaceKind, name: d.namespace}, &namespace)
		assert.Equal(t, "restricted", namespace.Labels["pod-security.kubernetes.io/enforce"])
	}
}

// assertNothingLeft asserts that no object of a closed driver is there, its namespace included.
func assertNothingLeft(t *testing.T, d *Driver) {
	t.Helper()
	assert.Empty(t, left(t, d, secretKind, networkPolicyKind, configMapKind, leaseKind))
	if d.namespace != "default" {
		_, err := d.look(t.Context(), ref{kind: namespaceKind, name: d.namespace})
		assert.True(t, apierrors.IsNotFound(err), "%v", err)
	}
}

// Where only restricted pods are admitted, the default templates fail with the cluster's own words: a Pod when it is
// launched, a Job, whose pods come later, in its status.
func TestClusterRestrictedNamespaceRefusesTheDefaults(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), withTemplates(t, enforcing))
	_, err := d.RunContainer(long(t), sleeper("task"))
	var why orchestra.Explainer
	require.ErrorAs(t, err, &why)
	assert.Equal(t, ReasonAdmissionDenied, why.Reason())
	for _, words := range []string{`violates PodSecurity "restricted`, "allowPrivilegeEscalation != false", "Change the task or the templates"} {
		assert.ErrorContains(t, err, words)
	}
	assert.Empty(t, left(t, d))

	jobs, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.TemplateDirs = []string{"builtin:job"}
		withTemplates(t, enforcing)(cfg)
		cfg.Values["deadlines"] = map[string]any{"scheduling": "5s"}
	})
	end, err := run(t, jobs, sleeper("task")).Wait(long(t))
	require.NoError(t, err)
	assert.Equal(t, ReasonAdmissionDenied, end.(status).reason, end.(status).message)
	assert.Contains(t, end.(status).message, `violates PodSecurity "restricted`)
	assert.NotZero(t, end.ExitCode())
}
