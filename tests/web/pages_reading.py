"""A strict reader of our own pages: what a browser forgives is an error here."""

from html.parser import HTMLParser

_VOID = frozenset(("meta", "link", "input", "br", "hr", "img", "rect", "line", "circle"))


class PageReader(HTMLParser):
    """Reads one page. Raises AssertionError for tags out of order and for ids given twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.sources: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.headings: list[str] = []
        self.text = ""
        self.inline: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert len(given) == len(attrs), f"an attribute of <{tag}> stands there twice"
        if tag not in _VOID:
            self.open.append(tag)
        if "id" in given:
            assert given["id"] not in self.ids, f"the id {given['id']} is given twice"
            self.ids.add(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if tag in ("link", "script", "img"):
            self.sources.append(given.get("href") or given.get("src", ""))
        if tag == "label" and "for" in given:
            self.labels.add(given["for"])
        if tag in ("input", "textarea", "select", "button"):
            self.fields.append({"tag": tag, "inside": " ".join(self.open), **given})
        if tag == "form":
            self.forms.append(given)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()
        if tag in ("td", "th", "dt", "dd"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        """The text of the page with single spaces."""
        return " ".join(self.text.split())
