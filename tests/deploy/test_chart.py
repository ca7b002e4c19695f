"""The Helm chart: that it renders to what a cluster takes, and that it keeps its promises."""

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.contracts.values import STAGE_ORDER
from streams.kafka.topics import consumer_group, stage_topics
from streams.settings import PipelineSettings, load_settings
from tests.deploy.conftest import CHART, ROOT, Manifest, Render
from tests.faults.rolling import GRACE_BEYOND_SHUTDOWN, MIN_READY_SECONDS, WORKERS

EVERYTHING = (
    "workers.text.autoscaling.enabled=true",
    "workers.media.autoscaling.enabled=true",
    "monitoring.serviceMonitor.enabled=true",
    "monitoring.prometheusRule.enabled=true",
    "state.hmacPreviousKeySecret.name=old",
    "state.hmacPreviousKeySecret.key=key",
    "state.caSecret.name=store-ca",
    "state.caSecret.key=ca.crt",
    "librarian.sourcesSecret=hotlines",
    "imagePullSecrets[0].name=registry",
    "worker.priorityClassName=high",
    "worker.nodeSelector.disk=fast",
    "worker.podAnnotations.team=safety",
    "lists.claim.storageClass=nfs",
    "librarian.store.storageClass=fast",
    "serviceAccount.annotations.role=media-reader",
)
SPLIT = (
    "workers.text.stages={media-hashing}",
    "workers.rest.enabled=true",
    "workers.rest.media=false",
    "workers.rest.stages={hash-matching,text-risk,enforcement}",
    "workers.rest.replicas=2",
    "workers.rest.kafkaUser.username=seawall-rest",
    "workers.rest.kafkaUser.passwordSecret.name=seawall-rest",
    "workers.rest.kafkaUser.passwordSecret.key=password",
    "workers.rest.resources.limits.memory=1Gi",
    "workers.rest.autoscaling.enabled=true",
    "workers.rest.autoscaling.minReplicas=1",
    "workers.rest.autoscaling.maxReplicas=4",
    "workers.rest.autoscaling.lagThreshold=1000",
)
PLAIN = ("kafka.securityProtocol=PLAINTEXT", "workers.text.autoscaling.enabled=true")
VARIANTS = {"defaults": (), "everything": EVERYTHING, "split": SPLIT, "plain": PLAIN}
NOT_KUBERNETES = ("keda.sh", "monitoring.coreos.com")


def pod_specs(manifests: dict[tuple[str, str], Manifest]) -> Iterator[tuple[str, dict[str, Any]]]:
    for (kind, name), manifest in manifests.items():
        if kind in ("StatefulSet", "Deployment", "Job"):
            yield name, manifest["spec"]["template"]["spec"]
        elif kind == "Pod":
            yield name, manifest["spec"]


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e.get("value", "from elsewhere") for e in container.get("env", [])}


def test_lint(run_helm: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    done = run_helm("lint", "--strict", str(CHART), "--kube-version", "1.33.0")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_every_manifest(
    variant: str, render: Render, tool: Callable[[str], Path], tmp_path: Path
) -> None:
    own = [
        m
        for m in render(*VARIANTS[variant]).values()
        if not any(group in m["apiVersion"] for group in NOT_KUBERNETES)
    ]
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(own))
    command = [tool("kubernetes-validate"), "--strict", "-k", "1.33", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_rendered_yaml_lints(
    variant: str, rendered: Callable[..., str], tool: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tmp_path / "rendered.yaml"
    # Empty lines with blanks come from templates, and mean nothing.
    text = rendered(*VARIANTS[variant])
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
    config = ROOT / "deploy" / "yamllint.yaml"
    command = [tool("yamllint"), "-c", config, "--no-warnings", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_runs_with_the_fewest_rights(variant: str, render: Render) -> None:
    for name, spec in pod_specs(render(*VARIANTS[variant])):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert spec["automountServiceAccountToken"] is False, name
        # Variables of Services named seawall would read as settings.
        assert spec["enableServiceLinks"] is False, name
        for container in containers(spec):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"]["drop"] == ["ALL"], name
            assert container["resources"]["limits"]["memory"], name
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {volume["name"] for volume in spec["volumes"]} | {"store"}, name


def test_a_pod_is_given_longer_to_end_than_its_worker_takes(render: Render) -> None:
    for seconds in (25, 60):
        manifests = render(f"worker.shutdownSeconds={seconds}")
        for name in ("text", "media"):
            spec = manifests["StatefulSet", f"rel-seawall-{name}"]["spec"]["template"]["spec"]
            shutdown = environment(spec["containers"][0])["SEAWALL_WORKER_SHUTDOWN_SECONDS"]
            assert float(shutdown) == seconds
            assert spec["terminationGracePeriodSeconds"] == seconds + GRACE_BEYOND_SHUTDOWN


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_chart_sets_are_settings(variant: str, render: Render, tmp_path: Path) -> None:
    """Every process of the chart starts with an environment that `seawall` takes."""
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    manifests = render(*VARIANTS[variant])
    text = manifests["ConfigMap", "rel-seawall"]["data"]["seawall.toml"]
    config = tmp_path / "seawall.toml"
    config.write_text(text)
    for name, spec in pod_specs(manifests):
        for container in containers(spec):
            given = environment(container)
            for variable in given:
                if variable.endswith("_FILE") and variable.startswith("SEAWALL_"):
                    given[variable] = str(secret)
            # What Kubernetes fills in.
            if "SEAWALL_STATE_URL" in given:
                given["SEAWALL_STATE_URL"] = "valkeys://store:6379/0"
            if "SEAWALL_WORKER_INSTANCE_ID" in given:
                given["SEAWALL_WORKER_INSTANCE_ID"] = f"{name}-0"
            given.pop("SEAWALL_POLICY_FILE", None)
            given.pop("SEAWALL_CONFIG", None)
            loaded = load_settings(config, environment=given)
            if "SEAWALL_KAFKA_BOOTSTRAP" in given:
                assert loaded.settings.pipeline.replication == 3, name
                assert loaded.settings.kafka.bootstrap.startswith("kafka-kafka-bootstrap"), name


@pytest.mark.parametrize("variant", ["everything", "split"])
def test_lag_is_measured_of_the_workers_own_group_and_topic(variant: str, render: Render) -> None:
    manifests = render(*VARIANTS[variant])
    seen = 0
    for (kind, name), manifest in manifests.items():
        if kind != "ScaledObject":
            continue
        seen += 1
        worker = manifests["StatefulSet", name]
        # The number of replicas is the scaler's.
        assert "replicas" not in worker["spec"]
        given = environment(worker["spec"]["template"]["spec"]["containers"][0])
        stages = tuple(given["SEAWALL_WORKER_STAGES"].split(","))
        pipeline = PipelineSettings(media=given["SEAWALL_PIPELINE_MEDIA"] == "true")
        trigger = manifest["spec"]["triggers"][0]["metadata"]
        assert trigger["consumerGroup"] == consumer_group(pipeline, stages)
        assert trigger["topic"] == stage_topics(pipeline, stages).input
    assert seen


def test_an_update_waits_as_the_rolling_restart_of_the_fault_tests_does(render: Render) -> None:
    spec = render()["StatefulSet", "rel-seawall-text"]["spec"]
    assert spec["minReadySeconds"] == MIN_READY_SECONDS
    assert spec["updateStrategy"] == {"type": "RollingUpdate"}
    assert spec["replicas"] == WORKERS


def test_more_workers_than_partitions_are_refused(
    run_helm: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    sets = "workers.text.autoscaling.enabled=true,pipeline.partitions=4"
    done = run_helm("template", "rel", str(CHART), "--kube-version", "1.33.0", "--set", sets)
    assert done.returncode != 0
    assert "above pipeline.partitions" in done.stderr


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("workers.text.stages={hash-matching,enforcement}", "stages"),
        ("workers.text.replica=3", "replica"),
        ("kafka.securityProtocol=TLS", "securityProtocol"),
        ("image.digest=latest", "digest"),
        ("worker.shutdownSeconds=0", "shutdownSeconds"),
        ("workers.text.kafkaUser.password=plain", "password"),
        ("workers.Text_1.enabled=true", "Text_1"),
        ("monitoring.prometheusRule.runbookUrl=wiki/seawall", "runbookUrl"),
    ],
)
def test_wrong_values_are_refused_by_name(
    value: str, said: str, run_helm: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    done = run_helm("template", "rel", str(CHART), "--kube-version", "1.33.0", "--set", value)
    assert done.returncode != 0
    assert said in done.stderr


def test_the_schemas_runs_are_all_contiguous_runs_of_stages() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    runs = schema["$defs"]["worker"]["properties"]["stages"]["enum"]
    wanted = [
        list(STAGE_ORDER[first:end])
        for first, end in itertools.combinations(range(len(STAGE_ORDER) + 1), 2)
    ]
    assert sorted(runs) == sorted(wanted)


def test_the_rules_reach_prometheus_as_they_are(render: Render) -> None:
    manifest = render(*EVERYTHING)["PrometheusRule", "rel-seawall"]
    rules = yaml.safe_load((ROOT / "dashboards" / "seawall.rules.yaml").read_text())
    assert manifest["spec"] == rules


@pytest.mark.parametrize("url", ["https://wiki.example/seawall", "https://wiki.example/seawall/"])
def test_alerts_link_to_where_the_runbooks_are(url: str, render: Render) -> None:
    made = render(*EVERYTHING, f"monitoring.prometheusRule.runbookUrl={url}")
    spec = made["PrometheusRule", "rel-seawall"]["spec"]
    as_is = yaml.safe_load((ROOT / "dashboards" / "seawall.rules.yaml").read_text())
    links = 0
    for group in as_is["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                annotations = rule["annotations"]
                assert annotations["runbook_url"].endswith(f"/{rule['alert']}.md")
                annotations["runbook_url"] = f"https://wiki.example/seawall/{rule['alert']}.md"
                links += 1
    assert links
    assert spec == as_is


def test_a_change_of_the_settings_restarts_the_pods(render: Render) -> None:
    def sums(*values: str) -> set[str]:
        return {
            manifest["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            for (kind, _), manifest in render(*values).items()
            if kind in ("StatefulSet", "Deployment")
        }

    before, after = sums(), sums("policy=version = 'other'")
    assert len(before) == len(after) == 1
    assert before != after


def test_no_secret_is_made_or_written(render: Render) -> None:
    for variant in VARIANTS.values():
        manifests = render(*variant)
        assert not any(kind == "Secret" for kind, _ in manifests)
        for _, spec in pod_specs(manifests):
            for container in containers(spec):
                for variable in container.get("env", []):
                    if any(word in variable["name"] for word in ("PASSWORD", "HMAC", "STATE_URL")):
                        by_file = str(variable.get("value", "")).startswith("/run/secrets/")
                        assert by_file or "secretKeyRef" in variable["valueFrom"]


def test_nothing_comes_in_but_scrapes(render: Render) -> None:
    manifests = render()
    policies = [m["spec"] for (kind, _), m in manifests.items() if kind == "NetworkPolicy"]
    ingress = [rule for policy in policies for rule in policy.get("ingress", [])]
    assert len(ingress) == 1
    assert ingress[0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    assert ingress[0]["from"]
    # Every pod is under one that closes both ways.
    closed = next(p for p in policies if p["policyTypes"] == ["Ingress", "Egress"])
    wanted = closed["podSelector"]["matchLabels"].items()
    for (kind, name), manifest in manifests.items():
        if kind in ("StatefulSet", "Deployment", "Job"):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert wanted <= labels.items(), name


def test_only_media_workers_may_fetch_media(render: Render) -> None:
    manifests = render("networkPolicy.media.ports={8443}")
    reach = {
        name
        for (kind, name), manifest in manifests.items()
        if kind == "NetworkPolicy"
        for rule in manifest["spec"].get("egress", [])
        for port in rule["ports"]
        if port["port"] == 8443
    }
    assert reach == {"rel-seawall-media"}


def test_a_long_release_name_still_makes_names_of_at_most_63_characters(
    run_helm: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    done = run_helm("template", "r" * 53, str(CHART), "--kube-version", "1.33.0")
    assert done.returncode == 0, done.stderr
    for manifest in yaml.safe_load_all(done.stdout):
        if manifest and manifest["kind"] in ("StatefulSet", "Service", "Job"):
            assert len(manifest["metadata"]["name"]) <= 63 - len("-0")
