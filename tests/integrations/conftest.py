"""Django, set up once for each process of the tests; a running instance."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import running

__all__ = ["django_mail", "running"]


@pytest.fixture(scope="session")
def django_mail():
    """Django's own module, with this package's backend configured."""
    import django
    from django.conf import settings
    from django.core import mail

    if not settings.configured:
        settings.configure(
            EMAIL_BACKEND="mail_proxy.integrations.django.EmailBackend",
            DEFAULT_FROM_EMAIL="shop@example.org",
            SERVER_EMAIL="root@example.org",
            USE_TZ=True,
        )
        django.setup()
    return mail
