"""The emulator of the service for tests of your own pipelines: a context manager, and a pytest fixture.

    with emulated_service() as service:
        summary = run_load(service.job(extract="orders.csv", event_type="scn.data.inboundorder"))
        assert service.records("inbound_order")[0]["id"] == "4500000001"

For pytest, put ``pytest_plugins = ["loader.testing.fixtures"]`` into ``conftest.py``. The fixture
``scn_emulator`` is such a service. During the test, the environment has its keys, but no other AWS settings.
"""

from loader.testing.emulated_service import INSTANCE_ID, EmulatedService, emulated_service

__all__ = ["INSTANCE_ID", "EmulatedService", "emulated_service"]
