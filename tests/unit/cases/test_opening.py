import pytest

from streams.canary.probes import TENANT as CANARY
from streams.cases.opening import opened_cases
from streams.contracts.envelope import Envelope
from streams.contracts.event import FrameHash, MediaHashes
from streams.contracts.signal import TextMatch, UserReport
from tests.unit.cases.occurrences import (
    AT,
    RECEIVED,
    claimed,
    decision,
    event,
    match,
    near,
    opening,
    openings,
    picture,
    risk,
    url,
)


@pytest.mark.parametrize("action", ["review", "hold", "block"])
def test_a_decision_that_asks_something_of_people_opens_a_case(action) -> None:
    [one] = openings(event(), [match()], action=action, report=False)
    assert one.decision.case_id == one.case_id


@pytest.mark.parametrize(
    "signals",
    [
        [match(role="observe")],
        [match(role="allow")],
        [match(source_kind="victim", category="ncii")],
        [risk(on_trial=True)],
        [risk(level="watch")],
        [],
    ],
)
def test_what_is_on_trial_observed_or_of_adults_opens_none_by_itself(signals) -> None:
    assert openings(event(), signals) == []


def test_a_match_of_an_adult_list_beside_a_risk_is_a_case_of_the_risk() -> None:
    [one] = openings(event(), [match(source_kind="victim", category="ncii"), risk()])
    assert one.fold_key == opening(event("e2"), risk()).fold_key


def test_what_is_allowed_opens_none() -> None:
    assert openings(event(), [match()], action="allow", report=False) == []
    assert openings(event(), [match()], action="label", report=False) == []


def test_the_record_holds_no_text_and_only_matched_addresses() -> None:
    happened = event(text="see you at the match", urls=["https://a.example", "https://b.example"])
    envelope = Envelope(event=happened, received_at=RECEIVED)
    _, [case] = opened_cases([envelope], [decision(happened, [url(url_index=1)])])
    assert b"match" not in case.value.replace(b"url_match", b"")
    assert b"a.example" not in case.value
    assert b"https://b.example" in case.value


def test_a_replay_opens_the_same_case() -> None:
    assert opening() == opening()


def test_other_decisions_are_handed_on_as_they_are() -> None:
    happened = event()
    plain = decision(happened, [], action="allow", report=False)
    envelopes = [Envelope(event=happened, received_at=RECEIVED)] * 2
    decided, [case] = opened_cases(envelopes, [plain, decision(happened, [match()])])
    assert decided[0] is plain
    assert case.index == 1


def test_the_same_file_folds_whoever_sent_it_and_another_does_not() -> None:
    one, again = opening(), opening(event("e2", author="a2", conversation_id="k2"))
    other = opening(event("e3", media=[picture(sha256="00" * 32)]))
    assert one.fold_key == again.fold_key != other.fold_key


def test_a_file_folds_whatever_else_has_its_id() -> None:
    again = event("e2", media=[picture(sha256="00" * 32), picture()])
    assert opening().fold_key == opening(again, match(item=1)).fold_key
    assert opening().fold_key != opening(again, match()).fold_key


def test_a_conversation_folds_and_tenants_do_not() -> None:
    one = opening(event(), risk())
    assert one.fold_key == opening(event("e2", media=[]), risk(score=9.0)).fold_key
    assert one.fold_key != opening(event(tenant="other"), risk()).fold_key
    alone = event(conversation_id=None)
    assert opening(alone, risk(scope="sender")).fold_key != one.fold_key


def test_addresses_and_reports_fold_by_what_was_matched_or_reported() -> None:
    first = opening(event(urls=["https://b.example"]), url())
    assert first.fold_key == opening(event("e2", urls=["https://b.example/"]), url()).fold_key
    told = opening(event(), UserReport(), action="review", report=False)
    assert told.fold_key != opening(event("e2"), UserReport(), action="review").fold_key
    written = TextMatch(
        list="t", entry="1", algorithm="minhash", similarity=0.99, role="hold", category="c",
        source_kind="hotline", verified=True,
    )  # fmt: skip
    assert opening(event(), written).fold_key == told.fold_key


def test_an_event_from_the_future_happened_when_it_was_received() -> None:
    late = event(occurred_at=AT.replace(year=2031))
    assert opening(late).occurred_at.year == 2026


def test_a_time_that_no_clock_has_is_left_as_the_platform_says() -> None:
    happened = event()
    envelope = Envelope(event=happened, received_at=2**60)
    _, cases = opened_cases([envelope], [decision(happened, [match()])])
    assert len(cases) == 1


def test_a_long_videos_frames_are_cut_so_that_the_case_fits() -> None:
    frames = [FrameHash(frame=i, quality=90, pdq="0f" * 32, seconds=i) for i in range(3_000)]
    video = picture()
    happened = event(media=[type(video)(
        media_id="m1", media_type="video/mp4", hashes=MediaHashes(frames=frames),
        hash_origin="server",
    )])  # fmt: skip
    kept = opening(happened, near(algorithm="vpdq")).media[0].hashes
    assert kept is not None
    assert len(kept.frames) == 1_000


def cut(tracks: dict[int, int], *signals) -> list[tuple[int, int]]:
    frames = [
        FrameHash(frame=i, quality=90, pdq=f"{i:064x}", seconds=i, track=track)
        for track, count in tracks.items()
        for i in range(count)
    ]
    one = opening(event(media=[picture(frames=frames)]), *signals)
    kept = one.media[0].hashes
    assert kept is not None
    return [(frame.track, frame.frame) for frame in kept.frames]


def test_a_long_first_track_pushes_no_matched_track_out_of_the_case() -> None:
    hidden = [(1, i) for i in range(300)]
    first = [(0, i) for i in range(3_000)]
    tracks = {0: 3_000, 1: 300}
    other = near(algorithm="vpdq", media_id="m2", track=0)
    assert cut(tracks, near(algorithm="vpdq", track=1), other) == (hidden + first)[:1_000]
    assert cut(tracks, near(algorithm="vpdq")) == first[:1_000]
    assert cut(tracks, near()) == first[:1_000]


def test_a_late_frame_of_an_animation_that_matched_is_in_the_case() -> None:
    kept = cut({0: 3_000}, near(frame=2_500))
    assert kept == [(0, 2_500), *((0, i) for i in range(999))]


def test_a_long_video_folds_whichever_of_its_tracks_matched() -> None:
    frames = [
        FrameHash(frame=i, quality=90, pdq=f"{i:064x}", seconds=i, track=i // 2_000)
        for i in range(2_100)
    ]
    happened = event(media=[picture(frames=frames)])
    keys = {opening(happened, near(algorithm="vpdq", track=n)).fold_key for n in (0, 1)}
    assert len(keys) == 1


def test_the_canarys_probes_open_no_case() -> None:
    assert openings(event(tenant=CANARY), [match(), risk(pattern="sextortion")]) == []


def test_a_digest_that_a_client_claims_folds_with_such_alone() -> None:
    vouched = opening(event(media=[picture()]))
    attested = opening(event("e2", media=[picture(origin="client_attested")]))
    assert vouched.fold_key == attested.fold_key
    loose, again = opening(event("e3", media=[claimed()])), opening(event("e4", media=[claimed()]))
    assert loose.fold_key == again.fold_key != vouched.fold_key
