"""The hub's configuration: one TOML file, read once into one frozen tree.

Every setting is documented where it is declared; this file is the manual. Unknown keys refuse to
start, secrets are named by path and never written here, and relative paths are relative to the
configuration file, so that a hub's folder can be moved whole.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from openward.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class S3Config:
    """An S3-compatible object store for blobs; without it they are files in a folder."""

    bucket: str = ""
    """Name of the bucket; empty means that no object store is used."""
    endpoint: str = ""
    """Address of the store, http or https."""
    region: str = "us-east-1"
    """The region that requests are signed for."""
    credentials: str = ""
    """Path of a file with two lines: access key, secret key (mode 0600)."""


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where things are kept."""

    database: str = "sqlite:///hub.db"
    """SQLAlchemy address of the database: sqlite:///path or postgresql://user@host/name."""
    blobs: str = "blobs"
    """Folder of the content-addressed files."""
    staging: str = "staging"
    """Folder for uploads in flight; on the same file system as `blobs`."""
    log: str = "log"
    """Folder of the published log: checkpoint and tiles. Safe to serve by any web server."""
    s3: S3Config = field(default_factory=S3Config)


@dataclass(frozen=True, slots=True)
class KeysConfig:
    """Paths of the secrets the hub needs to run. The founding key is not among them."""

    log: str = "keys/log.key"
    """Ed25519 key that signs checkpoints."""
    hub: str = "keys/hub.key"
    """Ed25519 key that countersigns usage attestations."""
    address: str = "keys/address.key"
    """32 random bytes that sign short-lived upload and download addresses."""


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Bounds on what a request may ask for."""

    file_bytes: int = 1 << 40
    """Largest single file, bytes."""
    commit_bytes: int = 64 << 20
    """Largest commit request, bytes (files above 10 MB travel as LFS or Xet, not inside it)."""
    commit_files: int = 25_000
    """Most operations in one commit."""
    evaluation_log_bytes: int = 256 << 20
    """Largest evaluation log, bytes."""


@dataclass(frozen=True, slots=True)
class HubConfig:
    """The whole configuration."""

    endpoint: str = "http://127.0.0.1:8765"
    """The address under which clients reach the hub; it stands in the links the hub hands out."""
    origin: str = "localhost/openward"
    """The log's name. It is not an address and never changes, whatever the host or port."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8765
    """The port to listen on."""
    title: str = "Openward"
    """What the pages call this hub."""
    contact: str = ""
    """Where a person can write to; shown beside every refusal."""
    demonstration: bool = False
    """Say on every page that this hub only demonstrates."""
    store: StoreConfig = field(default_factory=StoreConfig)
    keys: KeysConfig = field(default_factory=KeysConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration and the folder its relative paths start from."""

    config: HubConfig
    folder: Path

    def path(self, written: str) -> Path:
        """The file or folder that a setting names."""
        return self.folder / written

    @property
    def database(self) -> str:
        """The database's address; a relative SQLite path starts from the configuration file."""
        address = self.config.store.database
        prefix = "sqlite:///"
        if address.startswith(prefix):
            return prefix + str(self.folder / address.removeprefix(prefix))
        return address


def read_config(path: Path) -> Place:
    """Read a configuration file. Raises Unavailable when missing, Malformed naming the key."""
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except FileNotFoundError as e:
        raise Unavailable(f"{path}: no such configuration; run openward init") from e
    except OSError as e:
        raise Unavailable(f"{path}: could not be read: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise Malformed(f"{path}: not TOML: {e}") from e
    return Place(_build(HubConfig, raw, ""), path.resolve().parent)


def _build(shape: type[Part], raw: Mapping[str, object], where: str) -> Part:
    hints = get_type_hints(shape)
    unknown = sorted(set(raw) - set(hints))
    if unknown:
        known = ", ".join(sorted(hints))
        raise Malformed(f"configuration: unknown key {where}{unknown[0]}; known here: {known}")
    given: dict[str, object] = {}
    for name, value in raw.items():
        kind = hints[name]
        if isinstance(value, dict):
            if isinstance(kind, type) and kind in (str, int, bool):
                raise Malformed(f"configuration: {where}{name} is a value, not a table")
            given[name] = _build(kind, value, f"{where}{name}.")
        elif type(value) is not kind:
            raise Malformed(f"configuration: {where}{name} takes a {kind.__name__}, not {value!r}")
        else:
            given[name] = value
    return shape(**given)


def write_config(config: HubConfig) -> str:
    """The configuration as TOML, only where it differs from the defaults."""
    return "\n".join(_lines(config, "")) + "\n"


def _lines(part: "DataclassInstance", where: str) -> list[str]:
    values: list[str] = []
    tables: list[str] = []
    for spec in fields(part):
        value = getattr(part, spec.name)
        default = spec.default if spec.default is not MISSING else None
        if isinstance(value, str | int):
            if value != default:
                values.append(f"{spec.name} = {_toml(value)}")
        else:
            inner = _lines(value, f"{where}{spec.name}.")
            tables += inner
    heading = [f"\n[{where.rstrip('.')}]"] if where and values else []
    return heading + values + tables


def _toml(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(map(_toml_character, value)) + '"'


def _toml_character(character: str) -> str:
    # TOML 1.0 section "String": quotes, backslashes and control characters are escaped.
    if character in '"\\' or character < " " or character == "\x7f":
        return f"\\u{ord(character):04x}"
    return character


CONFIGURATION_VARIABLE = "OPENWARD_CONFIG"


def path_in_environment() -> Path:
    """The configuration's path as handed to the server's workers. Raises Unavailable."""
    written = os.environ.get(CONFIGURATION_VARIABLE)  # noqa: TID251  # read once, here
    if not written:
        raise Unavailable(f"{CONFIGURATION_VARIABLE} does not name a configuration file")
    return Path(written)
