"""The same shop in Django, in one file, with the e-mail backend of this package.

    export MAIL_PROXY_URL=http://127.0.0.1:8000 MAIL_PROXY_TOKEN=mp_... MAIL_PROXY_SECRET=whsec_...
    python django_shop.py runserver 5000 --noreload
    curl -X POST http://127.0.0.1:5000/orders/17 -d email=ann@example.org
    curl http://127.0.0.1:5000/orders/17

The tenant's `client_base_url` is this server, http://127.0.0.1:5000.
"""

import os
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY="of the example",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    EMAIL_BACKEND="mail_proxy.integrations.django.EmailBackend",
    MAIL_PROXY={
        "URL": os.environ["MAIL_PROXY_URL"],
        "TOKEN": os.environ["MAIL_PROXY_TOKEN"],
        "PRIORITY": "high",
    },
)

from django.core.mail import EmailMessage  # noqa: E402 - the settings come first
from django.core.management import execute_from_command_line  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

from mail_proxy.webhooks import BadSignature, verify_webhook  # noqa: E402

orders: dict[str, dict] = {}  # yours is a database


def order(request, number: str):
    if request.method == "POST":
        orders[number] = {"mail": "queued"}
        mail = EmailMessage(
            f"Your order {number}",
            "Thank you! We will tell you when it leaves.",
            "Shop <shop@example.org>",
            [request.POST["email"]],
        )
        mail.mail_proxy = {"id": f"order-{number}"}  # the same order twice is one mail
        mail.send()
        return JsonResponse(orders[number], status=202)
    if number not in orders:
        return HttpResponse(status=404)
    return JsonResponse(orders[number])


@require_POST
def reports(request):
    """Each report comes at least once; the last word on a message wins."""
    try:
        told = verify_webhook(os.environ["MAIL_PROXY_SECRET"], request.headers, request.body)
    except BadSignature:
        return HttpResponse(status=401)
    for report in told["delivery_report"]:
        number = report["id"].removeprefix("order-")
        if number in orders and "sent_ts" in report:
            orders[number] = {"mail": "sent"}
        elif number in orders and "error" in report:
            orders[number] = {"mail": "failed", "why": report["error"]}
    return JsonResponse({"ok": True})


urlpatterns = [path("orders/<number>", order), path("mail-proxy/sync", reports)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
