{{- define "seawall.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "seawall.serviceAccount" -}}
{{- default (include "seawall.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "seawall.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "seawall.labels" -}}
{{ include "seawall.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- define "seawall.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "seawall.claim" -}}
{{- default (printf "%s-lists" (include "seawall.fullname" .)) .Values.lists.claim.existing -}}
{{- end -}}

{{- /* The group that a run of stages reads in, and its input topic: as streams/kafka/topics.py has
it; a test compares them. Takes a dict of root and worker. */ -}}
{{- define "seawall.group" -}}
{{- $first := first .worker.stages -}}
{{- $group := printf "%s.%s" .root.Values.pipeline.name $first -}}
{{- if and .worker.media (eq $first "media-hashing") -}}{{ $group }}.media{{- else -}}{{ $group }}{{- end -}}
{{- end -}}

{{- define "seawall.inputTopic" -}}
{{- $topics := dict "media-hashing" (ternary "media.events" "content.events" .worker.media) "hash-matching" "content.hashed" "text-risk" "content.matched" "enforcement" "content.scored" -}}
{{- .root.Values.pipeline.topicPrefix }}{{ get $topics (first .worker.stages) -}}
{{- end -}}

{{- define "seawall.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "seawall.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}
