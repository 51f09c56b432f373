{{/* Labels of everything that the chart brings. */}}
{{- define "tenantry.labels" -}}
app.kubernetes.io/name: tenantry
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* What selects the operator's pods; never changes, a Deployment's selector cannot. */}}
{{- define "tenantry.selector" -}}
app.kubernetes.io/name: tenantry
app.kubernetes.io/component: operator
{{- end -}}

{{/* The user name of the operator, as policies see it. */}}
{{- define "tenantry.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:tenantry
{{- end -}}

{{/* For what customers' people hold, and what guards it: see `access.keep`. */}}
{{- define "tenantry.kept" }}
{{- if .Values.access.keep }}
  annotations: { helm.sh/resource-policy: keep }
{{- end }}
{{- end -}}

{{- define "tenantry.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tenantry.healthPort" -}}8080{{- end -}}

{{/* The operator's configuration file. */}}
{{- define "tenantry.config" -}}
{{- $ours := dict "namespace" .Release.Namespace "lease" "tenantry" "health" (dict "host" "0.0.0.0" "port" (include "tenantry.healthPort" . | int)) -}}
{{- toYaml (merge $ours (deepCopy .Values.config)) -}}
{{- end -}}

{{/*
Names of the Secrets that the configuration refers to, one a line: each `…Secret` or `secretRef` in it.
They must be in the release's namespace: elsewhere the operator has no right to read one.
*/}}
{{- define "tenantry.secretNames" -}}
{{- $namespace := .namespace -}}
{{- if kindIs "map" .value -}}
{{- range $key, $inner := .value -}}
{{- if and (kindIs "map" $inner) (regexMatch "(Secret|secretRef)$" $key) (hasKey $inner "name") -}}
{{- if ne ($inner.namespace | default $namespace) $namespace -}}
{{- fail (printf "config: Secret %s is in namespace %s, which the operator may not read. Put it into %s." $inner.name $inner.namespace $namespace) -}}
{{- end -}}
{{- $inner.name }}{{ "\n" -}}
{{- else -}}
{{- include "tenantry.secretNames" (dict "value" $inner "namespace" $namespace) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range .value -}}
{{- include "tenantry.secretNames" (dict "value" . "namespace" $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
