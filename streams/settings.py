"""`Settings`: everything a person can set, in one tree, with the place where each value came from.

Values come from, the later winning: the defaults here; one TOML file (`--config`, else
`SEAWALL_CONFIG`, else `./seawall.toml` if it is there); the environment, `SEAWALL_SECTION_FIELD`;
flags. A secret can be named as a file too: `SEAWALL_SECTION_FIELD_FILE`. Nothing unknown is passed
over, so a misspelt name is an error and not a default.
"""

import os
import re
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args

import msgspec
from msgspec import Meta, Struct

from matchers.deep_keys import MOST_PARTS, deep_key
from matchers.type_words import allowed_values
from streams.contracts.values import STAGE_ORDER, StageName
from streams.secret import Secret

Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Bytes = Annotated[int, Meta(ge=1, le=1 << 40)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
PositiveNumber = Annotated[float, Meta(gt=0, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Port = Annotated[int, Meta(ge=0, le=65535)]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Delivery = Literal["exactly_once", "at_least_once"]
TopicPrefix = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=100)]
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?")
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+$", max_length=100)]


class KafkaSettings(Struct, frozen=True, kw_only=True):
    """How to reach the brokers. Files are PEM; `ssl_password` opens `ssl_keyfile`."""

    bootstrap: Annotated[str, Meta(min_length=1)] = "127.0.0.1:9092"
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism | None = None
    sasl_username: str | None = None
    sasl_password: Secret | None = None
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: Secret | None = None
    ssl_check_hostname: bool = True
    client_id: Name = "seawall"

    def __post_init__(self) -> None:
        sasl = self.security_protocol.startswith("SASL")
        if sasl and not (self.sasl_mechanism and self.sasl_username and self.sasl_password):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_mechanism, sasl_username "
                "and sasl_password"
            )
        if not sasl and self.sasl_mechanism:
            raise ValueError("sasl_mechanism needs security_protocol SASL_SSL or SASL_PLAINTEXT")
        if self.ssl_keyfile and not self.ssl_certfile:
            raise ValueError("ssl_keyfile needs ssl_certfile")

        for server in self.bootstrap.split(","):
            match = _SERVER.fullmatch(server.strip())
            if match is None or not 0 < int(match["port"] or 9092) <= 65_535:
                raise ValueError(
                    f"bootstrap: {server!r} is no server: write HOST:PORT, and commas between"
                )

    def kafka_python_config(self) -> dict[str, Any]:
        """Keyword arguments for every client of kafka-python. Reads the TLS files."""
        return self._common()

    def aiokafka_config(self) -> dict[str, Any]:
        """Keyword arguments for every client of aiokafka. Reads the TLS files."""
        return self._common()

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context, `None` without TLS. Raises `SettingsError` for unusable files."""
        if not self.security_protocol.endswith("SSL"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_cafile)
            context.check_hostname = self.ssl_check_hostname
            if self.ssl_certfile:
                password = self.ssl_password.reveal() if self.ssl_password else None
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, password)
        except OSError as bad:  # `ssl.SSLError` is one too
            files = ", ".join(filter(None, (self.ssl_cafile, self.ssl_certfile, self.ssl_keyfile)))
            raise SettingsError(f"kafka: cannot use the TLS files ({files}): {bad}") from bad
        return context

    def _common(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "bootstrap_servers": [part.strip() for part in self.bootstrap.split(",")],
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
        }
        context = self.ssl_context()
        if context is not None:
            arguments["ssl_context"] = context
        if self.sasl_mechanism and self.sasl_password:
            arguments["sasl_mechanism"] = self.sasl_mechanism
            arguments["sasl_plain_username"] = self.sasl_username
            arguments["sasl_plain_password"] = self.sasl_password.reveal()
        return arguments


class PipelineSettings(Struct, frozen=True, kw_only=True):
    """The topics. `name` begins consumer groups, `topic_prefix` every topic's name. With `media`
    the first topic is `media.events` instead of `content.events`: media gets a pipeline of its own,
    so that a long video never stands before a message."""

    name: Name = "seawall"
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 8
    replication: Annotated[int, Meta(ge=1, le=15)] = 1
    topic_prefix: TopicPrefix = ""
    media: bool = False


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """One worker. `stages` is a contiguous run; `instance_id` is for static group membership
    (unique for each worker, and the same after its restart); port 0 is a free
    one; `mapping` is a file that turns the platform's own JSON into events."""

    stages: Annotated[tuple[StageName, ...], Meta(min_length=1)] = STAGE_ORDER
    delivery: Delivery = "exactly_once"
    chunk_records: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    chunk_bytes: Positive = 4 << 20
    fetch_min_bytes: Positive = 1 << 20
    fetch_max_wait_ms: Positive | None = None
    max_event_bytes: Positive = 1 << 20
    session_timeout_ms: Annotated[int, Meta(ge=1000, le=2**31 - 1)] = 10_000
    instance_id: Name | None = None
    shutdown_seconds: PositiveNumber = 25.0
    http_host: str = "127.0.0.1"
    http_port: Port = 0
    internal_error_limit: Positive = 20
    dead_letter_payload: bool = False
    mapping: str | None = None

    @property
    def wait_ms(self) -> int:
        """How long a fetch waits: 100 ms, since each becomes a transaction, and 50 ms at least
        once, where a commit costs less."""
        default = 100 if self.delivery == "exactly_once" else 50
        return self.fetch_max_wait_ms or default

    def __post_init__(self) -> None:
        first = STAGE_ORDER.index(self.stages[0])
        if self.stages != STAGE_ORDER[first : first + len(self.stages)]:
            raise ValueError(
                f"stages must be a contiguous run of {', '.join(STAGE_ORDER)}, in this order"
            )


class MediaSettings(Struct, frozen=True, kw_only=True):
    """What one media item may take. `memory_bytes` is for each decoder process; `uri_prefixes` are
    where media may be read from. `hashing` is `screen` (exact hashes only for pictures that could
    match; the same matches) or `exact`; without hash-matching in the same worker it is exact.
    `variants` are other views of a picture, matched besides it: `dihedral` (turned and mirrored)
    and `trimmed` (without letterbox borders). `c2pa_trust_anchors` is a PEM file of certificates:
    signed provenance is of signers whom one of them vouches for."""

    hashing: Literal["screen", "exact"] = "screen"
    allow_inline: bool = False
    uri_prefixes: tuple[str, ...] = ()
    max_bytes: Bytes = 64 << 20
    max_pixels: Positive = 80_000_000
    max_frames: Positive = 1_000
    timeout_seconds: PositiveNumber = 20.0
    decoders: Positive = 1
    memory_bytes: Bytes = 1 << 30
    variants: tuple[Literal["dihedral", "trimmed"], ...] = ()
    c2pa_trust_anchors: str | None = None


class StateSettings(Struct, frozen=True, kw_only=True):
    """Where conversation and sender state lives, for how long after its last change, and the keys
    that hash its ids (the previous one while a key is being changed)."""

    url: Annotated[str, Meta(min_length=1)] = "memory://"
    hmac_key: Secret | None = None
    hmac_previous_key: Secret | None = None
    ttl_days: PositiveNumber = 30.0

    def __post_init__(self) -> None:
        if not self.url.startswith("memory:") and not self.hmac_key:
            raise ValueError(
                "a state store outside the worker needs hmac_key: set SEAWALL_STATE_HMAC_KEY, or "
                "SEAWALL_STATE_HMAC_KEY_FILE to a file that holds it"
            )


class ListSettings(Struct, frozen=True, kw_only=True):
    """Hash and URL lists: `files` are what workers match against, `store` is the librarian's
    database, which it compiles them from. The radii say within how many bits a perceptual hash
    matches: of PDQ's 256 (31 is its authors' recommendation, "The TMK+PDQF Video-Hashing Algorithm
    and the PDQ Image-Hashing Algorithm", Facebook 2019), and of pHash's and dHash's 64.

    A video matches when these shares of its frames and of the listed video's are alike (the
    defaults are vPDQ's). PhotoDNA vectors match within `photodna_distance`, the sum of squared or
    absolute differences; without one, which only its licensees know, not at all. A text matches
    when it holds `text_similarity` of one listed by MinHash, or lies within `tlsh_distance` of one
    listed by TLSH (30 is python-threatexchange's).

    A listed hash that matches what so many people send, as a share (`flag_share`) of 10,000 media
    items, is flagged; 0: none is."""

    files: tuple[str, ...] = ()
    store: str | None = None
    flag_share: Share = 0.01
    pdq_radius: Annotated[int, Meta(ge=0, le=64)] = 31
    phash_radius: Annotated[int, Meta(ge=0, le=16)] = 6
    video_query_share: Share = 0.8
    video_compared_share: Share = 0.0
    photodna_distance: Count | None = None
    photodna_metric: Literal["squared_euclidean", "manhattan"] = "squared_euclidean"
    text_similarity: Annotated[float, Meta(ge=0.5, le=1)] = 0.7
    tlsh_distance: Annotated[int, Meta(ge=0, le=300)] = 30

    def __post_init__(self) -> None:
        if nameless := [file for file in self.files if not Path(file).name]:
            raise ValueError(f"files: {nameless[0]!r} names no file")


class TextSettings(Struct, frozen=True, kw_only=True):
    """Text indicators. `catalogues` are the platform's own files and folders of them, beside those
    that are shipped; `trusted` are the languages, as `es`, that it takes off trial."""

    catalogues: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


class PolicySettings(Struct, frozen=True, kw_only=True):
    """The policy's file; without one, the default policy, which scans nothing. With `write_allow`
    off, events in which nothing was found leave no decision: see docs/guarantees.md."""

    file: str | None = None
    write_allow: bool = True

    def __post_init__(self) -> None:
        if self.file is not None and not Path(self.file).name:
            raise ValueError(
                f"file: {self.file!r} names no file: name the policy's, or leave it out for the "
                "default policy, which scans nothing"
            )


class CaseSettings(Struct, frozen=True, kw_only=True):
    """Cases. `store` is their database; `reporter` a TOML file with what the platform says of
    itself in a report. A submitted case is kept for `preserve_days` (18 U.S.C. 2258A(h): one year)
    and any case deleted `delete_after_days` after it was opened, by jurisdiction (`DE-BY`, else
    `DE`, else `*`), never before the former and never while it is held."""

    store: str | None = None
    reporter: str | None = None
    preserve_days: Days = 365
    delete_after_days: dict[str, Days] = msgspec.field(default_factory=lambda: {"*": 365})


class FeedbackSettings(Struct, frozen=True, kw_only=True):
    """What people find. `review_budget` is how many tasks they can look at in a day; `own_list` is
    the list for which entries are proposed."""

    review_budget: Count = 500
    own_list: Name = "own"


class AuditSettings(Struct, frozen=True, kw_only=True):
    """The audit log's file."""

    file: str | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting, by section."""

    kafka: KafkaSettings = KafkaSettings()
    pipeline: PipelineSettings = PipelineSettings()
    worker: WorkerSettings = WorkerSettings()
    media: MediaSettings = MediaSettings()
    state: StateSettings = StateSettings()
    lists: ListSettings = ListSettings()
    text: TextSettings = TextSettings()
    policy: PolicySettings = PolicySettings()
    cases: CaseSettings = CaseSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    audit: AuditSettings = AuditSettings()


class SettingsError(Exception):
    """A setting that cannot be used; the message says where it stands and what is allowed."""


class Loaded(NamedTuple):
    """`sources` says for each `section.field` that is not a default where its value came from."""

    settings: Settings
    sources: Mapping[str, str]


class _Value(NamedTuple):
    value: object
    source: str
    text: bool  # from a variable or a flag: a string that stands for another type


SECTIONS: dict[str, type[Struct]] = {
    section.name: cast("type[Struct]", section.type) for section in msgspec.structs.fields(Settings)
}
DEFAULT_FILE = Path("seawall.toml")
# Names of the test suite's data, which are not settings.
_NOT_SETTINGS = {"SEAWALL_CONFIG", "SEAWALL_VECTORS", "SEAWALL_DATA"}
# Elsewhere an empty variable is one that is not set; here that would mean to scan nothing.
_NEVER_EMPTY = {"SEAWALL_POLICY_FILE"}
# Kubernetes gives every container such variables for each Service: one that is named seawall, or
# seawall-worker, must not keep the workers from starting.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?)$")


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded:
    """Settings from all their sources. `flags` are by `section.field`; `None` is a flag not given.

    Raises:
        SettingsError: a file, key or value that cannot be used.
    """
    environment = os.environ if environment is None else environment
    values = _from_file(config, environment) | _from_environment(environment)
    for name, value in (flags or {}).items():
        if value is not None:
            _field_type(name, f"flag {name}")
            values[name] = _Value(value, "flag", isinstance(value, str))
    return Loaded(_build(values), {name: value.source for name, value in values.items()})


def _from_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, _Value]:
    named = config or (Path(given) if (given := environment.get("SEAWALL_CONFIG")) else None)
    path = named or DEFAULT_FILE
    if named is None and not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        if (deep := deep_key(text)) is not None:
            raise SettingsError(f"{path}: line {deep}: a key has more than {MOST_PARTS} parts")
        tree = tomllib.loads(text)
    except OSError as bad:
        raise SettingsError(f"{path}: cannot read it: {bad.strerror}") from bad
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{path}: not TOML: {bad}") from bad
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply for any setting") from None
    except ValueError as bad:  # such as a number of thousands of digits
        raise SettingsError(f"{path}: {bad}") from bad
    values: dict[str, _Value] = {}
    for section, fields in tree.items():
        if section in SECTIONS and not isinstance(fields, dict):
            raise SettingsError(f"{path}: {section} is a section: write [{section}]")
        for field, value in cast(
            "dict[str, object]", fields if section in SECTIONS else {"": 0}
        ).items():
            name = f"{section}.{field}".rstrip(".")
            _field_type(name, str(path))
            values[name] = _Value(value, str(path), False)
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Value]:
    values: dict[str, _Value] = {}
    for variable, text in environment.items():
        if not variable.startswith("SEAWALL_") or variable in _NOT_SETTINGS:
            continue
        if text == "" and variable not in _NEVER_EMPTY:
            continue
        section, _, field = variable.removeprefix("SEAWALL_").lower().partition("_")
        known = _fields(section) if section in SECTIONS else {}
        if field not in known and field.removesuffix("_file") in known and field.endswith("_file"):
            field = field.removesuffix("_file")
            if not _is_secret(known[field]):
                raise SettingsError(f"{variable}: only secrets are read from files")
            if variable.removesuffix("_FILE") in environment:
                raise SettingsError(f"{variable}: {variable.removesuffix('_FILE')} is set too")
            text = _secret_in(Path(text), variable)
        elif field not in known and _SERVICE_LINK.search(variable):
            continue
        name = f"{section}.{field}".rstrip(".")
        _field_type(name, variable)
        values[name] = _Value(text, variable, True)
    return values


def _secret_in(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as bad:
        raise SettingsError(f"{variable}: cannot read {path}: {bad}") from bad


def _build(values: Mapping[str, _Value]) -> Settings:
    sections: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        fields = {
            name.partition(".")[2]: _convert(name, value)
            for name, value in values.items()
            if name.startswith(f"{section}.")
        }
        try:
            sections[section] = kind(**fields)
        except ValueError as bad:
            given = sorted({v.source for n, v in values.items() if n.startswith(f"{section}.")})
            raise SettingsError(f"{', '.join(given)}: {section}: {bad}") from bad
    return Settings(**sections)


def _convert(name: str, value: _Value) -> Any:
    kind = _field_type(name, value.source)
    raw = value.value
    if value.text and isinstance(raw, str) and msgspec.inspect.type_info(kind).__class__ in _LISTS:
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    if _UNUSABLE.search("".join(_texts(raw))):
        where = "" if value.source == name else f"{value.source}: "
        raise SettingsError(
            f"{where}{name}: holds a NUL character, or bytes that are not UTF-8: leave them out"
        )
    try:
        return msgspec.convert(raw, kind, strict=not value.text, dec_hook=_decode_secret)
    except (msgspec.ValidationError, TypeError) as bad:
        where = "" if value.source == name else f"{value.source}: "
        raise SettingsError(f"{where}{name}: {bad}; allowed: {allowed_values(kind)}") from bad


_LISTS = (msgspec.inspect.VarTupleType,)
# Python reads an argument's or a variable's bytes that are not UTF-8 as lone surrogates.
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")


def _texts(raw: object) -> Iterator[str]:
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, list):
        yield from (one for one in cast("list[object]", raw) if isinstance(one, str))


def _decode_secret(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _fields(section: str) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(SECTIONS[section])}


def _is_secret(kind: Any) -> bool:
    return Secret in get_args(kind)


def _field_type(name: str, where: str) -> Any:
    """The field's type; `SettingsError` if there is no such section or field."""
    section, _, field = name.partition(".")
    if section not in SECTIONS:
        raise SettingsError(
            f"{where}: unknown section {section!r}; there are {', '.join(SECTIONS)}"
        )
    known = _fields(section)
    if field not in known:
        raise SettingsError(f"{where}: unknown setting {name!r}; {section} has {', '.join(known)}")
    return known[field]
