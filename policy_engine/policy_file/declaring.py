"""How keys are declared: a class for a mapping, a field for a key, and what it says of itself.

A class of `Keys` is the one place where the keys of a mapping stand: `reading` reads them, and the
JSON Schema, the reference and "did you mean" are made of the same fields.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from policy_engine.policy_file.reading import Written
    from policy_engine.policy_file.shapes import NodePlace


class ReadAs(NamedTuple):
    """How a value is read, in an `Annotated` type, where the type alone does not tell.

    Attributes:
        read: Returns the value, or notes what is wrong with it and returns None.
        kind: What is written there, for the reference.
    """

    read: Callable[["NodePlace"], Any]
    kind: str


class Said(NamedTuple):
    """What neither the type nor the default of a key tells.

    Attributes:
        due: What a text is, in "expected …, got …".
        kind: What is written there, for the reference.
        unsaid: What holds where the key is left out, for the reference.
    """

    due: str = "text"
    kind: str | None = None
    unsaid: str | None = None


WITHOUT_DOCSTRINGS = 2
"""From which level of optimization on (`-OO`) Python drops what a class says of itself."""


class Keys(BaseModel):
    """The keys of a mapping: each field is one, with its type, meaning, default and an example.

    A value of it is what was written. It is made by `read_keys`, not by pydantic's validation: that
    knows no lines.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # only a JSON Schema builds it
    )

    is_never_empty: ClassVar[bool] = False
    """Whether one key is needed, whichever."""
    one_of: ClassVar[tuple[str, ...]] = ()
    """Keys of which one is needed, and no more."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a key that says nothing of itself.

        Raises:
            TypeError: If a field has no description, and its type is no `Keys` that has one.
        """
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if not meaning(field) and sys.flags.optimize < WITHOUT_DOCSTRINGS:
                raise TypeError(
                    f"{cls.__module__}.{cls.__name__}.{name} says nothing of itself: "
                    "give it a Field(description=…)"
                )

    @classmethod
    def due(cls) -> list[str]:
        """Return the keys that must be written."""
        return [name for name, field in cls.model_fields.items() if field.is_required()]

    def check(self, written: "Written") -> None:
        """Note what is wrong with its values together, each being right by itself."""


def bare(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[Any, Sequence[Any]]:
    """Return a type without `None` and `Annotated`, and all that those said of it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(parts[0], [*metadata, *parts[1:]])
    if origin in (Union, UnionType):
        kinds = [part for part in parts if part is not NoneType]
        if len(kinds) == 1:
            return bare(kinds[0], metadata)
    return annotation, metadata


def meaning(field: FieldInfo) -> str:
    """Return what a key says: its description, or what the docstring of its own keys says."""
    if field.description:
        return field.description
    kind = bare(field.annotation)[0]
    return meaning_of(kind) if isinstance(kind, type) and issubclass(kind, Keys) else ""


def meaning_of(keys: type[Keys]) -> str:
    """Return what a mapping with these keys says."""
    return " ".join((keys.__doc__ or "").partition("\n\n")[0].split())


def example_of(name: str, field: FieldInfo) -> str:
    """Return a key as people write it: `name: value`."""
    return f"{name}: {flow(examples(field)[0])}"


def examples(field: FieldInfo) -> list[Any]:
    """Return values that a key may have: of a choice its words, else what the field declares."""
    return field.examples or list(get_args(bare(field.annotation)[0])) or ["…"]


def flow(value: Any) -> str:
    """Return a value as people write it in one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f'"{text}"' if "*" in text or text.startswith("@") else text
