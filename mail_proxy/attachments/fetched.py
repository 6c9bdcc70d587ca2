"""The contents of one message, while they are needed."""

from __future__ import annotations

from mail_proxy.attachments.failures import FetchFailed, NoRoom, told
from mail_proxy.attachments.flights import Flight, Flights
from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.content import Content


class Fetched:
    """contents: of the attachments, in order; they can be read until it is closed."""

    def __init__(self, n: int, flights: Flights) -> None:
        self._found: list[Content | None] = [None] * n
        self._flights = flights
        self._held: list[Flight] = []

    @property
    def contents(self) -> tuple[Content, ...]:
        return tuple(content for content in self._found if content is not None)

    def close(self) -> None:
        """The mail is sent, or will not be. Once is enough; again does no harm."""
        held, self._held = self._held, []
        for flight in held:
            self._flights.leave(flight)

    def put(self, n: int, content: Content) -> None:
        self._found[n] = content

    def hold(self, flight: Flight) -> None:
        self._flights.join(flight)
        self._held.append(flight)

    async def land(self, n: int, attachment: Attachment, flight: Flight) -> None:
        """Raises AttachmentFailed and NoRoom."""
        try:
            self._found[n] = await self._flights.content(flight)
        except FetchFailed as failure:
            raise told(attachment.filename, failure) from failure
        except NoRoom as error:  # it is shared with those that call the file by another name
            raise NoRoom(attachment.filename) from error
