"""Every law of the way out holds for each client that may be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.outbound import Outbound
from hub.settings.groups import HttpClientName

if TYPE_CHECKING:
    from hub.outbound.names import NameService
    from hub.settings import Webhook


@pytest.fixture(params=list(HttpClientName), ids=str)
def each_client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> HttpClientName:
    """Send by one client, then by the other, whatever the settings say."""
    opened, chosen = Outbound.__init__, HttpClientName(request.param)

    def open_chosen(self: Outbound, settings: Webhook, names: NameService | None = None) -> None:
        opened(self, settings.model_copy(update={"http_client": chosen}), names)

    monkeypatch.setattr(Outbound, "__init__", open_chosen)
    return chosen
