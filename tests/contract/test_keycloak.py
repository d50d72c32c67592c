"""Login at a real Keycloak that loaded `deploy/keycloak/realm.json`: people on the pages, a system at the API."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import orjson
import pytest
from pyreqwest.client import ClientBuilder

from hub.api.app import create_app
from hub.settings import load
from tests.support.login.http_visitor import HttpVisitor
from tests.support.login.keycloak import PASSWORD, person, running_keycloak
from tests.support.pages.browsing import ZANDLOPER, enter_schools, serving
from tests.support.pages.form_client import FORM, SECRET
from tests.support.sealing_keys import new_key
from tests.support.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.store.pool import Pool
    from tests.support.login.http_visitor import SitePage

pytestmark = pytest.mark.keycloak
PEOPLE: Final = (
    person("sanne", "Sanne", "de Vries", ["OSR-toegang"], brins=["18DS"]),
    person("kim", "Kim", "Bakker", []),
    person("ria", "Ria", "Meijer", ["operations"]),
)
SECRETS: Final = {"OSR_HUB_LOGIN__CLIENT_SECRET": "of the pages", "LAS_EXAMPLE_CLIENT_SECRET": "of-a-system"}
ADMIN: Final = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "of the admin"}


@pytest.fixture(scope="module")
async def keycloak(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """Give the address that a hub must have, and the issuer that both its people and its systems log in at."""
    hub = f"http://127.0.0.1:{free_port()}"
    realm = {**SECRETS, **ADMIN, "LAS_EXAMPLE_OIN": ZANDLOPER, "OSR_HUB_HTTP__PUBLIC_URL": hub}
    async with running_keycloak(tmp_path_factory.mktemp("keycloak"), PEOPLE, realm) as issuer:
        yield hub, issuer


@pytest.fixture
async def sites(keycloak: tuple[str, str], pool: Pool) -> AsyncIterator[tuple[str, str]]:
    """Give the addresses of a hub and of its issuer."""
    hub, issuer = keycloak
    async with pool.acquire() as c:
        await enter_schools(c)
    settings = {
        "OSR_HUB_OIN": "00000099000000009000",
        "OSR_HUB_AUTH__ISSUER": issuer,
        "OSR_HUB_AUTH__ROLES_CLAIM": "realm_access.roles",
        "OSR_HUB_LOGIN__CLIENT_ID": "osr-hub",
        "OSR_HUB_LOGIN__CLIENT_SECRET": SECRETS["OSR_HUB_LOGIN__CLIENT_SECRET"],
        "OSR_HUB_SECRETS__KEYS": new_key(),
        "OSR_HUB_HTTP__PUBLIC_URL": hub,
    }
    async with serving(create_app(load(settings), pool), int(hub.rpartition(":")[2])):
        yield hub, issuer


async def log_in(visitor: HttpVisitor, address: str, who: str) -> SitePage:
    """Go to a page, and fill in Keycloak's form on the way."""
    form = await visitor.get(address)
    assert "/realms/osr-hub/" in form.url, form.text
    return await visitor.submit(form, {"username": who, "password": PASSWORD, "credentialId": ""})


async def ask_keycloak(method: str, url: str, fields: Mapping[str, str] | None = None, token: str = "") -> object:
    """Call Keycloak as a program; return its JSON, if it sends any."""
    async with ClientBuilder().build() as client:
        request = client.request(method, url).header("authorization", f"Bearer {token}")
        if fields is not None:
            request = request.header("content-type", FORM["content-type"]).body_text(urlencode(fields))
        answer = await request.build().send()
        assert answer.status < 300, await answer.text()
        return await answer.json() if answer.status == 200 else None


async def test_people_and_systems_log_in_at_keycloak(sites: tuple[str, str], pool: Pool) -> None:
    """Each role comes where it belongs, a logout ends both sessions, and one at Keycloak ends the hub's."""
    hub, issuer = sites
    sanne, ria, kim = HttpVisitor(), HttpVisitor(), HttpVisitor()
    entered = await log_in(sanne, f"{hub}/login/start?next=/mandaten/18DS", "sanne")
    assert (entered.url, entered.status) == (f"{hub}/mandaten/18DS", 200)
    assert "Sanne de Vries" in entered.text
    assert "De Boog (18DS)" in entered.text
    assert (await sanne.get(f"{hub}/mandaten/00AA")).status == 404
    assert (await log_in(ria, f"{hub}/login/start", "ria")).url == f"{hub}/console"
    refused = await log_in(kim, f"{hub}/login/start", "kim")
    assert (refused.status, "securityservicedesk@duo.nl" in refused.text) == (403, True)

    leaving = await sanne.get(f"{hub}/logout")
    secret = SECRET.search(leaving.text)
    assert secret is not None
    left = await sanne.post(f"{hub}/logout", {"secret": secret[1], "where": "here"})
    assert (left.url.partition("?")[0], left.status) == (f"{hub}/logout", 200)
    assert "U bent uitgelogd" in left.text
    entered = await log_in(sanne, f"{hub}/login/start?next=/mandaten/18DS", "sanne")  # the form is there again
    assert entered.status == 200

    await _end_the_login_of("sanne", issuer)
    assert "/realms/osr-hub/" in (await sanne.get(f"{hub}/mandaten/18DS")).url
    assert await pool.fetchval("select count(*) from sessions") == 1  # Ria's


async def test_a_system_gets_its_token_by_client_credentials(sites: tuple[str, str]) -> None:
    """The token names its supplier: what is for operators is closed to it, and everything without a token."""
    hub, issuer = sites
    granted = await ask_keycloak(
        "POST",
        f"{issuer}/protocol/openid-connect/token",
        {
            "grant_type": "client_credentials",
            "client_id": "las-example",
            "client_secret": SECRETS["LAS_EXAMPLE_CLIENT_SECRET"],
        },
    )
    assert isinstance(granted, dict)
    token = granted["access_token"]
    payload = token.split(".")[1]
    assert orjson.loads(urlsafe_b64decode(f"{payload}=="))["oin"] == ZANDLOPER
    async with ClientBuilder().build() as client:
        for path, bearer, status in (("lanes", token, 200), ("parked", token, 403), ("lanes", "", 401)):
            asked = client.get(f"{hub}/v1/{path}").header("authorization", f"Bearer {bearer}")
            assert (await asked.build().send()).status == status


async def _end_the_login_of(username: str, issuer: str) -> None:
    """End all sessions of a person at Keycloak, as an administrator does there."""
    root, _, realm = issuer.partition("/realms/")
    granted = await ask_keycloak(
        "POST",
        f"{root}/realms/master/protocol/openid-connect/token",
        {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMIN["KC_BOOTSTRAP_ADMIN_USERNAME"],
            "password": ADMIN["KC_BOOTSTRAP_ADMIN_PASSWORD"],
        },
    )
    assert isinstance(granted, dict)
    users = f"{root}/admin/realms/{realm}/users"
    found = await ask_keycloak("GET", f"{users}?username={username}&exact=true", token=granted["access_token"])
    assert isinstance(found, list)
    await ask_keycloak("POST", f"{users}/{found[0]['id']}/logout", token=granted["access_token"])
