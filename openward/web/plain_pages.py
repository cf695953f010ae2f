"""A few pages that need no stylesheet: signing in and confirming a device.

`plain_page` is the one place that knows how such a page looks. Nothing on it comes from elsewhere,
and no other page may frame it.
"""

from html import escape

from starlette.responses import HTMLResponse

from openward.registrar.office import Office

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def plain_page(office: Office, title: str, body: str, *, http: int = 200) -> HTMLResponse:
    """A page around `body`, which is HTML that the caller has escaped."""
    hub = escape(office.config.title)
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} - {hub}</title></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status_code=http, headers=_HEADERS)


def form(action: str, inside: str) -> str:
    """A form that posts to one of our own paths; `inside` is HTML."""
    return f'<form method="post" action="{escape(action)}">{inside}</form>'


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def button(name: str, value: str, says: str) -> str:
    return f'<button name="{escape(name)}" value="{escape(value)}">{escape(says)}</button>'
