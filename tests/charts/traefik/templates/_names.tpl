{{- define "name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "name" .) -}}
{{- end -}}

{{/* What belongs to the whole cluster is named after the namespace too. */}}
{{- define "clusterName" -}}
{{- printf "%s-%s" (include "name" .) (include "namespace" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "image" -}}
{{- $image := .Values.image -}}
{{- $name := printf "%s/%s" $image.registry $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The labels that find the Pods. A Deployment's cannot be changed. */}}
{{- define "selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Values.instanceLabelOverride | default (printf "%s-%s" .Release.Name (include "namespace" .)) | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portName" -}}
{{- . | lower | trunc 15 | trimSuffix "-" -}}
{{- end -}}

{{- define "pluginName" -}}
{{- printf "%s-local-plugin-%s" (include "name" .root) .plugin -}}
{{- end -}}
