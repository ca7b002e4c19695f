{{- /* How a process reaches Kafka, and as whom. Takes a dict of root and user. */ -}}
{{- define "seawall.kafkaEnv" -}}
{{- $kafka := .root.Values.kafka -}}
- { name: SEAWALL_KAFKA_BOOTSTRAP, value: {{ $kafka.bootstrap | quote }} }
- { name: SEAWALL_KAFKA_SECURITY_PROTOCOL, value: {{ $kafka.securityProtocol }} }
{{- if hasPrefix "SASL_" $kafka.securityProtocol }}
- { name: SEAWALL_KAFKA_SASL_MECHANISM, value: {{ $kafka.saslMechanism }} }
- { name: SEAWALL_KAFKA_SASL_USERNAME, value: {{ .user.username | quote }} }
- { name: SEAWALL_KAFKA_SASL_PASSWORD_FILE, value: /run/secrets/kafka/password }
{{- end }}
{{- if and (hasSuffix "SSL" $kafka.securityProtocol) $kafka.caSecret.name }}
- { name: SEAWALL_KAFKA_SSL_CAFILE, value: /run/secrets/kafka-ca/ca.crt }
{{- end }}
- { name: SEAWALL_PIPELINE_NAME, value: {{ .root.Values.pipeline.name | quote }} }
- { name: SEAWALL_PIPELINE_TOPIC_PREFIX, value: {{ .root.Values.pipeline.topicPrefix | quote }} }
- { name: SEAWALL_PIPELINE_PARTITIONS, value: {{ .root.Values.pipeline.partitions | int | quote }} }
- { name: SEAWALL_PIPELINE_REPLICATION, value: {{ .root.Values.pipeline.replication | int | quote }} }
{{- end -}}

{{- define "seawall.kafkaMounts" -}}
{{- if hasPrefix "SASL_" .Values.kafka.securityProtocol }}
- { name: kafka-password, mountPath: /run/secrets/kafka, readOnly: true }
{{- end }}
{{- if and (hasSuffix "SSL" .Values.kafka.securityProtocol) .Values.kafka.caSecret.name }}
- { name: kafka-ca, mountPath: /run/secrets/kafka-ca, readOnly: true }
{{- end }}
{{- end -}}

{{- define "seawall.kafkaVolumes" -}}
{{- $kafka := .root.Values.kafka -}}
{{- if hasPrefix "SASL_" $kafka.securityProtocol }}
- name: kafka-password
  secret:
    secretName: {{ .user.passwordSecret.name }}
    defaultMode: 0440
    items: [{ key: {{ .user.passwordSecret.key }}, path: password }]
{{- end }}
{{- if and (hasSuffix "SSL" $kafka.securityProtocol) $kafka.caSecret.name }}
- name: kafka-ca
  secret:
    secretName: {{ $kafka.caSecret.name }}
    defaultMode: 0440
    items: [{ key: {{ $kafka.caSecret.key }}, path: ca.crt }]
{{- end }}
{{- end -}}
