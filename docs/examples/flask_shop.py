"""A shop in Flask: an order is confirmed by mail, and the shop knows what became of it.

    export MAIL_PROXY_URL=http://127.0.0.1:8000 MAIL_PROXY_TOKEN=mp_... MAIL_PROXY_SECRET=whsec_...
    flask --app flask_shop run --port 5000
    curl -X POST http://127.0.0.1:5000/orders/17 -d email=ann@example.org
    curl http://127.0.0.1:5000/orders/17

The tenant's `client_base_url` is this server, http://127.0.0.1:5000.
"""

import os

from flask import Flask, abort, jsonify, request

from mail_proxy.client import MailProxyClient
from mail_proxy.webhooks import BadSignature, verify_webhook

app = Flask(__name__)
proxy = MailProxyClient(os.environ["MAIL_PROXY_URL"], os.environ["MAIL_PROXY_TOKEN"])
orders: dict[str, dict] = {}  # yours is a database


@app.post("/orders/<number>")
def order(number: str):
    orders[number] = {"mail": "queued"}
    proxy.messages.add(
        {
            "id": f"order-{number}",  # the same order twice is one mail
            "from": "Shop <shop@example.org>",
            "to": [request.form["email"]],
            "subject": f"Your order {number}",
            "body": "Thank you! We will tell you when it leaves.",
            "priority": "high",
        }
    )
    return jsonify(orders[number]), 202


@app.get("/orders/<number>")
def show(number: str):
    return jsonify(orders.get(number) or abort(404))


@app.post("/mail-proxy/sync")
def reports():
    """Each report comes at least once; the last word on a message wins."""
    try:
        told = verify_webhook(os.environ["MAIL_PROXY_SECRET"], request.headers, request.get_data())
    except BadSignature:
        abort(401)
    for report in told["delivery_report"]:
        number = report["id"].removeprefix("order-")
        if number in orders and "sent_ts" in report:
            orders[number] = {"mail": "sent"}
        elif number in orders and "error" in report:
            orders[number] = {"mail": "failed", "why": report["error"]}
    return jsonify(ok=True)
