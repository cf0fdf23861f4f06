{{- define "portcullis.pod" -}}
metadata:
  labels:
    {{- include "portcullis.labels" . | nindent 4 }}
  annotations:
    # The config is read again by a new pod; policies are read at its start.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "portcullis.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: portcullis
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --config, /etc/portcullis/portcullis.yaml]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      env:
        # Where the gateway looks for `portcullis-kek`.
        - { name: CREDENTIALS_DIRECTORY, value: /run/portcullis }
        - { name: NODE_COMPILE_CACHE, value: /tmp/node }
        {{- if .Values.postgres.enabled }}
        - name: PGPASSWORD
          valueFrom:
            secretKeyRef:
              name: {{ .Values.postgres.existingSecret }}
              key: {{ .Values.postgres.passwordKey }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - { name: http, containerPort: {{ .Values.service.port }} }
      startupProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 2
        # A start checks the newest entries, and more after a crash.
        failureThreshold: 150
      livenessProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: http }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - { name: config, mountPath: /etc/portcullis/portcullis.yaml, subPath: portcullis.yaml, readOnly: true }
        - { name: policies, mountPath: /etc/portcullis/policies, readOnly: true }
        - { name: kek, mountPath: /run/portcullis, readOnly: true }
        - { name: data, mountPath: /volumes/data }
        - { name: keys, mountPath: /volumes/keys }
        - { name: tmp, mountPath: /tmp }
  volumes:
    - name: config
      configMap:
        name: {{ include "portcullis.name" . }}
        items: [{ key: portcullis.yaml, path: portcullis.yaml }]
    - name: policies
      configMap:
        name: {{ include "portcullis.name" . }}-policies
    - name: kek
      secret:
        secretName: {{ .Values.kek.existingSecret }}
        items: [{ key: {{ .Values.kek.key }}, path: portcullis-kek }]
        defaultMode: 0440
    - name: tmp
      emptyDir: { medium: Memory, sizeLimit: 64Mi }
    {{- if .Values.postgres.enabled }}
    - name: data
      emptyDir: { medium: Memory, sizeLimit: 1Mi }
    - name: keys
      persistentVolumeClaim: { claimName: {{ .Values.postgres.keysClaim }} }
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
