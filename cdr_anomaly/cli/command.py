"""Groups of options: a command takes dataclasses, and Typer sees the single options in them."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function of single options, which builds the groups and calls ``function``.

    Each parameter of ``function`` whose type is a dataclass is a group. Its fields stand in the
    signature at the place of the parameter, in their order, with their types and defaults.
    """
    types = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in types.items() if is_dataclass(kind)}
    options = list(_options(function, types))

    @wraps(function)
    def run(**values: Any) -> None:
        built = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        function(**values, **built)

    run.__signature__ = Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options(function: Callable[..., None], types: dict[str, Any]) -> Iterator[Parameter]:
    for parameter in signature(function).parameters.values():
        kind = types[parameter.name]
        if not is_dataclass(kind):
            yield parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=kind)
            continue
        of_fields = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            yield Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=_default(field),
                annotation=of_fields[field.name],
            )


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return Parameter.empty if field.default is MISSING else field.default
