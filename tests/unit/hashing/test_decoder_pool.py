"""Decoder processes: right answers in order, and nothing that a file does reaches beyond it."""

import functools
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool, MediaSource, PoolClosed
from matchers.hashing.digests import digests
from matchers.hashing.fetch import Fetcher, SourceUnavailable
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import HashResult, Limits, StillHashes
from tests.unit.hashing.drawings import scene


def saved(picture: Image.Image, container: str = "PNG") -> bytes:
    target = io.BytesIO()
    picture.save(target, container)
    return target.getvalue()


def picture(content: bytes | str) -> MediaSource:
    return MediaSource(content, "picture")


def decoders() -> set[psutil.Process]:
    return {p for p in psutil.Process().children() if "decoder_process" in " ".join(p.cmdline())}


def expected(content: bytes) -> StillHashes:
    found = next(picture_hashes(content, Limits()))
    assert isinstance(found, StillHashes)
    return found


@functools.cache
def slow_picture() -> bytes:
    """Takes a decoder half a second of a processor's time at least."""
    return saved(Image.effect_noise((6000, 4000), 60))


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(Limits(), processes=2) as started:
        yield started


def test_results_come_in_order(pool: DecoderPool) -> None:
    contents = [saved(scene(k, 40 + 90 * (k % 3), 50)) for k in range(40)]
    results = pool.hash_many([picture(content) for content in contents])
    assert [r.digests for r in results] == [digests(c) for c in contents]
    assert [r.still for r in results] == [expected(c) for c in contents]
    assert all(r.error is None for r in results)


def test_callers_in_several_threads(pool: DecoderPool) -> None:
    contents = [saved(scene(k, 60, 50)) for k in range(12)]
    answers: dict[int, list[HashResult]] = {}

    def call(number: int) -> None:
        answers[number] = pool.hash_many([picture(c) for c in contents])

    threads = [threading.Thread(target=call, args=[k]) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[k] == answers[0] for k in range(6))
    assert [r.still for r in answers[0]] == [expected(c) for c in contents]


def test_what_cannot_be_read_still_has_its_digests(pool: DecoderPool) -> None:
    whole = saved(scene(1), "JPEG")
    cut = whole[: len(whole) // 2]
    results = pool.hash_many([picture(cut), picture(b"plain words"), picture(b"")])
    assert [r.error for r in results] == ["truncated", "unsupported", "empty"]
    assert [r.digests for r in results] == [digests(cut), digests(b"plain words"), digests(b"")]


def test_files_that_do_not_claim_to_be_pictures(pool: DecoderPool) -> None:
    content = saved(scene(2))
    hidden, other = pool.hash_many([MediaSource(content), MediaSource(b"words")])
    assert hidden.still == expected(content)
    assert other == HashResult(digests=digests(b"words"))


def test_frames_of_an_animation(pool: DecoderPool) -> None:
    target = io.BytesIO()
    scene(3).save(target, "GIF", save_all=True, append_images=[scene(4), scene(5)], duration=400)
    (result,) = pool.hash_many([picture(target.getvalue())])
    assert [frame.seconds for frame in result.frames] == [0.0, 0.4, 0.8]


def test_a_uri_is_refused_without_a_fetcher(pool: DecoderPool) -> None:
    assert pool.hash_many([picture("memory://bucket/a")]) == [HashResult(error="refused")]


def test_too_slow_a_file_is_stopped_and_the_next_one_hashed() -> None:
    small = saved(scene(6, 64, 48))
    with DecoderPool(Limits(seconds=0.15), processes=1) as pool:
        slow, after = pool.hash_many([picture(slow_picture()), picture(small)])
        assert (slow.error, slow.still) == ("timeout", None)
        assert slow.digests is not None
        assert after.still == expected(small)
        assert pool.restarts == 1


def test_memory_is_limited_per_file() -> None:
    small = saved(scene(7, 64, 48))
    with DecoderPool(Limits(memory=48 << 20), processes=1) as pool:
        hungry, after = pool.hash_many([picture(slow_picture()), picture(small)])
        assert hungry.error == "out_of_memory"
        assert after.still == expected(small)


def test_a_killed_decoder_costs_its_own_file_only() -> None:
    small = saved(scene(8, 64, 48))
    content = slow_picture()
    before = decoders()
    with DecoderPool(Limits(), processes=1) as pool:
        (process,) = decoders() - before
        assert pool.hash_many([picture(small)])[0].error is None  # it has started, and waits
        idle = process.cpu_times().user
        results: list[HashResult] = []
        caller = threading.Thread(
            target=lambda: results.extend(pool.hash_many([picture(content), picture(small)]))
        )
        caller.start()
        while not results and process.cpu_times().user < idle + 0.03:
            time.sleep(0.001)
        process.kill()
        caller.join()
        assert [r.error for r in results] == ["crashed", None]
        assert results[0].digests == digests(content)
        assert results[1].still == expected(small)
        assert pool.restarts == 1


def test_an_idle_decoder_that_died_is_replaced_without_an_error() -> None:
    small = saved(scene(9, 64, 48))
    before = decoders()
    with DecoderPool(Limits(), processes=1) as pool:
        (process,) = decoders() - before
        process.kill()
        psutil.wait_procs([process], timeout=10)
        (result,) = pool.hash_many([picture(small)])
        assert result.error is None
        assert pool.restarts == 1


def test_close_leaves_nothing_and_drops_work_in_hand() -> None:
    before = decoders()
    threads = threading.active_count()
    pool = DecoderPool(Limits(), processes=2)
    assert len(decoders() - before) == 2
    refused: list[bool] = []

    def call() -> None:
        try:
            pool.hash_many([picture(slow_picture())] * 6)
        except PoolClosed:
            refused.append(True)

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.2)
    pool.close()
    caller.join()
    pool.close()
    assert refused == [True]
    assert decoders() == before
    assert threading.active_count() == threads
    with pytest.raises(PoolClosed):
        pool.hash_many([picture(b"x")])


def test_decoders_end_with_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time; from matchers.hashing.decoder_pool import DecoderPool\n"
        "from matchers.hashing.outcome import Limits; import psutil\n"
        "pool = DecoderPool(Limits(), 2)\n"
        "print(*[p.pid for p in psutil.Process().children()], flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent, parent.stdout:
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        os.kill(parent.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(children, timeout=10)
    assert left == []


def test_uris_under_a_prefix(tmp_path: Path) -> None:
    content = saved(scene(10, 64, 48))
    (tmp_path / "a.png").write_bytes(content)
    (tmp_path / "long.bin").write_bytes(bytes(5_000_000))
    fetcher = Fetcher([tmp_path.as_uri()])
    with DecoderPool(Limits(bytes=4_000_000), processes=1, fetcher=fetcher) as pool:
        found, missing, outside, long, long_picture = pool.hash_many(
            [
                picture((tmp_path / "a.png").as_uri()),
                picture((tmp_path / "b.png").as_uri()),
                picture("file:///etc/hostname"),
                MediaSource((tmp_path / "long.bin").as_uri()),
                picture((tmp_path / "long.bin").as_uri()),
            ]
        )
        assert (found.digests, found.still) == (digests(content), expected(content))
        assert missing == HashResult(error="missing")
        assert outside == HashResult(error="refused")
        assert long == HashResult(digests=digests(bytes(5_000_000)))
        assert (long_picture.digests, long_picture.error) == (long.digests, "too_many_bytes")


def test_a_store_that_is_away_is_no_result(tmp_path: Path) -> None:
    fetcher = Fetcher([(tmp_path / "not-mounted").as_uri()])
    with (
        DecoderPool(Limits(), processes=1, fetcher=fetcher) as pool,
        pytest.raises(SourceUnavailable),
    ):
        pool.hash_many([picture((tmp_path / "not-mounted" / "a.png").as_uri())])


def test_decoders_get_no_secrets_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAWALL_KAFKA_PASSWORD", "secret")
    before = decoders()
    with DecoderPool(Limits(), processes=1):
        (process,) = decoders() - before
        assert "SEAWALL_KAFKA_PASSWORD" not in process.environ()
