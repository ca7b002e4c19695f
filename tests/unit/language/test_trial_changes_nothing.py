"""Languages on trial must not change what those that count would say."""

from hypothesis import given
from hypothesis import strategies as st

from matchers.language.findings import findings_of
from matchers.language.hits import HITS_CAP, Hit, strongest

_SPANS = st.tuples(st.integers(0, 30), st.integers(1, 20)).map(lambda s: (s[0], s[0] + s[1]))
_HITS = st.lists(
    st.builds(
        lambda category, span, weight, cue, trial: Hit(
            f"{'tr' if trial else 'en'}.{category}.x",
            category,
            "tr" if trial else "en",
            *span,
            "raw",
            weight,
            cues=cue,
            trial=trial,
        ),
        st.sampled_from(["payment_demand", "exposure_threat", "secrecy"]),
        _SPANS,
        st.sampled_from([0.05, 0.2, 0.45, 0.6, 0.9]),
        st.just(()),
        st.booleans(),
    ),
    max_size=12,
)


@given(_HITS)
def test_what_counts_is_the_same_with_and_without_hits_on_trial(hits: list[Hit]) -> None:
    alone = strongest([hit for hit in hits if not hit.trial])
    among = strongest(hits)
    assert [hit for hit in among if not hit.trial] == list(alone)
    assert len(among) <= HITS_CAP
    counted = {f for f in findings_of(among) if not f.trial}
    assert counted == set(findings_of(alone))
