"""The configuration: unknown keys refuse to start, and what is written is read back."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.config import (
    CONFIGURATION_VARIABLE,
    HubConfig,
    KeysConfig,
    LimitsConfig,
    S3Config,
    StoreConfig,
    path_in_environment,
    read_config,
    write_config,
)
from openward.errors import Malformed, Unavailable

texts = st.text(st.characters(codec="utf-8"), max_size=20)
whole = st.integers(-(2**62), 2**62)
configs = st.builds(
    HubConfig,
    endpoint=texts,
    origin=texts,
    port=whole,
    title=texts,
    demonstration=st.booleans(),
    store=st.builds(StoreConfig, texts, texts, s3=st.builds(S3Config, texts, texts)),
    keys=st.builds(KeysConfig, texts),
    limits=st.builds(LimitsConfig, whole, whole),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "openward.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@given(config=configs)
def test_what_is_written_is_read_back(folder: Path, config: HubConfig) -> None:
    assert read_config(written(folder, write_config(config))).config == config


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    place = read_config(written(tmp_path, ""))
    assert place.config == HubConfig()
    assert write_config(HubConfig()).strip() == ""
    assert place.path("blobs") == tmp_path / "blobs"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "unknown key prot; known here: .*port"),
        ("[store]\nblob = 'x'", r"unknown key store\.blob"),
        ("[store.s3]\nsecret = 'x'", r"unknown key store\.s3\.secret"),
        ("port = '80'", "port takes a int"),
        ("port = 80.0", "port takes a int"),
        ("port = true", "port takes a int"),
        ("demonstration = 1", "demonstration takes a bool"),
        ("title = 1", "title takes a str"),
        ("title = ['a']", "title takes a str"),
        ("store = 'here'", "store takes a StoreConfig"),
        ("[title]\na = 1", "title is a value, not a table"),
        ("[limits.file_bytes]\na = 1", r"limits\.file_bytes is a value, not a table"),
        ("port = ", "not TOML"),
        ("port = 1\nport = 2", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read_config(written(tmp_path, text))


def test_a_file_in_another_encoding_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "openward.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(Malformed, match="not TOML"):
        read_config(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="run openward init"):
        read_config(tmp_path / "openward.toml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="could not be read"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("sqlite:///hub.db", "sqlite:///{folder}/hub.db"),
        ("sqlite:////srv/hub.db", "sqlite:////srv/hub.db"),
        ("postgresql://me@host/hub", "postgresql://me@host/hub"),
    ],
)
def test_a_relative_database_starts_from_the_configuration(
    tmp_path: Path, address: str, found: str
) -> None:
    config = replace(HubConfig(), store=StoreConfig(database=address))
    place = read_config(written(tmp_path, write_config(config)))
    assert place.database == found.format(folder=tmp_path)


def test_the_servers_workers_are_told_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONFIGURATION_VARIABLE, raising=False)
    with pytest.raises(Unavailable, match=CONFIGURATION_VARIABLE):
        path_in_environment()
    monkeypatch.setenv(CONFIGURATION_VARIABLE, "/srv/openward.toml")
    assert path_in_environment() == Path("/srv/openward.toml")
