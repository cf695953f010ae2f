"""Front matter from strangers: read within bounds, or malformed; nothing else comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence.model_card import parse_card

pieces = st.sampled_from(
    [
        "base_model: ", "a/b", "\n", "  ", "- ", "[", "]", "{", "}", ":", ",", "!!", "!!bool ",
        "!!int ", "!!float ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!python/none ",
        "&x ", "*x", "<<: ", "|", ">", "'", '"', "\\0", "0x", "1_0", ".inf", ".nan", "2001-01-01",
        "~", "?", "=", "%YAML 1.1\n", "---\n", "...\n", "\t", "#", "openward:\n family: x\n", "\0",
    ]
)  # fmt: skip
fronts = st.lists(pieces | st.text(max_size=4), max_size=14).map("".join)


@given(fronts)
def test_only_malformed_comes_out(front: str) -> None:
    try:
        card = parse_card(f"---\n{front}\n---\n".encode())
    except Malformed:
        return
    for name in (*card.parents, *card.domains, card.family or "x", card.relation or "x"):
        assert name
        assert "\0" not in name


@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!int ''", "!!int x", "!!timestamp soon", "!!float x", "!!binary é", "\x07",
     "0x" + "f" * 9000, "9" * 9000],
)  # fmt: skip
def test_what_contradicts_itself_is_malformed(value: str) -> None:
    with pytest.raises(Malformed, match="model card"):
        parse_card(f"---\nx: {value}\n---\n".encode())


@pytest.mark.parametrize("member", ["base_model", "tags", "base_model_relation", "family"])
@pytest.mark.parametrize("value", ['"a\\0b"', '""', "3", "{a: b}", "[]", '["\\0", ""]'])
def test_what_names_nothing_is_no_name(member: str, value: str) -> None:
    line = f"{member}: {value}"
    front = f"openward:\n  {line}" if member == "family" else line
    card = parse_card(f"---\n{front}\n---\n".encode())
    assert (card.parents, card.domains, card.family, card.relation) == ((), (), None, None)
