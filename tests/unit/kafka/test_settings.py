"""Settings: what wins, where a value came from, and that nothing wrong is passed over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.settings import Settings, SettingsError, load_settings


def load(
    text: str | None = None,
    env: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
    *,
    tmp_path: Path,
) -> Settings:
    config = None
    if text is not None:
        config = tmp_path / "seawall.toml"
        config.write_text(text)
    return load_settings(config, flags, env or {}).settings


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[worker]\ninternal_error_limit = 3\nchunk_records = 3\nchunk_bytes = 3\n")
    env = {
        "SEAWALL_CONFIG": str(config),
        "SEAWALL_WORKER_INTERNAL_ERROR_LIMIT": "4",
        "SEAWALL_WORKER_CHUNK_RECORDS": "4",
    }
    settings, sources = load_settings(
        None, {"worker.internal_error_limit": 5, "kafka.client_id": None}, env
    )
    worker = settings.worker
    assert (worker.internal_error_limit, worker.chunk_records, worker.chunk_bytes) == (5, 4, 3)
    assert sources == {
        "worker.internal_error_limit": "flag",
        "worker.chunk_records": "SEAWALL_WORKER_CHUNK_RECORDS",
        "worker.chunk_bytes": str(config),
    }


def test_the_file_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}).settings == Settings()
    (tmp_path / "seawall.toml").write_text("[pipeline]\npartitions = 2\n")
    assert load_settings(environment={}).settings.pipeline.partitions == 2


def test_text_becomes_the_fields_type(tmp_path: Path) -> None:
    env = {
        "SEAWALL_WORKER_STAGES": "hash-matching, text-risk",
        "SEAWALL_PIPELINE_MEDIA": "true",
        "SEAWALL_WORKER_SHUTDOWN_SECONDS": "2.5",
        "SEAWALL_MEDIA_URI_PREFIXES": "s3://a/,s3://b/",
        "SEAWALL_WORKER_INSTANCE_ID": "",
    }
    settings = load(env=env, tmp_path=tmp_path)
    assert settings.worker.stages == ("hash-matching", "text-risk")
    assert settings.pipeline.media is True
    assert settings.worker.shutdown_seconds == 2.5
    assert settings.media.uri_prefixes == ("s3://a/", "s3://b/")
    assert settings.worker.instance_id is None


@pytest.mark.parametrize(
    ("text", "env", "words"),
    [
        ("[workers]\ninternal_error_limit = 1", {}, ["seawall.toml", "'workers'", "worker"]),
        ("internal_error_limit = 1", {}, ["seawall.toml", "'internal_error_limit'"]),
        ("worker = 1", {}, ["seawall.toml", "[worker]"]),
        ("[worker]\nthread = 1", {}, ["seawall.toml", "worker.thread", "internal_error_limit"]),
        (
            "[worker]\ninternal_error_limit = '2'",
            {},
            ["seawall.toml", "worker.internal_error_limit", "whole number from 1"],
        ),
        (
            "[worker]\ninternal_error_limit = 0",
            {},
            ["worker.internal_error_limit", "whole number from 1"],
        ),
        ("[worker]\ndelivery = 'once'", {}, ["worker.delivery", "at_least_once, exactly_once"]),
        ("[worker", {}, ["seawall.toml", "not TOML"]),
        (None, {"SEAWALL_KAFAK_BOOTSTRAP": "x"}, ["SEAWALL_KAFAK_BOOTSTRAP", "kafka"]),
        (None, {"SEAWALL_KAFKA_BOOT": "x"}, ["SEAWALL_KAFKA_BOOT", "bootstrap"]),
        (
            None,
            {"SEAWALL_WORKER_INTERNAL_ERROR_LIMIT": "two"},
            ["SEAWALL_WORKER_INTERNAL_ERROR_LIMIT", "worker.internal_error_limit"],
        ),
        (None, {"SEAWALL_WORKER_STAGES": "text-risk,hash-matching"}, ["stages", "contiguous"]),
        (None, {"SEAWALL_WORKER_STAGES": "hash-matching,enforcement"}, ["contiguous"]),
        (None, {"SEAWALL_KAFKA_BOOTSTRAP_FILE": "/x"}, ["SEAWALL_KAFKA_BOOTSTRAP_FILE", "secrets"]),
        (None, {"SEAWALL_STATE_URL": "valkey://h"}, ["state", "hmac_key"]),
        (None, {"SEAWALL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, ["sasl_mechanism"]),
        (None, {"SEAWALL_CONFIG": "/no/such.toml"}, ["/no/such.toml", "cannot read"]),
        *(
            (None, {"SEAWALL_KAFKA_BOOTSTRAP": servers}, ["kafka", "HOST:PORT"])
            for servers in ("127.0.0.1:99999", "::::", "one:9092,", "kafka://one:9092", "one:0")
        ),
        pytest.param(
            "a = " + "[" * 3000 + "]" * 3000, {}, ["seawall.toml", "too deeply"], id="deep"
        ),
        pytest.param("a = " + "9" * 5000, {}, ["seawall.toml", "digits"], id="huge number"),
        pytest.param(".".join("a" * 3000) + " = 1", {}, ["line 1", "16 parts"], id="long key"),
        *(
            (f'[lists]\nfiles = ["{file}"]\n', {}, ["seawall.toml", "lists", "names no file"])
            for file in ("", ".", "/")
        ),
        ('[policy]\nfile = ""\n', {}, ["seawall.toml", "policy", "'' names no file", "default"]),
        (None, {"SEAWALL_POLICY_FILE": ""}, ["SEAWALL_POLICY_FILE", "'' names no file"]),
        *(
            (f"[{section}]\n{field}\n", {}, ["seawall.toml", section, "NUL"])
            for section, field in (
                ("lists", 'files = ["a\\u0000b"]'),
                ("policy", 'file = "a\\u0000b"'),
                ("text", 'catalogues = ["a\\u0000b"]'),
                ("worker", 'mapping = "a\\u0000b"'),
            )
        ),
        (None, {"SEAWALL_POLICY_FILE": "a\udcff"}, ["SEAWALL_POLICY_FILE", "not UTF-8"]),
        ("[media]\ntimeout_seconds = inf\n", {}, ["media.timeout_seconds", "to 1000000"]),
        ("[media]\ntimeout_seconds = nan\n", {}, ["media.timeout_seconds"]),
        (f"[media]\nmemory_bytes = {10**20}\n", {}, ["media.memory_bytes", "a whole number"]),
        (None, {"SEAWALL_MEDIA_MEMORY_BYTES": "9" * 20}, ["media.memory_bytes"]),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(
    text: str | None, env: dict[str, str], words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(text, env, tmp_path=tmp_path)
    for word in words:
        assert word in str(refused.value)


def test_secrets_come_from_files_and_are_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("opensesame\n")
    env = {
        "SEAWALL_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SEAWALL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "SEAWALL_KAFKA_SASL_USERNAME": "worker",
        "SEAWALL_KAFKA_SASL_PASSWORD_FILE": str(secret),
    }
    settings = load(env=env, tmp_path=tmp_path)
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.reveal() == "opensesame"
    assert settings.kafka.aiokafka_config()["sasl_plain_password"] == "opensesame"
    assert "opensesame" not in f"{settings} {settings!r}"
    with pytest.raises(SettingsError, match="is set too"):
        load(env=env | {"SEAWALL_KAFKA_SASL_PASSWORD": "x"}, tmp_path=tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "config", "--json"],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "opensesame" not in done.stdout
    assert "(hidden)" in done.stdout
    assert "SEAWALL_KAFKA_SASL_PASSWORD_FILE" in done.stdout


def test_variables_that_kubernetes_sets_for_a_service_are_no_settings(tmp_path: Path) -> None:
    env = {
        "SEAWALL_SERVICE_HOST": "10.0.0.1",
        "SEAWALL_PORT": "tcp://10.0.0.1:80",
        "SEAWALL_WORKER_PORT_8000_TCP_ADDR": "10.0.0.1",
        "SEAWALL_WORKER_SERVICE_PORT_METRICS": "8000",
    }
    assert load(env=env, tmp_path=tmp_path) == Settings()


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    env = {"SEAWALL_KAFKA_SECURITY_PROTOCOL": "SSL", "SEAWALL_KAFKA_SSL_CAFILE": str(missing)}
    settings = load(env=env, tmp_path=tmp_path)
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        settings.kafka.kafka_python_config()
    settings = load(env={"SEAWALL_KAFKA_SECURITY_PROTOCOL": "SSL"}, tmp_path=tmp_path)
    context = settings.kafka.aiokafka_config()["ssl_context"]
    assert context.check_hostname


def test_a_password_within_an_address_is_hidden_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "config", "--json"],
        env=os.environ
        | {
            "SEAWALL_STATE_URL": "valkey://user:drowssap@store:6379/0",
            "SEAWALL_STATE_HMAC_KEY": "0123456789abcdef",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "drowssap" not in done.stdout
    assert "valkey://user:(hidden)@store:6379/0" in done.stdout
