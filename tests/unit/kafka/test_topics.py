"""A pipeline's topics: what stages read and write, and that they fit together."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.values import STAGE_ORDER
from streams.kafka.topics import DEAD_LETTERS, consumer_group, pipeline_topics, stage_topics
from streams.settings import PipelineSettings, Settings, WorkerSettings

CUTS = st.lists(st.booleans(), min_size=3, max_size=3)


@given(CUTS, st.booleans(), st.sampled_from(["", "eu.", "test-"]))
def test_however_stages_are_split_each_reads_what_the_one_before_wrote(
    cuts: list[bool], media: bool, prefix: str
) -> None:
    pipeline = PipelineSettings(media=media, topic_prefix=prefix)
    runs = [[STAGE_ORDER[0]]]
    for stage, cut in zip(STAGE_ORDER[1:], cuts, strict=True):
        if cut:
            runs.append([stage])
        else:
            runs[-1].append(stage)
    topics = [stage_topics(pipeline, run) for run in runs]
    assert topics[0].input == f"{prefix}{'media' if media else 'content'}.events"
    assert topics[-1].output == f"{prefix}enforcement.decisions"
    for before, after in pairwise(topics):
        assert before.output == after.input
    declared = {spec.name: spec for spec in pipeline_topics(Settings(pipeline=pipeline))}
    for used in topics:
        assert {used.input, used.output} <= declared.keys()
        assert declared[used.input].configs["message.timestamp.type"] == "LogAppendTime"
    assert len({consumer_group(pipeline, run) for run in runs}) == len(runs)


@given(st.integers(min_value=1, max_value=64 << 20))
def test_a_dead_letter_fits_where_its_record_did_not(largest: int) -> None:
    settings = Settings(worker=WorkerSettings(max_event_bytes=largest))
    specs = {
        spec.name: int(spec.configs["max.message.bytes"]) for spec in pipeline_topics(settings)
    }
    source, dead = specs["content.events"], specs[DEAD_LETTERS]
    assert source > largest
    assert dead > source * 4 / 3, "the payload is base64"


def test_only_the_control_topic_has_partitions_of_its_own() -> None:
    specs = pipeline_topics(Settings(pipeline=PipelineSettings(partitions=5, replication=3)))
    assert {s.partitions for s in specs if s.name != "seawall.control"} == {5}
    assert {s.configs["min.insync.replicas"] for s in specs} == {"2"}
    [control] = [s for s in specs if s.name == "seawall.control"]
    assert control.partitions == 1
    assert control.configs["cleanup.policy"] == "compact"
