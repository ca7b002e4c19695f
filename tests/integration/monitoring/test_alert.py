"""One live alert: a real Prometheus scrapes real workers, a fault is done, its page fires and is
over once mended, and no other page fires. The whole drill: `make drill`."""

import asyncio
import logging

import pytest

from dashboards.tool import ToolMissing, find_tool
from streams.localbroker import LocalCluster
from tests.integration.monitoring.drill import drill
from tests.integration.monitoring.faults import FAULTS
from tests.integration.monitoring.rig import rig

SHORT = "poison fed"


def test_a_fault_pages_and_nothing_else_does(broker: LocalCluster) -> None:
    try:
        find_tool("prometheus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    (fault,) = (fault for fault in FAULTS if fault.name == SHORT)
    with rig(broker) as made:
        (seen,), wrong = asyncio.run(drill(made, [fault], print))
    assert wrong == []
    assert seen.wrong == []
    assert seen.fired.keys() >= fault.must
    assert seen.resolved.keys() >= fault.must
