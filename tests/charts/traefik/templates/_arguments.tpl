{{/* One line for each of Traefik's arguments. */}}
{{- define "arguments" -}}
{{- $root := . -}}
{{- if not .Values.global.checkNewVersion }}
--global.checkNewVersion=false
{{- end }}
{{- if .Values.global.sendAnonymousUsage }}
--global.sendAnonymousUsage
{{- end }}
{{- range $name, $port := .Values.ports }}
{{- include "entryPoint" (dict "path" (printf "entryPoints.%s" $name) "port" $port) }}
{{- end }}
{{- include "tree" (dict "path" "api" "values" .Values.api) }}
--ping=true
{{- with (.Values.metrics).prometheus }}
--metrics.prometheus=true
{{- include "tree" (dict "path" "metrics.prometheus" "values" (omit . "service" "serviceMonitor")) }}
{{- end }}
{{- if ((.Values.metrics).otlp).enabled }}
--metrics.otlp=true
{{- include "otlp" (dict "path" "metrics.otlp" "otlp" .Values.metrics.otlp) }}
{{- include "tree" (dict "path" "metrics.otlp" "values" (omit .Values.metrics.otlp "enabled" "http" "grpc")) }}
{{- end }}
{{- if ((.Values.tracing).otlp).enabled }}
--tracing.otlp=true
{{- include "otlp" (dict "path" "tracing.otlp" "otlp" .Values.tracing.otlp) }}
{{- include "tree" (dict "path" "tracing" "values" (omit .Values.tracing "otlp")) }}
{{- end }}
{{- range $name, $plugin := .Values.experimental.localPlugins }}
--experimental.localPlugins.{{ $name }}.moduleName={{ $plugin.moduleName }}
{{- end }}
{{- range $name, $key := dict "kubernetescrd" "kubernetesCRD" "kubernetesingress" "kubernetesIngress" }}
{{- $provider := get $root.Values.providers $key }}
{{- if $provider.enabled }}
--providers.{{ $name }}
{{- include "tree" (dict "path" (printf "providers.%s" $name) "values" (omit $provider "enabled" "publishedService") "quiet" (list "safeNaming" "nativeLBByDefault" "allowCrossNamespace" "allowExternalNameServices")) }}
{{- end }}
{{- end }}
{{- include "gatewayProvider" . }}
{{- include "tree" (dict "path" "log" "values" .Values.log) }}
{{- if .Values.accessLog.enabled }}
--accesslog=true
{{- include "tree" (dict "path" "accesslog" "values" (omit .Values.accessLog "enabled")) }}
{{- end }}
{{- range .Values.additionalArguments }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "entryPoint" }}
--{{ .path }}.address={{ .port.hostIP }}:{{ .port.port }}/{{ .port.protocol | default "tcp" | lower }}
{{- with .port.asDefault }}
--{{ $.path }}.asDefault={{ . }}
{{- end }}
{{- if (((.port).http).tls).enabled }}
--{{ .path }}.http.tls=true
{{- end }}
{{- include "tree" (dict "path" (printf "%s.http" .path) "values" (omit (.port.http | default dict) "tls")) }}
{{- include "tree" (dict "path" (printf "%s.transport" .path) "values" (.port.transport | default dict)) }}
{{- include "tree" (dict "path" (printf "%s.observability" .path) "values" (.port.observability | default dict)) }}
{{- include "tree" (dict "path" (printf "%s.forwardedHeaders" .path) "values" (.port.forwardedHeaders | default dict) "quiet" (list "insecure" "notAppendXForwardedFor")) }}
{{- include "tree" (dict "path" (printf "%s.proxyProtocol" .path) "values" (.port.proxyProtocol | default dict) "quiet" (list "insecure")) }}
{{- end -}}

{{- define "otlp" }}
{{- range $protocol := list "http" "grpc" }}
{{- $settings := get $.otlp $protocol | default dict }}
{{- if $settings.enabled }}
--{{ $.path }}.{{ $protocol }}=true
{{- include "tree" (dict "path" (printf "%s.%s" $.path $protocol) "values" (omit $settings "enabled")) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gatewayProvider" -}}
{{- $provider := .Values.providers.kubernetesGateway -}}
{{- if $provider.enabled }}
--providers.kubernetesgateway
{{- $address := $provider.statusAddress }}
{{- with $address.ip }}
--providers.kubernetesgateway.statusaddress.ip={{ . }}
{{- end }}
{{- with $address.hostname }}
--providers.kubernetesgateway.statusaddress.hostname={{ . }}
{{- end }}
{{- if $address.service.enabled }}
--providers.kubernetesgateway.statusaddress.service.name={{ $address.service.name | default (include "name" .) }}
--providers.kubernetesgateway.statusaddress.service.namespace={{ $address.service.namespace | default (include "namespace" .) }}
{{- end }}
{{- include "tree" (dict "path" "providers.kubernetesgateway" "values" (omit $provider "enabled" "statusAddress") "quiet" (list "experimentalChannel" "nativeLBByDefault")) }}
{{- end }}
{{- end -}}

{{/* An argument for every leaf of .values that is set. Booleans named in .quiet are left out while false. */}}
{{- define "tree" -}}
{{- $quiet := .quiet | default list -}}
{{- range $key, $value := .values }}
{{- $path := printf "%s.%s" $.path $key }}
{{- if kindIs "map" $value }}
{{- include "tree" (dict "path" $path "values" $value "quiet" $quiet) }}
{{- else if kindIs "bool" $value }}
{{- if or $value (not (has $key $quiet)) }}
--{{ $path }}={{ $value }}
{{- end }}
{{- else if kindIs "slice" $value }}
{{- with $value }}
--{{ $path }}={{ join "," . }}
{{- end }}
{{- else if ne (toString ($value | default "")) "" }}
--{{ $path }}={{ $value }}
{{- end }}
{{- end }}
{{- end -}}
