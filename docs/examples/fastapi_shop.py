"""The same shop in FastAPI, on an event loop.

    export MAIL_PROXY_URL=http://127.0.0.1:8000 MAIL_PROXY_TOKEN=mp_... MAIL_PROXY_SECRET=whsec_...
    uvicorn fastapi_shop:app --port 5000
    curl -X POST 'http://127.0.0.1:5000/orders/17?email=ann@example.org'
    curl http://127.0.0.1:5000/orders/17

The tenant's `client_base_url` is this server, http://127.0.0.1:5000.
"""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

from mail_proxy.client import AsyncMailProxyClient
from mail_proxy.webhooks import BadSignature, verify_webhook

orders: dict[str, dict] = {}  # yours is a database


@asynccontextmanager
async def life(app: FastAPI):
    url, token = os.environ["MAIL_PROXY_URL"], os.environ["MAIL_PROXY_TOKEN"]
    async with AsyncMailProxyClient(url, token) as app.state.proxy:
        yield


app = FastAPI(lifespan=life)


@app.post("/orders/{number}", status_code=202)
async def order(number: str, email: str) -> dict:
    orders[number] = {"mail": "queued"}
    await app.state.proxy.messages.add(
        {
            "id": f"order-{number}",  # the same order twice is one mail
            "from": "Shop <shop@example.org>",
            "to": [email],
            "subject": f"Your order {number}",
            "body": "Thank you! We will tell you when it leaves.",
            "priority": "high",
        }
    )
    return orders[number]


@app.get("/orders/{number}")
async def show(number: str) -> dict:
    if number not in orders:
        raise HTTPException(404)
    return orders[number]


@app.post("/mail-proxy/sync")
async def reports(request: Request) -> dict:
    """Each report comes at least once; the last word on a message wins."""
    try:
        told = verify_webhook(
            os.environ["MAIL_PROXY_SECRET"], request.headers, await request.body()
        )
    except BadSignature as error:
        raise HTTPException(401) from error
    for report in told["delivery_report"]:
        number = report["id"].removeprefix("order-")
        if number in orders and "sent_ts" in report:
            orders[number] = {"mail": "sent"}
        elif number in orders and "error" in report:
            orders[number] = {"mail": "failed", "why": report["error"]}
    return {"ok": True}
