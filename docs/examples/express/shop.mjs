// The same shop in Express, without any package of ours: the wire is plain JSON over HTTP.
//
//   npm install && export MAIL_PROXY_URL=http://127.0.0.1:8000 MAIL_PROXY_TOKEN=mp_... MAIL_PROXY_SECRET=whsec_...
//   PORT=5000 node shop.mjs
//   curl -X POST http://127.0.0.1:5000/orders/17 -d email=ann@example.org
//   curl http://127.0.0.1:5000/orders/17
//
// The tenant's `client_base_url` is this server, http://127.0.0.1:5000.

import { createHmac, timingSafeEqual } from "node:crypto";
import express from "express";

const { MAIL_PROXY_URL, MAIL_PROXY_TOKEN, MAIL_PROXY_SECRET, PORT } = process.env;
const orders = new Map(); // yours is a database
const app = express();

app.post("/orders/:number", express.urlencoded({ extended: false }), async (request, response) => {
  const { number } = request.params;
  orders.set(number, { mail: "queued" }); // before the post: the report may be faster than its answer
  const answer = await fetch(`${MAIL_PROXY_URL}/commands/add-messages`, {
    method: "POST",
    headers: { "X-API-Token": MAIL_PROXY_TOKEN, "Content-Type": "application/json" },
    body: JSON.stringify({
      messages: [
        {
          id: `order-${number}`, // the same order twice is one mail
          from: "Shop <shop@example.org>",
          to: [request.body.email],
          subject: `Your order ${number}`,
          body: "Thank you! We will tell you when it leaves.",
          priority: "high",
        },
      ],
    }),
  });
  if (!answer.ok) return response.status(502).json(await answer.json());
  response.status(202).json(orders.get(number));
});

app.get("/orders/:number", (request, response) => {
  const order = orders.get(request.params.number);
  return order ? response.json(order) : response.sendStatus(404);
});

// Each report comes at least once; the last word on a message wins.
app.post("/mail-proxy/sync", express.raw({ type: "*/*", limit: "64mb" }), (request, response) => {
  if (!isSigned(request.headers, request.body)) return response.sendStatus(401);
  for (const report of JSON.parse(request.body).delivery_report) {
    const number = report.id.replace(/^order-/, "");
    if (!orders.has(number)) continue;
    if ("sent_ts" in report) orders.set(number, { mail: "sent" });
    else if ("error" in report) orders.set(number, { mail: "failed", why: report.error });
  }
  response.json({ ok: true });
});

// Standard Webhooks: HMAC-SHA256 of "<id>.<timestamp>.<body>", not older than five minutes.
function isSigned(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !(Math.abs(Date.now() / 1000 - Number(at)) < 300)) return false;
  const key = Buffer.from(MAIL_PROXY_SECRET.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

app.listen(Number(PORT ?? 5000), "127.0.0.1");
