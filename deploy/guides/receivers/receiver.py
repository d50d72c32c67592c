"""A receiver to start from, for a LAS: FastAPI, the official Standard Webhooks library, SQLite.

It takes signed messages, keeps the newest state of each unit, reports what it did, and finds what it missed. Settings:
OSR_API (the hub, with /v1), OSR_TOKEN or OSR_TOKEN_URL and OSR_CLIENT ("id:secret", for client credentials),
OSR_SECRETS (a file, one whsec_… per line: two while a secret is replaced), OSR_STATE (the SQLite file).
"""

import asyncio
import json
import os
import sqlite3
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PAUSE_SECONDS, KINDS = 1, ("granted", "amended", "started", "withdrawn", "expired")
state = sqlite3.connect(os.environ.get("OSR_STATE", "receiver.sqlite"), isolation_level=None)
state.executescript("""
pragma journal_mode = wal; pragma synchronous = full;
create table if not exists messages (id text primary key, report_due int, at text default current_timestamp);
create table if not exists lanes (epoch int, brin text, complete int, primary key (epoch, brin));
create table if not exists units (id text, branch text, version int, is_over int, data text, primary key (id, branch));
""")
token, behind = {"value": os.environ.get("OSR_TOKEN", ""), "until": 0.0}, asyncio.Event()
behind.set()  # at the start: nobody knows how long this process was away


def take(event: dict[str, Any]) -> None:
    """Store a message once, in one transaction; a repeat changes nothing, of an unknown type only the id is kept."""
    data, kind = event.get("data") or {}, event["type"].removeprefix("nl.osr.mandate.").removesuffix(".v1")
    is_ours = kind in KINDS and data["serviceCode"] == "VVA"
    state.execute("begin immediate")
    with state:
        row = (event["id"], is_ours and kind in ("granted", "amended"))
        if state.execute("insert or ignore into messages (id, report_due) values (?, ?)", row).rowcount and is_ours:
            lane, number = (event["ledgerepoch"], event["partitionkey"]), int(event["sequence"])
            found = state.execute("select complete from lanes where epoch = ? and brin = ?", lane).fetchone()
            complete = found[0] if found else 0
            if int(event.get("previoussequence", 0)) <= complete:
                state.execute("replace into lanes values (?, ?, ?)", (*lane, max(complete, number)))
            else:
                behind.set()  # something is missing: the lane stays where it is complete, and the hub is asked
            is_over, text = kind in ("withdrawn", "expired"), json.dumps(data)
            unit = (data["mandateId"], event.get("branch", ""), data["mandateVersion"], is_over, text)
            sql = """insert into units values (?, ?, ?, ?, ?) on conflict do update set version = excluded.version,
                is_over = excluded.is_over, data = excluded.data where excluded.version > version"""
            state.execute(sql, unit)  # an older version never replaces a newer one


def call(method: str, path: str, **more: Any) -> dict[str, Any]:
    """Call the hub, with a token that is renewed a minute before it ends; raise for an answer that is none of 2xx."""
    if "OSR_TOKEN_URL" in os.environ and time.time() > token["until"] - 60:
        form, client = {"grant_type": "client_credentials"}, tuple(os.environ["OSR_CLIENT"].split(":", 1))
        got = requests.post(os.environ["OSR_TOKEN_URL"], form, auth=client, timeout=30)
        got.raise_for_status()
        token.update(value=got.json()["access_token"], until=time.time() + got.json().get("expires_in", 300))
    headers = {"authorization": f"Bearer {token['value']}"}
    got = requests.request(method, os.environ["OSR_API"] + path, headers=headers, timeout=30, **more)
    got.raise_for_status()
    return got.json()


def pages(path: str, **query: str | int | None) -> list[dict[str, Any]]:
    """Return all items of a list, page by page."""
    items, page = [], {"next": ""}
    while page["next"] is not None:
        page = call("GET", path, params=query)
        items, query["cursor"] = items + page["items"], page["next"]
    return items


async def compare() -> None:
    """Fetch what lanes have beyond what is here; then say what is held here, and take over exactly what differs."""
    for to in [each["destination"] for each in await to_thread(pages, "/subscriptions")]:
        for lane in await to_thread(pages, "/lanes", destination=to):
            sql = "select complete from lanes where brin = ? order by epoch desc"
            after = (state.execute(sql, (lane["brin"],)).fetchone() or (0,))[0]
            for one in await to_thread(pages, "/deliveries", destination=to, brin=lane["brin"], afterSequence=after):
                if one["status"] not in ("cancelled", "held"):
                    take((await to_thread(call, "GET", f"/deliveries/{one['id']}"))["message"])
    held = state.execute("select id, branch, version from units where not is_over").fetchall()
    units = [{"mandateId": mandate, "branch": branch or None, "mandateVersion": n} for mandate, branch, n in held]
    found = await to_thread(call, "POST", "/reconciliation", json={"serviceCode": "VVA", "units": units})
    for message in (*found["missing"], *found["outdated"]):
        take(message)
    gone = [(unit["mandateId"], unit["branch"] or "") for unit in found["unknown"]]
    state.executemany("delete from units where id = ? and branch = ?", gone)


async def report() -> None:
    """Report `activated`; a LAS does its own work first, and waits for the school where it has a step to do."""
    for delivery, at in state.execute("select id, at from messages where report_due").fetchall():
        body = {"status": "activated", "reportedAt": f"{at}Z".replace(" ", "T")}
        try:
            await to_thread(call, "POST", f"/deliveries/{delivery}/reports", json=body)
        except requests.HTTPError as error:
            if error.response.status_code != 404:  # 404: the hub has no such delivery, and never will
                raise
        state.execute("update messages set report_due = 0 where id = ?", (delivery,))


async def work() -> None:
    """Compare at the start and at a gap; report what came."""
    while True:
        try:
            if behind.is_set():
                behind.clear()
                await compare()
            await report()
        except requests.RequestException as error:
            behind.set()
            print(f"not done, tried again soon: {error}", flush=True)
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def live(_app: FastAPI) -> AsyncIterator[None]:
    """Work beside the server for as long as it runs."""
    working = asyncio.create_task(work())
    yield
    working.cancel()


app = FastAPI(lifespan=live)


@app.options("/hook")
def consent(request: Request) -> Response:
    """Consent to being sent messages, at the rate that is asked for."""
    rate = request.headers.get("webhook-request-rate", "*")
    return Response(headers={"WebHook-Allowed-Origin": os.environ.get("OSR_ORIGIN", "*"), "WebHook-Allowed-Rate": rate})


@app.post("/hook")
async def receive(request: Request) -> Response:
    """Verify the bytes as they came, store, answer; the work comes afterwards."""
    body = await request.body()
    for secret in Path(os.environ["OSR_SECRETS"]).read_text().split():
        with suppress(WebhookVerificationError, ValueError):
            take(Webhook(secret).verify(body, dict(request.headers)))
            return Response(status_code=204)
    return Response(status_code=401)
