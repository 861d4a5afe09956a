package templates_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

// folder is a layer of the embedded files.
func folder(t testing.TB, name string) render.Layer {
	t.Helper()
	files, err := fs.Sub(templates.FS, name)
	require.NoError(t, err)
	return render.Layer{Name: name, FS: files}
}

// valuesLayer is a directory that holds nothing but values.yaml.
func valuesLayer(name, values string) render.Layer {
	return render.Layer{Name: name, FS: fstest.MapFS{"values.yaml": {Data: []byte(values)}}}
}

// outcome is what a task and its volume become, read strictly: a field that Kubernetes does not have is an error.
type outcome struct {
	set   *render.Set
	meta  metav1.ObjectMeta // of the workload
	job   *batchv1.Job      // nil: the workload is a Pod
	pod   corev1.PodSpec
	task  corev1.Container
	claim corev1.PersistentVolumeClaim
	all   []*unstructured.Unstructured // extras, workload, claim
}

// buildTask sets everything that values have a say in.
func buildTask() orchestra.Task {
	return orchestra.Task{
		ID: "build", Image: "busybox", Command: []string{"make"}, Env: map[string]string{"STAGE": "test"}, User: "builder", Privileged: true,
		Mounts: orchestra.Mounts{{Name: "cache", Path: "cache"}}, ContainerLimits: orchestra.ContainerLimits{CPU: 1024, Memory: 4096},
	}
}

// load makes a set of the defaults, with a user named builder, and the layers.
func load(layers ...render.Layer) (*render.Set, error) {
	files, err := fs.Sub(templates.FS, "default")
	if err != nil {
		return nil, err
	}
	all := []render.Layer{{Name: "default", FS: files}, valuesLayer("test", "users: {builder: '1000:2000'}")}
	return render.New(render.Config{Namespace: "ci", Layers: append(all, layers...)})
}

func renderAll(t testing.TB, task orchestra.Task, layers ...render.Layer) outcome {
	t.Helper()
	set, err := load(layers...)
	require.NoError(t, err)
	rendered, err := set.Task(task, render.RoleTask)
	require.NoError(t, err)
	claim, err := set.Volume("cache", 0)
	require.NoError(t, err)
	o := outcome{set: set, all: append(slices.Clone(rendered.Extras), rendered.Workload, claim)}
	decode(t, claim, &o.claim)
	if rendered.Workload.GetKind() == "Job" {
		o.job = &batchv1.Job{}
		decode(t, rendered.Workload, o.job)
		o.meta, o.pod = o.job.ObjectMeta, o.job.Spec.Template.Spec
	} else {
		var pod corev1.Pod
		decode(t, rendered.Workload, &pod)
		o.meta, o.pod = pod.ObjectMeta, pod.Spec
	}
	require.Len(t, o.pod.Containers, 1)
	o.task = o.pod.Containers[0]
	return o
}

func decode(t testing.TB, object *unstructured.Unstructured, into any) {
	t.Helper()
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true), object.GetKind())
}

// asJSON is the form in which typed fields and YAML are compared.
func asJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return string(raw)
}

func assertYAML(t *testing.T, want string, got any) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(want))
	require.NoError(t, err)
	assert.JSONEq(t, string(raw), asJSON(t, got))
}

// plainValues are those that go into one field as they are: what is seen there must equal the value.
var plainValues = []struct {
	values string // one key
	see    func(o outcome) any
}{
	{"accessModes: [ReadWriteMany]", func(o outcome) any { return o.claim.Spec.AccessModes }},
	{"storage: 20Gi", func(o outcome) any { return o.claim.Spec.Resources.Requests["storage"] }},
	{"storageClassName: fast", func(o outcome) any { return o.claim.Spec.StorageClassName }},
	{"volumeMode: Block", func(o outcome) any { return o.claim.Spec.VolumeMode }},

	{"nodeSelector: {disk: ssd}", func(o outcome) any { return o.pod.NodeSelector }},
	{`affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
		{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]}}, podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
		{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}}]}}`,
		func(o outcome) any { return o.pod.Affinity }},
	{"tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]", func(o outcome) any { return o.pod.Tolerations }},
	{"topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]", func(o outcome) any { return o.pod.TopologySpreadConstraints }},
	{"schedulerName: volcano", func(o outcome) any { return o.pod.SchedulerName }},
	{"priorityClassName: batch", func(o outcome) any { return o.pod.PriorityClassName }},
	{"preemptionPolicy: Never", func(o outcome) any { return o.pod.PreemptionPolicy }},
	{"runtimeClassName: gvisor", func(o outcome) any { return o.pod.RuntimeClassName }},

	{"imagePullSecrets: [{name: registry}]", func(o outcome) any { return o.pod.ImagePullSecrets }},
	{"imagePullPolicy: Always", func(o outcome) any { return o.task.ImagePullPolicy }},
	{"serviceAccountName: builder", func(o outcome) any { return o.pod.ServiceAccountName }},
	{"automountServiceAccountToken: true", func(o outcome) any { return o.pod.AutomountServiceAccountToken }},
	{"podSecurityContext: {runAsNonRoot: true, fsGroup: 7, seccompProfile: {type: RuntimeDefault}}", func(o outcome) any { return o.pod.SecurityContext }},

	{"hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]", func(o outcome) any { return o.pod.HostAliases }},
	{"dnsPolicy: None", func(o outcome) any { return o.pod.DNSPolicy }},
	{"dnsConfig: {nameservers: [10.0.0.53], searches: [corp], options: [{name: ndots, value: '2'}]}", func(o outcome) any { return o.pod.DNSConfig }},
	{"enableServiceLinks: true", func(o outcome) any { return o.pod.EnableServiceLinks }},
	{"hostNetwork: true", func(o outcome) any { return o.pod.HostNetwork }},
	{"hostPID: true", func(o outcome) any { return o.pod.HostPID }},
	{"hostIPC: true", func(o outcome) any { return o.pod.HostIPC }},
	{"hostUsers: false", func(o outcome) any { return o.pod.HostUsers }},
	{"shareProcessNamespace: true", func(o outcome) any { return o.pod.ShareProcessNamespace }},

	{"envFrom: [{configMapRef: {name: proxy}}, {secretRef: {name: token, optional: true}, prefix: T_}]", func(o outcome) any { return o.task.EnvFrom }},
	{"livenessProbe: {exec: {command: [alive]}, periodSeconds: 5}", func(o outcome) any { return o.task.LivenessProbe }},
	{"readinessProbe: {tcpSocket: {port: 80}}", func(o outcome) any { return o.task.ReadinessProbe }},
	{"startupProbe: {httpGet: {path: /, port: 80}, failureThreshold: 30}", func(o outcome) any { return o.task.StartupProbe }},
	{"lifecycle: {preStop: {exec: {command: [flush]}}}", func(o outcome) any { return o.task.Lifecycle }},
	{"terminationMessagePolicy: File", func(o outcome) any { return o.task.TerminationMessagePolicy }},

	{"activeDeadlineSeconds: 600", func(o outcome) any { return o.pod.ActiveDeadlineSeconds }},
	{"terminationGracePeriodSeconds: 3", func(o outcome) any { return o.pod.TerminationGracePeriodSeconds }},
	{"namespace: builds", func(o outcome) any { return o.claim.Namespace }},
}

// shapedValues are those that the templates, or the driver, put together with something else.
var shapedValues = []struct {
	values string
	see    func(o outcome) any
	want   string // YAML
}{
	{"workload: Pod", func(o outcome) any { return o.job == nil }, "true"},
	{"{workload: Job, backoffLimit: 3, ttlSecondsAfterFinished: 60}",
		func(o outcome) any { return []any{o.job.Spec.BackoffLimit, o.job.Spec.TTLSecondsAfterFinished} }, "[3, 60]"},

	{"securityContext: {readOnlyRootFilesystem: true, runAsUser: 7}", func(o outcome) any { return o.task.SecurityContext },
		"{readOnlyRootFilesystem: true, privileged: true, runAsUser: 1000, runAsGroup: 2000}"},
	{"users: {builder: '0'}", func(o outcome) any { return o.task.SecurityContext }, "{privileged: true, runAsUser: 0}"},

	{"labels: {team: web}", func(o outcome) any { return []string{o.meta.Labels["team"], o.claim.Labels["team"]} }, "[web, web]"},
	{"annotations: {cost/center: '7'}", func(o outcome) any {
		return []string{o.meta.Annotations["cost/center"], o.claim.Annotations["cost/center"]}
	}, "['7', '7']"},

	{"initContainers: [{name: fetch, image: git}]", func(o outcome) any { return o.pod.InitContainers },
		"[{name: fetch, image: git, resources: {}, terminationMessagePolicy: FallbackToLogsOnError}]"},
	{"{initContainers: [{name: fetch, image: git, terminationMessagePolicy: File}], sidecars: [{name: proxy, image: envoy, restartPolicy: Never}]}",
		func(o outcome) any { return o.pod.InitContainers },
		`[{name: fetch, image: git, resources: {}, terminationMessagePolicy: File},
		  {name: proxy, image: envoy, resources: {}, restartPolicy: Always, terminationMessagePolicy: FallbackToLogsOnError}]`},

	{"volumes: [{name: scratch, emptyDir: {medium: Memory}}]", func(o outcome) any { return o.pod.Volumes[2:] }, "[{name: scratch, emptyDir: {medium: Memory}}]"},
	{"volumeSources: {cache: {emptyDir: {medium: Memory}}}", func(o outcome) any { return o.pod.Volumes[1].VolumeSource }, "{emptyDir: {medium: Memory}}"},
	{"volumeMounts: [{name: work, mountPath: /scratch, subPath: x}]", func(o outcome) any { return o.task.VolumeMounts[2:] },
		"[{name: work, mountPath: /scratch, subPath: x}]"},
	{"volumeMode: Block", func(o outcome) any { return []any{o.task.VolumeDevices[0].DevicePath, len(o.task.VolumeMounts)} },
		"[/tmp/ci-build-2vpx5xgkbwwtm/cache, 1]"},
	{"env: [{name: CI, value: 'true'}, {name: STAGE, value: never}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]",
		func(o outcome) any { return o.task.Env },
		"[{name: CI, value: 'true'}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: STAGE, value: test}]"},
	{"secretEnv: true", func(o outcome) any {
		return []any{o.task.Env[0].ValueFrom.SecretKeyRef.Name == o.all[0].GetName(), o.all[0].Object["data"]}
	},
		"[true, {env-0: dGVzdA==}]"},

	{"requestsPercent: 25", func(o outcome) any { return o.task.Resources },
		"{limits: {cpu: '1', memory: '4096'}, requests: {cpu: 250m, memory: '1024'}}"},
	{"resources: {limits: {cpu: 9, ephemeral-storage: 2Gi, example.com/gpu: 1}, requests: {ephemeral-storage: 1Gi}}",
		func(o outcome) any { return o.task.Resources },
		`{limits: {cpu: '1', memory: '4096', ephemeral-storage: 2Gi, example.com/gpu: '1'}, requests: {cpu: 500m, memory: '2048', ephemeral-storage: 1Gi}}`},

	{"deadlines: {scheduling: 90s, start: 0s, problem: 5s, nodeLost: 1h}", func(o outcome) any {
		s := o.set.Settings()
		return []any{s.SchedulingDeadline.String(), s.StartDeadline.String(), s.ProblemDeadline.String(), s.NodeLostDeadline.String()}
	},
		"[1m30s, 0s, 5s, 1h0m0s]"},
}

func TestValuesReachTheirFields(t *testing.T) {
	for _, c := range plainValues {
		t.Run(c.values, func(t *testing.T) {
			var value map[string]any
			require.NoError(t, yaml.UnmarshalStrict([]byte(c.values), &value))
			require.Len(t, value, 1)
			for _, want := range value {
				assert.JSONEq(t, asJSON(t, want), asJSON(t, c.see(renderAll(t, buildTask(), valuesLayer("acme", c.values)))))
			}
		})
	}
	for _, c := range shapedValues {
		t.Run(c.values, func(t *testing.T) {
			assertYAML(t, c.want, c.see(renderAll(t, buildTask(), valuesLayer("acme", c.values))))
		})
	}
}

// The same values shape the pod of a Job.
func TestValuesReachTheJobsPod(t *testing.T) {
	for _, c := range plainValues {
		want := asJSON(t, c.see(renderAll(t, buildTask(), valuesLayer("acme", c.values))))
		o := renderAll(t, buildTask(), folder(t, "builtin/job"), valuesLayer("acme", c.values))
		require.NotNil(t, o.job)
		assert.JSONEq(t, want, asJSON(t, c.see(o)), c.values)
	}
}

func TestPrivilegedTasksCanBeRefused(t *testing.T) {
	set, err := load(valuesLayer("acme", "allowPrivileged: false"))
	require.NoError(t, err)
	_, err = set.Task(buildTask(), render.RoleTask)
	assert.ErrorContains(t, err, "Task.Privileged: the value allowPrivileged is false, so privileged tasks are refused here")
}

// Helpers are no tasks: their values are their own.
func TestHelperValues(t *testing.T) {
	set, err := load(valuesLayer("acme", "helper: {image: 'tools:1', resources: {limits: {memory: 64Mi}}}"))
	require.NoError(t, err)
	assert.Equal(t, "tools:1", set.Settings().HelperImage)
	task := orchestra.Task{ID: "a", Image: set.Settings().HelperImage}
	for _, role := range []render.Role{render.RoleCopy, render.RoleSandbox} {
		rendered, err := set.Task(task, role)
		require.NoError(t, err)
		var pod corev1.Pod
		decode(t, rendered.Workload, &pod)
		helper := append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...)[0]
		assert.Equal(t, "tools:1", helper.Image)
		assertYAML(t, "{limits: {memory: 64Mi}}", helper.Resources)
	}
}

// schemaProperty is what the defaults' schema says of one value.
type schemaProperty struct {
	Description string                    `json:"description"`
	Type        any                       `json:"type"`
	Enum        []string                  `json:"enum"`
	Properties  map[string]schemaProperty `json:"properties"`
	ListKeys    []string                  `json:"x-kubernetes-list-map-keys"`
}

func readSchema(t testing.TB) map[string]schemaProperty {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, "default/values.schema.json")
	require.NoError(t, err)
	var schema schemaProperty
	require.NoError(t, json.Unmarshal(text, &schema))
	return schema.Properties
}

func TestEveryValueIsDescribedAndTested(t *testing.T) {
	tested := map[string]bool{
		"allowPrivileged": true, // TestPrivilegedTasksCanBeRefused
		"helper":          true, // TestHelperValues
	}
	note := func(values string) {
		var keys map[string]any
		require.NoError(t, yaml.UnmarshalStrict([]byte(values), &keys))
		for key := range keys {
			tested[key] = true
		}
	}
	for _, c := range plainValues {
		note(c.values)
	}
	for _, c := range shapedValues {
		note(c.values)
	}
	schema := readSchema(t)
	assert.Equal(t, slices.Sorted(maps.Keys(schema)), slices.Sorted(maps.Keys(tested)))
	assertSentences(t, "", schema)
}

func assertSentences(t *testing.T, prefix string, properties map[string]schemaProperty) {
	t.Helper()
	for name, property := range properties {
		assert.Regexp(t, `^[A-Z].*\.$`, property.Description, prefix+name)
		assertSentences(t, prefix+name+".", property.Properties)
	}
}

// Lists merge by their key, as a server-side apply of the same lists would; those that an apply replaces are replaced.
func TestListsOfTwoLayersMergeByTheirKey(t *testing.T) {
	first := valuesLayer("first", `
env: [{name: A, value: first}, {name: B, value: first}]
volumes: [{name: scratch, emptyDir: {}}]
volumeMounts: [{name: scratch, mountPath: /a}, {name: scratch, mountPath: /b}]
imagePullSecrets: [{name: one}]
hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]
topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 1}]
tolerations: [{key: one, operator: Exists}]
envFrom: [{configMapRef: {name: one}}]
initContainers: [{name: fetch, image: git, env: [{name: A, value: first}], volumeMounts: [{name: scratch, mountPath: /a}]}]
sidecars: [{name: proxy, image: "envoy:1", ports: [{containerPort: 80}]}]
`)
	second := valuesLayer("second", `
env: [{name: B, value: second}, {name: C, value: second}]
volumes: [{name: scratch, emptyDir: {medium: Memory}}]
volumeMounts: [{name: scratch, mountPath: /b, readOnly: true}]
imagePullSecrets: [{name: two}]
hostAliases: [{ip: 10.0.0.1, hostnames: [cache]}]
topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 2}, {topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 9}]
tolerations: [{key: two, operator: Exists}]
envFrom: [{configMapRef: {name: two}}]
initContainers: [{name: fetch, env: [{name: B, value: second}], volumeMounts: [{name: scratch, mountPath: /a, readOnly: true}]}]
sidecars: [{name: proxy, image: "envoy:2", ports: [{containerPort: 80, name: http}]}]
`)
	task := buildTask()
	task.Env, task.Mounts = nil, nil
	o := renderAll(t, task, first, second)
	for want, got := range map[string]any{
		"[{name: A, value: first}, {name: B, value: second}, {name: C, value: second}]":    o.task.Env,
		"[{name: scratch, emptyDir: {medium: Memory}}]":                                    o.pod.Volumes[1:],
		"[{name: scratch, mountPath: /a}, {name: scratch, mountPath: /b, readOnly: true}]": o.task.VolumeMounts[1:],
		"[{name: one}, {name: two}]":                                                       o.pod.ImagePullSecrets,
		"[{ip: 10.0.0.1, hostnames: [cache]}]":                                             o.pod.HostAliases,
		"[{topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, maxSkew: 2}, {topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 9}]": o.pod.TopologySpreadConstraints,
		"[{key: two, operator: Exists}]": o.pod.Tolerations,
		"[{configMapRef: {name: two}}]":  o.task.EnvFrom,
		`[{name: fetch, image: git, env: [{name: A, value: first}, {name: B, value: second}], volumeMounts: [{name: scratch, mountPath: /a, readOnly: true}],
		   resources: {}, terminationMessagePolicy: FallbackToLogsOnError},
		  {name: proxy, image: "envoy:2", ports: [{containerPort: 80, name: http}], restartPolicy: Always, resources: {}, terminationMessagePolicy: FallbackToLogsOnError}]`: o.pod.InitContainers,
	} {
		assertYAML(t, want, got)
	}
}
