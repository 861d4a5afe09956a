{{- /* The cache server, in place of the default's init containers and sidecars, which this platform has none of. */ -}}
{{- define "initContainers" }}
{{- if .Task.Mounts }}
- name: cache
  image: busybox
  restartPolicy: Always
  command: [httpd, -f, -p, "3142", -h, /cache]
  startupProbe:
    tcpSocket: {port: 3142}
    periodSeconds: 1
    failureThreshold: 60
  volumeMounts:
  {{- range .Task.Mounts }}
  - name: {{ toJson .Name }}
    mountPath: {{ base .Path | printf "/cache/%s" | toJson }}
    readOnly: true
  {{- end }}
{{- end }}
{{- end }}
