import json

from typer.testing import CliRunner

from streams.cli.state import app
from streams.contracts.stage import state_key
from streams.state.open import open_store
from tests.integration.state.histories import PARTITIONS, fresh_key

P = PARTITIONS[0]


def invoke(url: str, key: bytes, *arguments: str):
    env = {"SEAWALL_STATE_URL": url, "SEAWALL_STATE_HMAC_KEY": key.decode()}
    return CliRunner().invoke(app, ["forget", *arguments], env=env)


def test_forget_removes_one_account(state_url, run):
    key = fresh_key()

    async def fill():
        store = open_store(state_url, key)
        changes = {
            state_key("sender", "acme", "one"): b"1",
            state_key("sender", "acme", "two"): b"2",
        }
        await store.save(P, await store.claim(P), 0, 1, changes)
        await store.close()

    async def left():
        store = open_store(state_url, key)
        state = await store.load(
            P, 1, [state_key("sender", "acme", "one"), state_key("sender", "acme", "two")]
        )
        await store.close()
        return [value.own for value in state.values()]

    run(fill())
    result = invoke(state_url, key, "sender", "acme", "one", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"scope": "sender", "removed": True}
    assert run(left()) == [None, b"2"]
    assert "no state" in invoke(state_url, key, "sender", "acme", "one").stdout


def test_forget_says_what_is_wrong():
    key = fresh_key()
    results = [
        invoke("memory://", key, "sender", "acme", "x"),
        invoke("http://h", key, "sender", "acme", "x"),
        invoke("valkey://h", b"short", "sender", "acme", "x"),
        invoke("valkey://127.0.0.1:1", key, "sender", "acme", "x"),
        invoke("valkey://127.0.0.1:1", key, "account", "acme", "x"),
    ]
    assert [result.exit_code for result in results] == [2] * 5
    assert all(result.stderr for result in results)
