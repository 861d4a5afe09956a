package driver

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// shortDeadlines let a test see the end of every wait.
var shortDeadlines = deadlines{scheduling: 5 * time.Second, start: 10 * time.Second, grace: 5 * time.Second, lost: time.Minute, unsettled: time.Minute}

// newDeadlineLab is a lab with short deadlines.
func newDeadlineLab(t *testing.T) *lab {
	l := openLab(t, testcluster.ReadInfo(t))
	l.watch.limits = shortDeadlines
	require.NoError(t, l.watch.start(testContext(t)))
	return l
}

func podSpec(t testing.TB, text string) situation {
	var s situation
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &s.Spec))
	return s
}

// outcome waits for the end of the workload.
func (l *lab) outcome(t *testing.T, pod *corev1.Pod) record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, pod.UID, func(r record) bool { return r.status.done })
	require.NoError(t, err, "%v", seen.status)
	t.Log(seen.status.message)
	return seen
}

func TestHopelessStartEndsOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	for name, test := range map[string]struct{ reason, spec string }{
		"late-image":  {ReasonImageNotFound, `containers: [{name: task, image: "busybox:absent"}]`},
		"late-secret": {ReasonConfigurationMissing, `containers: [{name: task, env: [{name: A, valueFrom: {secretKeyRef: {name: absent, key: a}}}]}]`},
		"bad-name":    {ReasonImageNameInvalid, `containers: [{name: task, image: "Not/A//Name"}]`},
	} {
		subject := l.make(t, name, podSpec(t, test.spec))
		seen := l.outcome(t, subject.pod)
		assert.Equal(t, test.reason, seen.status.reason)
		assert.Equal(t, 125, seen.status.exitCode)

		final := l.finalObject(t, subject, func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodFailed })
		assert.Equal(t, test.reason, statusOf(final).reason, "the kubelet has ended the pod, and its object says why, to everyone")
	}
}

func TestHopelessSchedulingDeletesThePodOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	subject := l.make(t, "no-node", podSpec(t, `{nodeSelector: {no: such-node}, tolerations: [{operator: Exists}], containers: [{name: task}]}`))
	assert.Equal(t, ReasonAffinityMismatch, l.outcome(t, subject.pod).status.reason)
	require.NoError(t, l.watch.waitGone(testContext(t), subject.pod.UID))
	_, err := l.client.CoreV1().Pods("default").Get(t.Context(), subject.pod.Name, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	seen, _ := l.watch.get(subject.pod.UID)
	assert.Equal(t, ReasonAffinityMismatch, seen.status.reason, "and not that it was deleted")
}

// TestClusterDeadlinesOfTheConfig lets each deadline end a task of a driver, whose Status has said before what the task waits for.
func TestClusterDeadlinesOfTheConfig(t *testing.T) {
	const deadline = 20 * time.Second
	unreachable, absent, tooLarge := task("unreachable"), task("absent"), task("too large")
	unreachable.Image, absent.Image, tooLarge.ContainerLimits.CPU = "127.0.0.1:9/busybox:1", "busybox:absent", 1<<40
	for name, c := range map[string]struct {
		set          func(*Config)
		task         orchestra.Task
		before, then string // reasons
		words        string
	}{
		"scheduling": {func(cfg *Config) { cfg.SchedulingDeadline = deadline }, tooLarge,
			ReasonInsufficientResources, ReasonInsufficientResources, "The scheduling deadline of 20s has passed"},
		"start": {func(cfg *Config) { cfg.StartDeadline = deadline }, unreachable,
			ReasonRegistryUnavailable, ReasonRegistryUnavailable, "The start deadline of 20s has passed"},
		"problem": {func(cfg *Config) { cfg.Values["deadlines"] = map[string]any{"problem": "20s"} }, absent,
			ReasonImageNotFound, ReasonImageNotFound, "The problem deadline of 20s has passed"},
		"run": {func(cfg *Config) { cfg.RunDeadline = deadline }, sleeper("runs on"),
			ReasonRunning, ReasonDeadlineExceeded, "activeDeadlineSeconds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), c.set)
			waits := run(t, d, c.task)
			require.NoError(t, d.watch.start(long(t)))
			_, err := d.watch.wait(long(t), waits.uid, func(r record) bool { return r.status.reason == c.before })
			require.NoError(t, err)
			now, err := waits.Status(long(t))
			require.NoError(t, err)
			assert.Equal(t, c.before, now.(status).Reason(), now.(status).Message())
			assert.False(t, now.IsDone())

			end := ends(t, waits)
			assert.Equal(t, c.then, end.Reason(), end.Message())
			assert.Contains(t, end.Message(), c.words)
			assert.NotZero(t, end.ExitCode())
			require.NoError(t, waits.Cleanup(long(t)))
			assert.Empty(t, left(t, d))
		})
	}
}

// What an init container of the values has said before it failed is the reason of the task's end.
func TestClusterInitContainerThatFails(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["initContainers"] = []any{map[string]any{"name": "prepare", "image": "busybox", "command": []any{"sh", "-c", "echo the disk is full >&2; exit 3"}}}
	})
	end := ends(t, run(t, d, task("one")))
	assert.Equal(t, ReasonInitContainerFailed, end.Reason())
	assert.Equal(t, exitNone, end.ExitCode())
	assert.Contains(t, end.Message(), `The init container "prepare" ended with exit code 3 (Error). It said: the disk is full.`)
}

// A Secret that is mounted shows in events only.
func TestMissingVolumeIsExplainedOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	l.watch.limits.start = outcomeTimeout
	subject := l.make(t, "no-secret", podSpec(t, `{volumes: [{name: v, secret: {secretName: absent}}], containers: [{name: task, volumeMounts: [{name: v, mountPath: /v}]}]}`))
	seen := l.outcome(t, subject.pod)
	assert.Equal(t, ReasonConfigurationMissing, seen.status.reason)
	assert.Contains(t, seen.status.message, `secret "absent" not found`)
}

func TestRegistryThatComesBackInTimeOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	l.watch.limits.start = outcomeTimeout
	registry := newCable(t, l.info.PrivateRegistry)
	registry.cut()
	subject := l.make(t, "registry", podSpec(t, `containers: [{name: task, command: ["true"], image: "`+registry.address()+`/library/busybox:latest"}]`))
	seen, err := l.watch.wait(testContext(t), subject.pod.UID, func(r record) bool { return r.status.reason == ReasonRegistryUnavailable })
	require.NoError(t, err, "%v", seen.status)
	t.Log(seen.status.message)
	registry.mend()
	assert.Equal(t, ReasonCompleted, l.outcome(t, subject.pod).status.reason)
}

// A Secret that comes in time is no failure, either.
func TestProblemThatIsSolvedInTimeOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	l.watch.limits.grace = outcomeTimeout
	name := "late-" + l.label
	subject := l.make(t, "solved", podSpec(t, `containers: [{name: task, command: ["true"], env: [{name: A, valueFrom: {secretKeyRef: {name: `+name+`, key: a}}}]}]`))
	ctx := testContext(t)
	_, err := l.watch.wait(ctx, subject.pod.UID, func(r record) bool { return r.status.reason == ReasonConfigurationMissing })
	require.NoError(t, err)
	secrets := l.client.CoreV1().Secrets("default")
	_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"a": "b"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = secrets.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	assert.Equal(t, ReasonCompleted, l.outcome(t, subject.pod).status.reason)
}

// A Job whose pods no admission accepts never has one; only its events say so.
func TestJobThatMayNotMakePodsOnTheCluster(t *testing.T) {
	l := newDeadlineLab(t)
	l.watch.limits.scheduling = 20 * time.Second
	var job batchv1.Job
	require.NoError(t, yaml.UnmarshalStrict([]byte(`
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      serviceAccountName: absent
      containers: [{name: task, image: busybox}]
`), &job))
	job.Name, job.Labels = "refused-"+l.label, map[string]string{"lab": l.label}
	job.Spec.Template.Labels = job.Labels
	jobs := l.client.BatchV1().Jobs("default")
	created, err := jobs.Create(t.Context(), &job, metav1.CreateOptions{})
	require.NoError(t, err)
	background := metav1.DeletePropagationBackground
	t.Cleanup(func() {
		_ = jobs.Delete(context.Background(), job.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	})
	l.watch.seedJob(created)

	ctx, cancel := context.WithTimeout(t.Context(), outcomeTimeout)
	defer cancel()
	seen, err := l.watch.wait(ctx, created.UID, func(record) bool { return false })
	require.NoError(t, err, "%v", seen.status)
	assert.Equal(t, ReasonAdmissionDenied, seen.status.reason, seen.status.message)
	assert.Contains(t, seen.status.message, `serviceaccount "absent" not found`)
	t.Log(seen.status.message)
	assert.True(t, l.jobFinishes(ctx, t, job.Name), "the Job gives up, too")
}

func (l *lab) jobFinishes(ctx context.Context, t *testing.T, name string) bool {
	t.Helper()
	states, err := l.client.BatchV1().Jobs("default").Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	require.NoError(t, err)
	defer states.Stop()
	for event := range states.ResultChan() {
		if job, ok := event.Object.(*batchv1.Job); ok && jobRecordOf(job).finished == batchv1.JobFailed {
			return true
		}
	}
	return false
}

// finalObject is the first state of the pod that is as wanted.
func (l *lab) finalObject(t *testing.T, s *subject, wanted func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	deadline := time.After(outcomeTimeout)
	for {
		select {
		case event := <-s.states.ResultChan():
			require.IsType(t, s.pod, event.Object, "the watch of one pod has ended: %v", event)
			if pod := event.Object.(*corev1.Pod); wanted(pod) {
				return pod
			}
		case <-deadline:
			require.Fail(t, "no object is as wanted")
		}
	}
}
