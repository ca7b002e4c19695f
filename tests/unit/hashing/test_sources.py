import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.hashing.outcome import Unreadable
from matchers.hashing.sources import Prefixes, located

PREFIXES = Prefixes(
    [
        "https://media.example/uploads/",
        "http://store.example:8080",
        "s3://bucket/folder",
        "file:///srv/media",
    ]
)


def allowed(uri: str) -> bool:
    try:
        PREFIXES.covering(located(uri))
    except Unreadable:
        return False
    return True


@pytest.mark.parametrize(
    "uri",
    [
        "https://media.example/uploads/a.jpg",
        "HTTPS://MEDIA.example:443/uploads/a/b.jpg?sig=..%2F",
        "https://media.example/uploads/a%20b.jpg",
        "http://store.example:8080/anything",
        "s3://bucket/folder/a b".replace(" ", "+"),
        "file:///srv/media/x/y.png",
    ],
)
def test_uris_under_a_prefix(uri: str) -> None:
    assert allowed(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://media.example/uploads",
        "https://media.example/uploads/",
        "https://media.example/uploadsX/a",
        "https://media.example/uploads/../private/a",
        "https://media.example/uploads/%2e%2e/private/a",
        "https://media.example/uploads/.%2E/private/a",
        "https://media.example/uploads/%252e%252e/private/a",
        "https://media.example/uploads/..;/private/a",
        "https://media.example/uploads/a%2f..%2f..%2fprivate",
        "https://media.example/uploads/..\\private",
        "https://media.example/uploads/%5c..",
        "https://media.example/uploads/./a",
        "https://media.example/uploads/a#b",
        "https://media.example/uploads/a b",
        "https://media.example/uploads/a\nb",
        "https://media.example/uploads/%00",
        "https://media.example@other.example/uploads/a",
        "https://user:pass@media.example/uploads/a",
        "https://media.example:444/uploads/a",
        "https://media.example.other.example/uploads/a",
        "https://media.example\\@other.example/uploads/a",
        "https:/media.example/uploads/a",
        "https:media.example/uploads/a",
        "//media.example/uploads/a",
        "http://media.example/uploads/a",
        "https://media.example//uploads/a",
        "https://media.exampl\u00e9/uploads/a",
        "https://media%2eexample/uploads/a",
        "http://store.example/anything",
        "s3://bucket/folder2/a",
        "s3://Bucket/folder/a",
        "simplecache::s3://bucket/folder/a",
        "s3://bucket/folder/a::file:///etc/hostname",
        "file:///srv/media/../secret",
        "file://host/srv/media/a",
        "file:/srv/media/a",
        "/srv/media/a",
        "srv/media/a",
        "data:,x",
        "",
    ],
)
def test_everything_else_is_refused(uri: str) -> None:
    assert not allowed(uri)


@given(st.text(max_size=60))
def test_any_text_is_allowed_or_refused(text: str) -> None:
    allowed(text)
    assert not allowed("https://media.example" + text) or text.startswith("/uploads/")


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "media.example",
        "https://user@media.example/",
        "file:///",
        "file:///srv/../etc",
        "https://a/b?c",
    ],
)
def test_prefixes_that_would_allow_too_much(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"prefix|every file"):
        Prefixes([prefix])
