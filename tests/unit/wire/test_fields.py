from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_proxy.domain.errors import Invalid, Malformed
from mail_proxy.operations.table import OPERATIONS
from mail_proxy.wire.answers import iso_time, not_before, without_nulls
from mail_proxy.wire.fields import Request, parse_request
from mail_proxy.wire.messages import ListMessages, MessageIds, MessageKey
from mail_proxy.wire.tenants import ClientAuth, LargeFiles, UpdateTenant

MODELS = sorted({operation.request for operation in OPERATIONS.values()}, key=lambda m: m.__name__)

# What a JSON body can hold, and what Python's parser lets through besides.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["\ud800", "a\x00b", "********", 10**400]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(sorted({name for model in MODELS for name in model.model_fields}))


@settings(max_examples=50)
@given(model=st.sampled_from(MODELS), payload=st.dictionaries(NAMES, VALUES, max_size=6) | VALUES)
def test_whatever_comes_is_a_request_or_a_failure_that_can_be_told(model, payload):
    failure = failure_of(model, payload)
    if failure is not None:
        assert failure.field is not None or isinstance(failure, Malformed)
        assert len(str(failure)) < 2000
        json.dumps(failure.detail, ensure_ascii=True)


def failure_of(model: type[Request], payload: object) -> Invalid | None:
    try:
        parse_request(model, payload)
    except Invalid as error:
        return error
    return None


def test_a_number_too_long_to_be_written_is_refused_all_the_same():
    failure = failure_of(MessageIds, {"ids": 10**5000})
    assert failure is not None
    json.dumps(failure.detail)


def test_numbers_of_a_query_string_are_read():
    request = parse_request(ListMessages, {"limit": "10", "active_only": "true", "since_ts": "1.5"})
    assert (request.limit, request.active_only, request.since_ts) == (10, True, 1.5)


def test_unknown_fields_are_ignored():
    assert parse_request(MessageKey, {"id": "m1", "weather": {"sun": 1}}).id == "m1"


def test_a_place_deep_inside_is_named_with_dots():
    with pytest.raises(Invalid) as caught:
        parse_request(UpdateTenant, {"rate_limits": {"daily": -1}})
    assert caught.value.field == "rate_limits.daily"


def test_a_limit_that_is_misspelled_is_refused_and_not_none():
    with pytest.raises(Invalid) as caught:
        parse_request(UpdateTenant, {"rate_limits": {"hourly": 5, "weekly": 20}})
    assert str(caught.value) == "rate_limits.weekly: there is no such field"


def test_a_wrong_container_is_told_as_frameworks_tell_it():
    with pytest.raises(Malformed) as caught:
        parse_request(MessageIds, {"ids": "m1" * 100})
    (fault,) = caught.value.detail
    assert (fault["type"], fault["loc"]) == ("list_type", ["body", "ids"])
    assert len(fault["input"]) == 100


@pytest.mark.parametrize("fields", [{"client_auth": "s3cret"}, {"client_auth": {"token": 5}}])
def test_a_wrong_value_is_not_told_where_a_secret_belongs(fields):
    with pytest.raises(Malformed) as caught:
        parse_request(UpdateTenant, {**fields, "rate_limits": "none"})
    auth, limits = caught.value.detail
    assert (auth["input"], limits["input"]) == ("********", "none")


def test_too_many_ids_are_refused():
    with pytest.raises(Invalid) as caught:
        parse_request(MessageIds, {"ids": ["x"] * 10_001})
    assert caught.value.field == "ids"


def test_times_are_written_in_utc_without_a_zone():
    assert iso_time(0.0625) == "1970-01-01T00:00:00.062"


def test_a_time_to_come_is_never_early():
    assert (not_before(5.0), not_before(5.001)) == (5, 6)


def test_nulls_are_left_out():
    assert without_nulls({"a": None, "b": 0, "c": ""}) == {"b": 0, "c": ""}


def test_a_secret_may_be_as_long_as_a_signed_token():
    assert ClientAuth(method="bearer", token="t" * 8000).token == "t" * 8000
    with pytest.raises(Invalid) as caught:
        parse_request(ClientAuth, {"method": "bearer", "token": "t" * 8001})
    assert caught.value.field == "token"


def test_true_is_no_size_of_a_file():
    with pytest.raises(Invalid, match="a number is needed") as caught:
        parse_request(LargeFiles, {"max_size_mb": True})
    assert caught.value.field == "max_size_mb"
