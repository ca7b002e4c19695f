"""Conditions: what is refused at load and why, and that what is accepted means what CEL says."""

import itertools
from operator import eq, ge, gt, le, lt, ne

import pytest
from cel_expr_python import cel as checker
from hypothesis import given
from hypothesis import strategies as st

from streams.policy.condition import BadCondition, check_lists, compile_condition, context_of
from streams.policy.condition_syntax import check_syntax
from streams.policy.condition_text import UnreadableCondition, flat, tokens_of
from streams.policy.variables import SIGNAL, Judged, variables_of
from tests.unit.policy.signals import CLOSENESS, event, events, evidence


@pytest.mark.parametrize(
    ("on", "text", "line", "message"),
    [
        ("hash_match", "", 0, "is empty"),
        ("hash_match", "signal.verified &&", 0, "ends after '&&', where a value is missing"),
        ("hash_match", "signal.verified", None, None),
        ("hash_match", "signal.match", 0, "must be true or false, not string"),
        ("hash_match", "signal.level == 'review'", 0, "hash_match has no signal.level"),
        ("hash_match", "event.text == 'x'", 0, "hash_match has no event.text"),
        ("hash_match", "match == 'exact'", 0, "there is no match: did you mean signal.match?"),
        ("hash_match", "signal.distance == '3'", 0, "== cannot take a whole number and a word"),
        ("text_risk", "signal.score > 3", 0, "3.0 or 3"),
        ("text_risk", "signal.score > 3.0", None, None),
        ("text_risk", "signal.level == 'high'", 0, "never 'high': it is one of none, note"),
        ("text_risk", "signal.verified || 'high' != signal.level", 0, "no signal.verified"),
        ("text_risk", "signal.unverified ||\n'high' != signal.level", 1, "never 'high'"),
        ("text_risk", "signal.level in ['note',\n'high']", 1, "character 1: signal.level is never"),
        ("text_risk", "'theft' in signal.categories", 0, "signal.categories is never 'theft'"),
        ("text_risk", "event.surface == 'chat'", 0, "message, post, profile, upload, live"),
        ("hash_match", "signal.list == 'gone'", 0, "there is no list 'gone'; there are known"),
        ("hash_match", "signal.list == 'known'", None, None),
        ("hash_match", "true", 0, "always holds"),
        ("hash_match", "1 > 2", 0, "can never hold"),
        ("hash_match", "signal.verified && !signal.verified", 0, "can never hold"),
        ("hash_match", "signal.verified || !signal.verified", 0, "always holds"),
        ("hash_match", "signal.distance < 0", 0, "can never hold"),
        ("hash_match", "signal.distance >= 0", 0, "always holds"),
        ("hash_match", "signal.quality > 100", 0, "can never hold"),
        ("hash_match", "signal.quality == -1", None, None),
        ("hash_match", "signal.distance > 4 && signal.distance < 5", 0, "can never hold"),
        ("hash_match", "signal.distance >= 4 && signal.distance < 5", None, None),
        ("hash_match", "signal.distance > signal.radius", None, None),
        ("hash_match", "signal.algorithm == 'photodna' && signal.distance <= 9999", None, None),
        ("hash_match", "signal.distance > 9363600", 0, "can never hold"),
        ("hash_match", "signal.radius <= 1000000", None, None),
        ("hash_match", "signal.match.startsWith('ex')", None, None),
        ("hash_match", "signal.match.startsWith('q')", 0, "can never hold"),
        ("hash_match", "signal.role == 'hold' && signal.role == 'block'", 0, "can never hold"),
        (
            "text_risk",
            "signal.level in ['none', 'note', 'watch', 'review']",
            0,
            "always holds",
        ),
        (
            "text_risk",
            "'secrecy' in signal.categories && size(signal.categories) == 0",
            0,
            "can never hold",
        ),
        ("text_risk", "size(signal.categories) > 1", None, None),
        ("hash_match", "event.tenant.matches('a.*')", 0, "calls matches"),
        ("hash_match", "10 / signal.distance > 1", 0, "'/' cannot stand here"),
        ("hash_match", 'event.tenant == "a\\"b"', 0, "has a backslash in it"),
        ("hash_match", "signal.labels[0] == 'x'", 0, "a list has no index"),
        ("hash_match", "signal.list in signal.labels", 0, "signal.labels is a list"),
        ("text_risk", "signal.categories == ['meeting']", 0, "signal.categories is a list"),
        ("text_risk", "signal.level < 'review'", 0, "signal.level is a word: compare it with =="),
        ("text_risk", "size(signal.level) > 4", 0, "only lists have a size"),
        ("text_risk", "signal.level.size() > 4", 0, "only lists have a size"),
        ("text_risk", "signal.categories.size() > 4", None, None),
        ("text_risk", "size(signal.categories) > 20", 0, "can never hold"),
        ("hash_match", "size(signal.labels) > 20", None, None),
        ("text_risk", "signal.score > 1e3", None, None),
        ("text_risk", "signal.score > 1e7", 0, "can never hold"),
        ("hash_match", "signal.distance > 0x10", 0, "cannot stand here"),
        ("user_report", "event.author_age_band == signal.reporter_age_band", None, None),
        ("user_report", "event.author_age_band != signal.reporter_age_band", None, None),
        ("hash_match", "signal.match == signal.role", 0, "can never hold"),
        ("hash_match", "event.language == signal.role", None, None),
        ("hash_match", "event.tenant == event.language", None, None),
        ("hash_match", "event.tenant.startsWith('ac') && event.tenant.endsWith('me')", None, None),
        ("hash_match", "event.tenant.contains('b') && !event.tenant.startsWith('b')", None, None),
        ("hash_match", "event.tenant.startsWith('ac') && event.tenant == 'b'", 0, "never hold"),
        (
            "hash_match",
            "signals.hash_match < signals.url_match && signals.url_match < signals.text_match "
            "&& signals.text_match < signals.text_risk",
            None,
            None,
        ),
        ("hash_match", "signal.distance < signal.radius && signal.radius < 1", 0, "never hold"),
        ("hash_match", "signal.distance < signal.radius && signal.radius < 2", None, None),
        ("hash_match", "signal.quality == signal.distance && signal.quality > 99", None, None),
        ("hash_match", "signal.quality == signal.distance && signal.quality < 0", 0, "never hold"),
        ("user_report", "signals.text_risk > 0", None, None),
        ("provenance", "signal.generated && signal.standing == 'signed'", None, None),
        ("media_error", "signal.reason == 'timeout'", None, None),
    ],
)
def test_what_is_refused_and_where(on, text, line, message):
    if message is None:
        check_lists(compile_condition(text, on), {"known"})
        return
    with pytest.raises(BadCondition) as failure:
        check_lists(compile_condition(text, on), {"known"})
    assert message in str(failure.value)
    assert failure.value.line == line


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("signal.pattern == 'self_harm'", True),
        ("signal.only_category == 'self_harm' && event.child_author", True),
        ("signal.pattern in ['self_harm', 'sextortion']", False),
        ("signal.pattern != 'sextortion' && signal.pattern != 'minor_image_request'", False),
        ("signal.pattern == 'self_harm' || signal.level == 'review'", False),
        ("'self_harm' in signal.categories", False),
    ],
)
def test_only_a_rule_about_self_harm_alone_may_advise_the_author_of_an_urgent_case(text, about):
    assert compile_condition(text, "text_risk").about_self_harm is about


def test_dots_become_underscores_in_names_only():
    text = "signal.list == 'signal.list' && event.tenant.contains(\"a.b\")"
    assert flat(text, tokens_of(text)) == (
        "signal_list == 'signal.list' && event_tenant.contains(\"a.b\")"
    )


@given(events, st.lists(evidence, min_size=1, max_size=3))
def test_every_variable_has_the_type_and_the_values_that_it_says(happened, signals):
    kinds = {"bool": bool, "int": int, "double": float, "string": str, "list": tuple}
    for signal in signals:
        judged = Judged(happened, signal, signals, CLOSENESS)
        for name, variable in variables_of(signal.__struct_config__.tag).items():
            value = variable.read(judged)
            assert type(value) is kinds[variable.kind], name
            words = value if variable.kind == "list" else (value,)
            if variable.values is not None:
                assert set(words) <= set(variable.values), name
            if variable.kind in ("int", "double"):
                assert variable.least <= value <= variable.most, name


@pytest.mark.parametrize("count", [6, 8, 9, 40])
def test_a_condition_may_ask_for_many_words_of_a_list(count):
    words = [f"w{n}" for n in range(count)]
    text = " && ".join(f'"{word}" in signal.labels' for word in words)
    compiled = compile_condition(text, "hash_match")
    held = (tuple(words), tuple(words[1:]))
    run = [compiled.program.execute(context_of(compiled.names, [each])) for each in held]
    assert run == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "signal.distance > 5 && signal.distance < signal.radius && signal.radius < signal.quality",
        "signal.distance > 5 && signal.distance < signal.radius && signal.radius < signal.quality"
        " && signal.quality < 9",
        "event.recipient_count > 97 && event.recipient_count < signal.radius"
        " && signal.radius < signal.quality",
        "size(signal.labels) > 99",
    ],
)
def test_what_can_hold_in_a_corner_is_not_refused(text):
    assert compile_condition(text, "hash_match").text == text


def test_what_has_no_room_between_its_bounds_is_refused():
    text = "signal.distance > 5 && signal.distance < signal.radius && signal.radius < 7"
    with pytest.raises(BadCondition, match="can never hold"):
        compile_condition(text, "hash_match")


def test_the_text_of_an_event_is_no_variable():
    assert not any(name.partition(".")[2] == "text" for own in SIGNAL.values() for name in own)
    assert "event.text" not in variables_of("text_risk")


ATOMS = [
    'signal.match == "exact"',
    'signal.match != "near"',
    'signal.algorithm in ["md5", "pdq"]',
    "signal.verified",
    "signal.distance <= 8",
    "signal.quality > 79",
    "signal.distance < signal.radius",
    '"x" in signal.labels',
    "event.child_recipient",
    "event.recipient_count > 3",
    'event.surface == "live"',
    'event.tenant.startsWith("ac")',
    "signals.hash_match > 1",
]
conditions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})"),
    ),
    max_leaves=6,
)
hash_cases = st.fixed_dictionaries(
    {
        "signal.match": st.sampled_from(["exact", "close", "near"]),
        "signal.algorithm": st.sampled_from(["md5", "pdq", "phash"]),
        "signal.verified": st.booleans(),
        "signal.distance": st.integers(0, 40),
        "signal.quality": st.integers(-1, 100),
        "signal.radius": st.integers(0, 40),
        "signal.labels": st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple),
        "event.child_recipient": st.booleans(),
        "event.recipient_count": st.integers(0, 6),
        "event.surface": st.sampled_from(["live", "post"]),
        "event.tenant": st.sampled_from(["acme", "other"]),
        "signals.hash_match": st.integers(1, 3),
    }
)


@given(conditions, st.lists(hash_cases, min_size=1, max_size=8))
def test_what_runs_agrees_with_the_checker(text, cases):
    kinds = {"bool": "BOOL", "int": "INT", "string": "STRING", "double": "DOUBLE"}
    variables = variables_of("hash_match")
    try:
        condition = compile_condition(text, "hash_match")
    except BadCondition as error:
        if "never hold" not in str(error) and "always holds" not in str(error):
            raise
        # What is refused as constant is so in every case that is drawn.
        condition, constant = None, "always" in str(error)
    environment = checker.NewEnv(
        variables={
            name: checker.Type.List(checker.Type.STRING)
            if variables[name].kind == "list"
            else getattr(checker.Type, kinds[variables[name].kind])
            for name in cases[0]
        }
    )
    oracle = environment.compile(text)
    for case in cases:
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in case.items()}
        expected = oracle.eval(data=plain).value()
        if condition is None:
            assert expected is constant
            continue
        context = context_of(condition.names, (case[name] for name in condition.names))
        assert condition.program.execute(context) is expected


@pytest.mark.parametrize(
    ("on", "text", "message", "column"),
    [
        ("hash_match", "signal.verified = true", "'=' cannot stand here: write ==", 17),
        ("hash_match", "signal.verified & signal.verified", "write &&", 17),
        ("hash_match", "signal.verified and event.encrypted", "write && for and", 17),
        ("hash_match", "not signal.verified", "write ! for not", 1),
        ("hash_match", "signal.verified // or so", "has no comments", 17),
        ("hash_match", "# first\nsignal.verified", "has no comments", 1),
        ("hash_match", "signal.verified /* or so */", "has no comments", 17),
        ("hash_match", "signal.verified && // so\nevent.encrypted", "has no comments", 20),
        ("hash_match", "signal.match == \u201cexact\u201d", 'write words as "word"', 17),
        ("hash_match", 'signal.match == "exact', "a word is not closed", 17),
        ("hash_match", "signal.verified\u00a0&& event.encrypted", "cannot stand here", 16),
        ("hash_match", "(signal.verified", "'(' is never closed", 1),
        ("hash_match", "signal.verified)", "')' closes nothing", 16),
        ("hash_match", "signal.role in ['hold'", "'[' is never closed", 16),
        ("hash_match", "signal.role in ['hold')", "']' is missing before ')'", 23),
        ("hash_match", "signal.verified ? true", "'?' needs a ':'", 17),
        ("hash_match", "signal.verified : true", "':' needs a '?'", 17),
        ("hash_match", "signal.verified event.encrypted", "an operator such as && or ==", 17),
        (
            "hash_match",
            "signal.verified ? event.encrypted ? true : false : true",
            "put a ?: within another into ( )",
            35,
        ),
        (
            "hash_match",
            "signal.verified ? event.encrypted : event.child_author ? true : false",
            None,
            None,
        ),
        ("hash_match", "signal.match == null", "== cannot take a word and null", None),
        ("hash_match", "size() > 3", "called like size(signal.labels)", 5),
        ("hash_match", "signal.verified == True", "write true for True", 20),
        ("hash_match", "(" * 40 + "signal.verified" + ")" * 40, "nested too deeply", None),
        ("hash_match", "signal.distance > > 3", "a value is missing after '>'", 19),
        ("hash_match", "signal.verified, event.encrypted", "write && or ||", 16),
        ("hash_match", "signal.distance - 1 > 3", "there is no arithmetic", 17),
        ("hash_match", "signal.match == exact", 'there is no exact; write "exact"', 17),
        ("hash_match", "signal.mach == 'exact'", "did you mean signal.match?", 1),
        ("hash_match", "signal.match.upper() == 'x'", "calls upper; a condition has", 1),
        ("hash_match", "has(signal.match)", "calls has", 1),
        ("hash_match", "signal.match.length == 5", "has no part .length", 1),
        ("hash_match", "1 < signal.distance < 5", "< cannot take true or false and", None),
        ("hash_match", "signal.distance && signal.verified", "&& cannot take a whole", None),
        ("hash_match", "signal.distance > 99999999999999999999", "is too large", None),
        ("hash_match", "signals.hash_match > 0 && signal.verified", "always holds", 1),
        ("hash_match", "signal.verified && 1 <= signals.hash_match", "always holds", 20),
        ("hash_match", "signal.verified || signals.hash_match == 0", "can never hold", 20),
        ("url_match", "signals.hash_match > 0 && signal.verified", None, None),
        ("hash_match", "signals.hash_match > 1 && signal.verified", None, None),
        ("hash_match", "signal.verified && signal.quality >= -1", "always holds", 20),
        ("hash_match", "signal.verified && signal.quality > -1", None, None),
        ("hash_match", "signal.verified || -2 == signal.quality", "can never hold", 21),
        ("user_report", "signals.user_report != 0 && event.encrypted", "always holds", 1),
    ],
)
def test_a_slip_is_named_in_plain_words_and_at_its_place(on, text, message, column):
    if message is None:
        compile_condition(text, on)
        return
    with pytest.raises(BadCondition) as failure:
        compile_condition(text, on)
    assert message in str(failure.value)
    if column is not None:
        assert failure.value.column == column


@pytest.mark.parametrize("on", SIGNAL)
def test_a_signal_that_is_judged_counts(on):
    with pytest.raises(BadCondition, match="always holds"):
        compile_condition(f"signals.{on} > 0 && event.encrypted", on)
    compile_condition(f"signals.{on} > 1 && event.encrypted", on)


@given(
    st.sampled_from(["signal.distance", "signal.quality", "signals.hash_match"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-3, 260),
    st.booleans(),
)
def test_a_comparison_with_a_number_is_refused_where_it_is_the_same_for_all_that_can_be(
    name, operator, number, mirrored
):
    text = f"{number} {operator} {name}" if mirrored else f"{name} {operator} {number}"
    variable = variables_of("hash_match")[name]
    compare = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}[operator]
    values = range(int(variable.least), min(int(variable.most), 300) + 1)
    answers = {compare(*((number, v) if mirrored else (v, number))) for v in values}
    if len(answers) == 1:
        expected = "always holds" if True in answers else "can never hold"
        with pytest.raises(BadCondition, match=expected):
            compile_condition(f"({text}) || event.encrypted", "hash_match")
    else:
        compile_condition(f"({text}) || event.encrypted", "hash_match")


RAW = ("Syntax error", "mismatched", "extraneous", "no viable", "token recognition", "<EOF>",
       "<input>", "overload", "container", "_==_", "_&&_", "@in", "undeclared",
       "ERROR")  # fmt: skip
"""Words of the checker's parser and of its operators' inner names."""


WORDS = [
    *("signal.match", "signal.verified", "signal.distance", "signal.labels", "event.tenant"),
    *("==", "!=", "<", ">=", "in", "&&", "||", "!", "?", ":", "(", ")", "[", "]", "-", ".", "@"),
    *('"exact"', "'a'", '""', "3", "2.5", "1e400", "99999999999999999999", "true", "null"),
    *("size", "has", "event", "signal", ".size()", '.startsWith("a")', "\n", "é", '"""', "//"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join) | st.text(max_size=40))
def test_any_text_is_compiled_or_refused_in_plain_words(text):
    refused: BadCondition | None = None
    try:
        compile_condition(text, "hash_match")
    except BadCondition as error:
        refused = error
    if refused is not None:
        said = str(refused).replace(text, "")
        assert not any(word in said for word in RAW), said
        assert 0 <= refused.line <= text.count("\n")


PLAIN = [word for word in WORDS if word != '"""']
"""CEL's long strings are refused: TOML's own would not hold them anyway."""


@given(st.lists(st.sampled_from(PLAIN), max_size=7).map(" ".join))
def test_the_grammar_refuses_nothing_that_the_checker_takes(text):
    try:
        tokens = tokens_of(text)
    except UnreadableCondition:
        return
    names = {token.text for token in tokens if token.kind == "name"}
    kinds = {"bool": "BOOL", "int": "INT", "string": "STRING", "double": "DOUBLE"}
    environment = checker.NewEnv(
        variables={
            name: checker.Type.List(checker.Type.STRING)
            if each.kind == "list"
            else getattr(checker.Type, kinds[each.kind])
            for name, each in variables_of("hash_match").items()
        }
    )
    try:
        environment.compile(text)
    except RuntimeError:
        return
    if not names & {"has"}:
        check_syntax(tokens, len(text))


@pytest.mark.parametrize("text", ["(" * 900 + "signal.verified" + ")" * 900, "!" * 3900 + "true"])
def test_deep_nesting_is_survived(text):
    with pytest.raises(BadCondition):
        compile_condition(text, "hash_match")


def test_event_variables_follow_the_event():
    bands = ["under_13", "13_15", "16_17", "adult", "unknown"]
    for author, recipient in itertools.product(bands, bands):
        judged = Judged(event(author, [recipient]), None, [], CLOSENESS)
        read = {n: v.read(judged) for n, v in variables_of("user_report").items() if "event." in n}
        assert read["event.child_author"] is (author in bands[:3])
        assert read["event.child_recipient"] is (recipient in bands[:3])
        assert read["event.recipient_count"] == 1
