"""What stands for a number: its token, and what is shown beside it."""

from __future__ import annotations

import hmac
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly import numbering
from cdr_anomaly.numbering import caller_id, pseudonyms
from cdr_anomaly.privacy import key, pseudonymiser
from tests.helpers.pseudonym_twins import KEY, SECRET, maker

CHINA = numbering.home_plan("CN")
ANNA, BO = "+8613812345678", "+8613812345679"
WRITTEN = st.one_of(
    st.from_regex(r"\A\+[1-9][0-9]{1,14}\Z"),
    st.from_regex(r"\A\+86[0-9]{2,13}\Z").filter(lambda n: len(n) <= 16),
    st.from_regex(r"\A(1[3-9][0-9]{9}|0[1-9][0-9]{8,10}|9[56][0-9]{3,6}|[1-9][0-9]{2,12})\Z"),
    st.sampled_from(["110", "95588", "+999", "sip:anna", "00861381234", "1064912345678"]),
)


def spelled(*written: str) -> pl.Series:
    table = pl.DataFrame({"line": written}, {"line": pl.String})
    return table.select(numbering.line_text(pl.col("line"), CHINA)).to_series()


def test_a_token_is_an_hmac_as_the_standard_library_makes_it() -> None:
    own = pseudonymiser.Pseudonymiser(KEY, CHINA).line_columns(spelled(ANNA))
    slow = hmac.new(SECRET.hex().encode(), f"num:{ANNA}".encode(), "sha256").hexdigest()
    assert own["number"].item() == slow[:32] == KEY.hmac_text("num", ANNA)[:32]


def test_every_written_form_of_a_number_has_one_token() -> None:
    forms = (ANNA, "13812345678", "008613812345678", "8613812345678", "138 1234 5678")
    assert maker().pseudonymise_lines(spelled(*forms)).n_unique() == 1


def test_another_key_or_another_kind_of_thing_has_another_token() -> None:
    other = pseudonymiser.Pseudonymiser(key.Key(SECRET + b"x"), CHINA)
    one = pl.DataFrame({"x": [ANNA]})
    told = [
        one.select(m.token(pl.col("x"), kind)).item()
        for m in (maker(), other)
        for kind in (
            pseudonymiser.NUMBER,
            pseudonymiser.HANDSET,
            pseudonymiser.IDENTITY,
            pseudonymiser.CALL,
        )
    ]
    assert len(set(told)) == len(told) == 8


@pytest.mark.parametrize(
    ("number", "block", "number_class"),
    [
        (ANNA, "+861381234xxxx", "mobile"),
        ("+8613442791234", "+861344279xxxx", "mobile"),
        ("95588", "95xxx", "short_95"),  # two digits tell 95 codes from 96 codes
        ("110", "11x", "emergency"),
        ("+442079461234", r"\+44207946[a-j]xxx", "international"),  # a pool has 1000 numbers
        ("+861012345678", r"\+86101234[a-j]xxx", "fixed"),  # a block has seven national digits
        ("sip:anna", None, "unknown"),
    ],
)
def test_four_digits_are_hidden(number: str, block: str | None, number_class: str) -> None:
    own = maker().line_columns(spelled(number))
    assert own["class"].item() == number_class
    assert own.filter(pl.col("block").str.contains(f"^{block}$")).height or (
        own["block"].item() == block
    )


def test_a_letter_stands_for_one_digit_after_the_same_digits() -> None:
    numbers = [f"+44207946{digit}001" for digit in range(10)]
    shown = [block[-4] for block in maker().line_columns(spelled(*numbers))["block"]]
    assert sorted(shown) == list(pseudonymiser.LETTERS)
    elsewhere = [f"+44207947{digit}001" for digit in range(10)]
    others = [block[-4] for block in maker().line_columns(spelled(*elsewhere))["block"]]
    assert sorted(others) == sorted(shown)
    assert others != shown


@settings(deadline=None, max_examples=15)
@given(st.lists(WRITTEN, min_size=1, max_size=60))
def test_a_pseudonym_tells_what_detectors_ask_of_a_number(written: list[str]) -> None:
    clear = spelled(*written).drop_nulls().unique().sort()
    own = maker().pseudonymise_lines(clear)
    asked = {
        "class": lambda line: numbering.number_class(line, CHINA),
        "abroad": lambda line: numbering.is_abroad(line, CHINA, as_text=True),
        "at_home": lambda line: caller_id.is_home_number(line, CHINA, as_text=True),
        "elsewhere": lambda line: caller_id.is_foreign_number(line, CHINA, as_text=True),
        "impossible": lambda line: caller_id.impossible_reason(line, CHINA).text,
        "has_block": lambda line: numbering.number_block(line, CHINA, 7).is_not_null(),
        "first_digits": lambda line: numbering.number_block(line, CHINA, 4).str.head(3),
    }
    told = [
        pl.DataFrame({"line": lines}).select(**{n: of(pl.col("line")) for n, of in asked.items()})
        for lines in (clear, own)
    ]
    assert told[0].to_dicts() == told[1].to_dicts()
    taken = pl.DataFrame({"line": own}).select(
        one=pseudonyms.is_pseudonym(pl.col("line")), token=pseudonyms.token_of(pl.col("line"))
    )
    assert taken["one"].all()
    assert taken["token"].to_list() == [KEY.hmac_text("num", line)[:32] for line in clear]


def test_lines_are_in_one_block_as_before_and_neighbours_stay_neighbours() -> None:
    random = Random(1)  # noqa: S311 - no secret
    numbers = {
        f"+{random.choice([8613812345678, 861012345678, 442079461234]) + step}"
        for step in range(40)
    }
    clear = spelled(*sorted(numbers))
    table = pl.DataFrame({"clear": clear, "own": maker().pseudonymise_lines(clear)})
    digits = table.select(
        pl.all().map_batches(lambda s: s),
        was=numbering.e164_number(pl.col("clear"), pl.String()),
        now=numbering.e164_number(pl.col("own"), pl.String()),
    )
    for one, other in zip(digits.to_dicts(), digits.to_dicts()[1:], strict=False):
        same = one["was"] // pseudonyms.BLOCK_SIZE == other["was"] // pseudonyms.BLOCK_SIZE
        apart = (other["now"] - one["now"] - (other["was"] - one["was"])) % pseudonyms.BLOCK_SIZE
        assert not same or apart == 0
        assert one["was"] // pseudonyms.BLOCK_SIZE == one["now"] // pseudonyms.BLOCK_SIZE


def test_without_neighbours_the_place_in_a_block_is_chance() -> None:
    clear = spelled(*(f"+{8613812340000 + n}" for n in range(200)))
    own = maker(neighbours=False).pseudonymise_lines(clear)
    table = pl.DataFrame({"own": own}).select(now=numbering.e164_number(pl.col("own"), pl.String()))
    steps = table["now"].diff().drop_nulls()
    assert (table["now"] // pseudonyms.BLOCK_SIZE == 861381234).all()
    assert (steps == 1).sum() < 5
    assert not own.str.contains(r"~\d{4}$").any()


def test_a_handset_is_known_by_its_first_fourteen_digits() -> None:
    table = pl.DataFrame({"x": ["352099001761481", "35209900176148", "3520990017614823", "odd"]})
    told = table.select(**maker().handset_columns(pl.col("x")))
    assert told["imei"][:3].n_unique() == 1
    assert told["imei_model"].to_list() == ["35209900"] * 3 + [None]


def test_a_key_shows_itself_nowhere() -> None:
    assert SECRET.decode() not in repr(KEY) + str(KEY)
    assert SECRET.hex() not in repr(KEY)
    lazy = pl.LazyFrame({"x": [ANNA]}).select(maker().token(pl.col("x")))
    assert SECRET.hex() not in lazy.explain() + str(lazy)
    with pytest.raises(TypeError, match="not to be stored"):
        __import__("copy").copy(KEY)
