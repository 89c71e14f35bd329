"""nn.datasets: the Davis table, and every way in which a table can be wrong."""

from pathlib import Path

import pytest

from nn.datasets import DatasetError, Person, davis, parse_people, read_people

HEADER = "sex,weight_kg,height_cm\n"
NO_ADULT = "a weight of {} kg exceeds a height of {} cm, and exchanging the two makes no adult of them"


def left_out(text: str, **options: str) -> list[str]:
    table = parse_people(text, **options)  # type: ignore[arg-type]
    return [str(note) for note in table.report.left_out]


def test_davis_has_two_hundred_people_and_its_swapped_row_is_repaired() -> None:
    table = davis()
    assert len(table.people) == table.report.rows == 200
    assert table.people[8] == Person(9, "M", 71.0, 178.0)
    assert table.people[11] == Person(12, "F", 57.0, 166.0)
    assert table.report.left_out == ()
    assert [str(note) for note in table.report.repaired] == [
        "row 12 (line 13): a weight of 166 kg exceeds a height of 57 cm; exchanged to 57 kg, 166 cm"
    ]
    assert sum(person.male for person in table.people) == 88


def test_davis_with_the_swapped_row_rejected() -> None:
    table = davis("reject")
    assert len(table.people) == 199
    assert 12 not in {person.row for person in table.people}
    assert str(table.report) == (
        "Davis (1990): 200 rows, 199 used (0 of them repaired), 1 left out\n"
        "  left out: row 12 (line 13): a weight of 166 kg exceeds a height of 57 cm: the two were exchanged when "
        "they were recorded"
    )


def test_swapped_is_one_of_two_words() -> None:
    with pytest.raises(ValueError, match=r'swapped must be "repair" or "reject", not \'fix\''):
        davis("fix")  # type: ignore[arg-type]


def test_davis_stands_beside_its_source() -> None:
    import nn

    note = Path(nn.__file__).with_name("data") / "davis.txt"
    assert "C. Davis (1990)" in note.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",70,170", "sex is missing"),
        ("X,70,170", "sex is 'X': M or F is needed"),
        ("M,,170", "weight_kg is missing"),
        ("M,70,", "height_cm is missing"),
        ("M,seventy,170", "weight_kg is 'seventy': a number is needed"),
        ('M,"70,5",170', "weight_kg is '70,5': a number is needed (write a decimal point, not a comma)"),
        ("M,7_0,170", "weight_kg is '7_0': a number is needed"),
        ("M,\u0667\u0660,170", "weight_kg is '\\u0667\\u0660': a number is needed"),
        ("M,nan,170", "weight_kg is 'nan': a finite number is needed"),
        ("M,70,inf", "height_cm is 'inf': a finite number is needed"),
        ("M,1e999,170", "weight_kg is '1e999': a finite number is needed"),
        ("M,0,170", "weight_kg is 0: it must be positive"),
        ("M,70,-170", "height_cm is -170: it must be positive"),
        ("M,70", "2 fields, where the header has 3"),
        ("M,70,170,1", "4 fields, where the header has 3"),
        (
            "M,70,1.7",
            "a weight of 70 kg exceeds a height of 1.7 cm, and exchanging the two makes no adult of them",
        ),
        (
            "M,300,170",
            "a weight of 300 kg exceeds a height of 170 cm, and exchanging the two makes no adult of them",
        ),
        ("M,70,1700", "height_cm is 1700: no person on record is as tall"),
        ("M,700,1700", "weight_kg is 700: no person on record weighs as much"),
        ("M," + "9" * 60 + "x,170", "weight_kg is '" + "9" * 37 + "...': a number is needed"),
    ],
)
def test_an_unusable_row_is_reported_by_number_with_the_reason(row: str, reason: str) -> None:
    table = parse_people(f"{HEADER}F,60,165\n{row}\nM,80,180\n")
    assert [str(note) for note in table.report.left_out] == [f"row 2 (line 3): {reason}"]
    assert [person.row for person in table.people] == [1, 3]
    assert table.report.rows == 3


def test_the_rule_for_exchanged_measurements_looks_at_the_numbers_alone() -> None:
    text = f"{HEADER}F,165,60\nM,180,81\nM,100,180\n"
    assert [(p.weight_kg, p.height_cm) for p in parse_people(text).people] == [
        (60, 165),
        (81, 180),
        (100, 180),
    ]
    assert [p.row for p in parse_people(text, swapped="reject").people] == [3]


def test_rows_are_numbered_by_their_own_column() -> None:
    text = "row,sex,weight_kg,height_cm\n7,F,60,165\n7,M,80,180\nx,M,80,180\n,M,80,180\n-1,M,80,180\n9,X,80,180\n"
    assert left_out(text) == [
        "a row without a number (line 3): the row number 7 is there a second time",
        "a row without a number (line 4): the row number is 'x': a whole number from 1 up is needed",
        "a row without a number (line 5): the row number is '': a whole number from 1 up is needed",
        "a row without a number (line 6): the row number is '-1': a whole number from 1 up is needed",
        "row 9 (line 7): sex is 'X': M or F is needed",
    ]


@pytest.mark.parametrize("name", ["M", "m", "Male", " male "])
def test_the_words_for_a_sex(name: str) -> None:
    assert parse_people(f"{HEADER}{name},80,180\n").people == (Person(1, "M", 80.0, 180.0),)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfsex,weight_kg,height_cm\r\nF,60,165\r\n",
        b"sex,weight_kg,height_cm\rF,60,165",
        b"\n\n Height_cm , extra, SEX,weight_kg\n\n165,,F,60\n,,,\n",
    ],
    ids=["byte order mark and CRLF", "CR", "other order, spaces, empty lines"],
)
def test_any_such_file_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    assert read_people(path).people == (Person(1, "F", 60.0, 165.0),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: the first line must name the columns sex, weight_kg, height_cm"),
        (b" \n\n", "is empty"),
        (b"sex,weight_kg,height_cm\n", "has a header and no rows"),
        (b"sex;weight_kg;height_cm\nM;70;170\n", "separates its fields by semicolons: save it with commas"),
        (b"sex\tweight_kg\theight_cm\n", "separates its fields by tabs"),
        (
            b"sex,weight,height\nM,70,170\n",
            "has no column weight_kg, height_cm; its first line has 'sex', 'weight', 'h",
        ),
        (
            b"M,70,170\nF,60,165\n",
            "has no column sex, weight_kg, height_cm; its first line has 'm', '70', '170'",
        ),
        (b"sex,sex,weight_kg,height_cm\n", "has two columns sex"),
        (
            b"sex,weight_kg,height_cm\nX,70,170\nM,,1\n",
            "has no usable row; the first of 2: row 1 (line 2): sex is 'X'",
        ),
        (b'sex,weight_kg,height_cm\nM,"70,170\n', "is broken CSV: unexpected end of data"),
        (
            b"sex,weight_kg,height_cm\nM," + b"7" * 200_000 + b",170\n",
            "is broken CSV: field larger than field limit",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a binary file: a CSV file of text is needed"),
        (
            b"sex,weight_kg,height_cm\nM\xe4nnlich,70,170\n",
            "is not UTF-8 text (byte 25): save it as CSV in UTF-8",
        ),
        ("sex,weight_kg\n".encode("utf-16"), "is UTF-16 text: save it as CSV in UTF-8"),
    ],
)
def test_a_file_that_is_no_such_table(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_people(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_and_a_folder_are_os_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_people(tmp_path / "nobody.csv")
    with pytest.raises(IsADirectoryError):
        read_people(tmp_path)
