package driver

// situation is a way for a pod to end, or not to begin, that can be made on a real cluster.
type situation struct {
	reason string
	done   bool
	spec   string // of the pod; its container is named task and has an image unless it says so
	action string // done to the pod once its task runs: "delete" or "evict"
}

// situations are made by TestOutcomes. PRIVATE is an image that needs credentials.
var situations = map[string]situation{
	"completed":           {reason: ReasonCompleted, done: true, spec: `containers: [{name: task, command: ["true"]}]`},
	"exit-code-7":         {reason: ReasonError, done: true, spec: `containers: [{name: task, command: [sh, -c, exit 7]}]`},
	"last-words":          {reason: ReasonError, done: true, spec: `containers: [{name: task, command: [sh, -c, "echo no such table; exit 1"], terminationMessagePolicy: FallbackToLogsOnError}]`},
	"running":             {reason: ReasonRunning, spec: `containers: [{name: task, command: [sleep, "600"]}]`},
	"oom-killed":          {reason: ReasonOOMKilled, done: true, spec: `containers: [{name: task, command: [sh, -c, exec tail /dev/zero], resources: {limits: {memory: 20Mi}}}]`},
	"oom-killed-child":    {reason: ReasonOOMKilled, done: true, spec: `containers: [{name: task, command: [sh, -c, tail /dev/zero; exit 0], resources: {limits: {memory: 20Mi}}}]`},
	"image-name-invalid":  {reason: ReasonImageNameInvalid, done: true, spec: `containers: [{name: task, image: "Not/A//Name"}]`},
	"image-not-found":     {reason: ReasonImageNotFound, spec: `containers: [{name: task, image: "busybox:absent"}]`},
	"image-forbidden":     {reason: ReasonImageForbidden, spec: `containers: [{name: task, image: PRIVATE}]`},
	"image-never-pulled":  {reason: ReasonImageNotFound, spec: `containers: [{name: task, image: "busybox:absent", imagePullPolicy: Never}]`},
	"registry-down":       {reason: ReasonRegistryUnavailable, spec: `containers: [{name: task, image: "127.0.0.1:9/busybox:1"}]`},
	"secret-missing":      {reason: ReasonConfigurationMissing, spec: `containers: [{name: task, env: [{name: A, valueFrom: {secretKeyRef: {name: absent, key: a}}}]}]`},
	"configmap-missing":   {reason: ReasonConfigurationMissing, spec: `containers: [{name: task, envFrom: [{configMapRef: {name: absent}}]}]`},
	"key-missing":         {reason: ReasonConfigurationMissing, spec: `containers: [{name: task, env: [{name: A, valueFrom: {configMapKeyRef: {name: kube-root-ca.crt, key: absent}}}]}]`},
	"root-not-allowed":    {reason: ReasonConfigurationInvalid, spec: `containers: [{name: task, securityContext: {runAsNonRoot: true}}]`},
	"command-not-found":   {reason: ReasonCommandNotFound, done: true, spec: `containers: [{name: task, command: [no-such-command]}]`},
	"path-not-found":      {reason: ReasonCommandNotFound, done: true, spec: `containers: [{name: task, command: [/no/such/command]}]`},
	"not-executable":      {reason: ReasonCommandNotExecutable, done: true, spec: `containers: [{name: task, command: [/etc/hosts]}]`},
	"directory-command":   {reason: ReasonCommandNotExecutable, done: true, spec: `containers: [{name: task, command: [/tmp]}]`},
	"workdir-is-file":     {reason: ReasonStartFailed, done: true, spec: `containers: [{name: task, command: ["true"], workingDir: /etc/hosts/x}]`},
	"no-cpu":              {reason: ReasonInsufficientResources, spec: `containers: [{name: task, resources: {requests: {cpu: "1000"}}}]`},
	"no-such-node":        {reason: ReasonAffinityMismatch, spec: "nodeSelector: {no: such-node}\ncontainers: [{name: task}]"},
	"no-such-claim":       {reason: ReasonVolumeUnavailable, spec: "volumes: [{name: v, persistentVolumeClaim: {claimName: absent}}]\ncontainers: [{name: task}]"},
	"gated":               {reason: ReasonUnschedulable, spec: "schedulingGates: [{name: example.com/wait}]\ncontainers: [{name: task}]"},
	"refused-by-node":     {reason: ReasonNodeRejected, done: true, spec: "nodeName: NODE\ncontainers: [{name: task, resources: {requests: {cpu: \"1000\"}}}]"},
	"init-failed":         {reason: ReasonInitContainerFailed, done: true, spec: `initContainers: [{name: prepare, command: [sh, -c, "echo disk is full; exit 3"], terminationMessagePolicy: FallbackToLogsOnError}]` + "\ncontainers: [{name: task}]"},
	"init-image":          {reason: ReasonImageNotFound, spec: `initContainers: [{name: prepare, image: "busybox:absent"}]` + "\ncontainers: [{name: task}]"},
	"sidecar-runs-on":     {reason: ReasonCompleted, done: true, spec: `initContainers: [{name: proxy, restartPolicy: Always, command: [sleep, "600"]}]` + "\ncontainers: [{name: task, command: [\"true\"]}]"},
	"other-fails":         {reason: ReasonCompleted, done: true, spec: `containers: [{name: task, command: ["true"]}, {name: other, command: ["false"]}]`},
	"deadline-exceeded":   {reason: ReasonDeadlineExceeded, done: true, spec: "activeDeadlineSeconds: 3\ncontainers: [{name: task, command: [sleep, \"600\"]}]"},
	"deadline-exit-0":     {reason: ReasonDeadlineExceeded, done: true, spec: "activeDeadlineSeconds: 3\ncontainers: [{name: task, command: [sh, -c, \"trap 'exit 0' TERM; sleep 600 & wait\"]}]"},
	"evicted-by-kubelet":  {reason: ReasonEvicted, done: true, spec: "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]\ncontainers: [{name: task, command: [sh, -c, \"dd if=/dev/zero of=/v/x bs=1M count=8; trap 'exit 0' TERM; sleep 600 & wait\"], volumeMounts: [{name: v, mountPath: /v}]}]"},
	"evicted-by-api":      {reason: ReasonEvicted, done: true, action: "evict", spec: `containers: [{name: task, command: [sleep, "600"]}]`},
	"deleted":             {reason: ReasonDeleted, done: true, action: "delete", spec: `containers: [{name: task, command: [sleep, "600"]}]`},
	"deleted-with-exit-0": {reason: ReasonDeleted, done: true, action: "delete", spec: `containers: [{name: task, command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]}]`},
}
