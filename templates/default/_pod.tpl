{{- /* Pieces of pod.yaml. A later layer may replace any one of these defines in a partial of its own. */ -}}

{{- define "podSpec" -}}
restartPolicy: Never
{{- /* A helper that copies serves many copies: neither the deadline nor the companions of a task are its own. */ -}}
{{- if ne .Role "copy" }}
{{- with index .Values "activeDeadlineSeconds" }}
activeDeadlineSeconds: {{ . }}
{{- end }}
{{- end }}
{{- with .Node }}
nodeName: {{ toJson . }}
{{- end }}
{{- range $field, $value := pick .Values "affinity" "automountServiceAccountToken" "dnsConfig" "dnsPolicy" "enableServiceLinks" "hostAliases" "hostIPC" "hostNetwork" "hostPID" "hostUsers" "imagePullSecrets" "nodeSelector" "preemptionPolicy" "priorityClassName" "runtimeClassName" "schedulerName" "serviceAccountName" "shareProcessNamespace" "terminationGracePeriodSeconds" "tolerations" "topologySpreadConstraints" }}
{{ $field }}: {{ toJson $value }}
{{- end }}
{{- with index .Values "podSecurityContext" }}
securityContext: {{ toJson . }}
{{- end }}
{{- if ne .Role "copy" }}
{{- $companions := include "initContainers" . }}
{{- if or $companions (eq .Role "sandbox") }}
initContainers:
{{- if eq .Role "sandbox" }}
- {{ include "tools" . | nindent 2 | trim }}
{{- end }}
{{- $companions }}
{{- end }}
{{- end }}
containers:
- {{ include "container" . | nindent 2 | trim }}
volumes:
- name: work
  emptyDir: {}
{{- if eq .Role "sandbox" }}
- name: tools
  emptyDir: {}
{{- end }}
{{- if eq .Role "copy" }}
{{- /* A copy under way takes 8 MiB here, or without this volume of /dev/shm, which has 64 MiB. */}}
- name: frames
  emptyDir:
    medium: Memory
{{- end }}
{{- range .Task.Mounts }}
- name: {{ .Name | toJson }}
{{- if .Source }}
{{- range $kind, $source := .Source }}
  {{ $kind }}: {{ toJson $source }}
{{- end }}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ .ClaimName | toJson }}
{{- end }}
{{- end }}
{{- range index .Values "volumes" }}
- {{ toJson . }}
{{- end }}
{{- end }}

{{- /* List items: what runs before the task, and beside it. If one of these fails, the end of its log says why. */ -}}
{{- define "initContainers" }}
{{- range index .Values "initContainers" }}
- {{ merge . (pick $.Values "terminationMessagePolicy") | toJson }}
{{- end }}
{{- range index .Values "sidecars" }}
- {{ merge (dict "restartPolicy" "Always") . (pick $.Values "terminationMessagePolicy") | toJson }}
{{- end }}
{{- end }}

{{- define "container" -}}
name: task
image: {{ .Task.Image | toJson }}
{{- with index .Values "imagePullPolicy" }}
imagePullPolicy: {{ toJson . }}
{{- end }}
{{- with .Task.Command }}
command: {{ toJson . }}
{{- end }}
workingDir: {{ .Task.WorkDir | toJson }}
{{- if .Task.Stdin }}
stdin: true
stdinOnce: true
{{- end }}
{{- include "env" . }}
{{- with index .Values "envFrom" }}
envFrom: {{ toJson . }}
{{- end }}
{{- if eq .Role "copy" }}
resources: {{ index .Values.helper "resources" | default dict | toJson }}
{{- else }}
resources:
  limits: {{ toJson .Resources.Limits }}
  requests: {{ toJson .Resources.Requests }}
{{- end }}
{{- with include "securityContext" . }}
securityContext: {{- nindent 2 . }}
{{- end }}
{{- if ne .Role "copy" }}
{{- range $field, $value := pick .Values "lifecycle" "livenessProbe" "readinessProbe" "startupProbe" }}
{{ $field }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- with index .Values "terminationMessagePolicy" }}
terminationMessagePolicy: {{ toJson . }}
{{- end }}
{{- if and .Task.Mounts (eq (dig "volumeMode" "" .Values) "Block") }}
volumeDevices:
{{- range .Task.Mounts }}
- name: {{ .Name | toJson }}
  devicePath: {{ .Path | toJson }}
{{- end }}
{{- end }}
volumeMounts:
- name: work
  mountPath: {{ .Task.Dir | toJson }}
{{- if eq .Role "sandbox" }}
- name: tools
  mountPath: /.orchestra
  readOnly: true
{{- end }}
{{- if eq .Role "copy" }}
- name: frames
  mountPath: /.orchestra
{{- end }}
{{- if ne (dig "volumeMode" "" .Values) "Block" }}
{{- range .Task.Mounts }}
- name: {{ .Name | toJson }}
  mountPath: {{ .Path | toJson }}
{{- end }}
{{- end }}
{{- range index .Values "volumeMounts" }}
- {{ toJson . }}
{{- end }}
{{- end }}

{{- /* Puts a static busybox beside a sandbox's image, which may have no shell: it keeps the sandbox alive and starts its commands. */ -}}
{{- define "tools" -}}
name: tools
image: {{ .Values.helper.image | toJson }}
{{- with index .Values "imagePullPolicy" }}
imagePullPolicy: {{ toJson . }}
{{- end }}
command: [sh, -c, cp /proc/$$$$/exe /.orchestra/busybox]
resources: {{ index .Values.helper "resources" | default dict | toJson }}
{{- with index .Values "securityContext" }}
securityContext: {{ toJson . }}
{{- end }}
volumeMounts:
- name: tools
  mountPath: /.orchestra
{{- end }}

{{- /* The platform's env first; what the task sets itself wins. */ -}}
{{- define "env" -}}
{{- if or .Task.Env (index .Values "env") }}
env:
{{- range index .Values "env" }}
{{- if not (has .name $.Task.EnvNames) }}
- {{ toJson . }}
{{- end }}
{{- end }}
{{- range $i, $env := .Task.Env }}
- name: {{ $env.Name | toJson }}
{{- if $.Values.secretEnv }}
  valueFrom:
    secretKeyRef:
      name: {{ printf "%s-env" $.Name | toJson }}
      key: {{ printf "env-%d" $i | toJson }}
{{- else }}
  value: {{ $env.Value | toJson }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The task's own wishes over the platform's container securityContext. */ -}}
{{- define "securityContext" -}}
{{- $context := index .Values "securityContext" | default dict }}
{{- if eq .Role "copy" }}
{{- $context = mergeOverwrite $context (dict "readOnlyRootFilesystem" true) }}
{{- end }}
{{- if .Task.Privileged }}
{{- if not .Values.allowPrivileged }}
{{- fail "Task.Privileged: the value allowPrivileged is false, so privileged tasks are refused here" }}
{{- end }}
{{- $context = mergeOverwrite $context (dict "privileged" true) }}
{{- end }}
{{- if ne .Task.UID nil }}
{{- $context = mergeOverwrite $context (dict "runAsUser" .Task.UID) }}
{{- end }}
{{- if ne .Task.GID nil }}
{{- $context = mergeOverwrite $context (dict "runAsGroup" .Task.GID) }}
{{- end }}
{{- with $context }}{{ toJson . }}{{ end }}
{{- end }}
