{{- define "portcullis.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "portcullis.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* A volume's own folder belongs to its group; the gateway makes one in it that is its user's alone. */}}
{{- define "portcullis.config" -}}
{{- $server := merge (dict "listen" (printf "0.0.0.0:%d" (int .Values.service.port))) (.Values.config.server | default dict) }}
{{- $chart := dict "server" $server "data" "/volumes/data/portcullis" "keys" "/volumes/keys/portcullis" "policies" (dict "path" "/etc/portcullis/policies") }}
{{- if .Values.postgres.enabled }}{{ $_ := set $chart "database" .Values.postgres.url }}{{ end }}
{{- toYaml (merge $chart .Values.config) }}
{{- end }}
