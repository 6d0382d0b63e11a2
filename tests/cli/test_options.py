"""An option is declared once, and commands get their options in groups."""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated, get_args, get_type_hints

import typer
from typer.testing import CliRunner

from cdr_anomaly import cli, vocabulary, wording
from cdr_anomaly.cli.command import command
from cdr_anomaly.settings import Settings

COMMANDS = [info.callback for info in cli.app.app.registered_commands]
# Options that mean another thing in each command, though their names are the same.
OF_EACH_COMMAND = {"date", "days", "line", "out", "paths", "seed", "state"}


@dataclass(frozen=True)
class Spices:
    """A group for the tests."""

    salt: Annotated[int, typer.Option(help="Grams of salt.")] = 3
    herbs: Annotated[list[str], typer.Option("--herb", help="A herb.")] = field(
        default_factory=list
    )


@command
def soup(name: str, *, spices: Spices, hot: bool = True) -> None:
    """Cook a soup."""
    sys.stdout.write(f"{name} {spices} {hot}\n")


def test_a_group_stands_at_its_place_in_the_signature() -> None:
    parameters = inspect.signature(soup).parameters
    assert list(parameters) == ["name", "salt", "herbs", "hot"]
    assert parameters["name"].default is inspect.Parameter.empty
    assert [parameters[name].default for name in ("salt", "herbs", "hot")] == [3, [], True]
    assert get_args(parameters["salt"].annotation)[0] is int


def test_a_command_gets_its_groups_built() -> None:
    app = typer.Typer()
    app.command()(soup)
    ran = CliRunner().invoke(app, ["leek", "--salt", "5", "--herb", "dill", "--no-hot"])
    assert ran.output == "leek Spices(salt=5, herbs=['dill']) False\n"
    assert "Grams of salt." in CliRunner().invoke(app, ["--help"]).output


def test_no_command_is_written_with_many_parameters() -> None:
    for function in COMMANDS:
        assert function is not None
        written = inspect.unwrap(function).__code__
        assert written.co_argcount + written.co_kwonlyargcount <= 14


def test_an_option_says_the_same_in_every_command() -> None:
    helps = defaultdict(set)
    for function in COMMANDS:
        assert function is not None
        for name, kind in get_type_hints(function, include_extras=True).items():
            helps[name].add(get_args(kind)[1].help)
    assert {name for name, texts in helps.items() if len(texts) > 1} <= OF_EACH_COMMAND


def test_words_of_options_are_those_of_the_core() -> None:
    assert get_args(vocabulary.Language) == tuple(wording.LANGUAGES)
    assert Settings.model_fields["engine"].annotation == vocabulary.Engine
