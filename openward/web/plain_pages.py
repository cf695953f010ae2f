"""A few pages without a template of their own: signing in and confirming a device.

`plain_page` puts them in the frame that all pages share (web.pages_frame).
"""

from html import escape

from starlette.responses import HTMLResponse

from openward.registrar.office import Office
from openward.web.pages_frame import framed


def plain_page(office: Office, title: str, body: str, *, http: int = 200) -> HTMLResponse:
    """A page around `body`, which is HTML that the caller has escaped."""
    return framed(office, title, body, http=http)


def form(action: str, inside: str) -> str:
    """A form that posts to one of our own paths; `inside` is HTML."""
    return f'<form method="post" action="{escape(action)}">{inside}</form>'


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def button(name: str, value: str, says: str) -> str:
    return f'<button name="{escape(name)}" value="{escape(value)}">{escape(says)}</button>'
