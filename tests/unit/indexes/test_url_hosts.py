"""Host names that are none must not cost more than their length."""

from matchers.indexes.urls import lookup_digests


def test_a_name_longer_than_any_host_is_not_put_through_idna(monkeypatch) -> None:
    import can_ada

    given = []
    encode = can_ada.idna_encode
    monkeypatch.setattr(can_ada, "idna_encode", lambda name: given.append(name) or encode(name))
    assert lookup_digests("http://" + "\u6f22" * 100_000)
    assert all(len(name) <= 255 for name in given)
    lookup_digests("http://\u6f22\u5b57.example/")
    assert given, "ordinary names still are"
