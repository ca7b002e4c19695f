"""How far the settings let look-ups reach."""

from matchers.lists.matcher import Radii
from streams.settings import ListSettings


def radii_of(lists: ListSettings) -> Radii:
    """What `[lists]` says of distances and shares."""
    return Radii(
        pdq=lists.pdq_radius,
        phash=lists.phash_radius,
        dhash=lists.phash_radius,
        video_query_share=lists.video_query_share,
        video_compared_share=lists.video_compared_share,
        photodna=lists.photodna_distance,
        photodna_metric=lists.photodna_metric,
        text_similarity=lists.text_similarity,
        tlsh=lists.tlsh_distance,
    )
