"""Reviewing in a real browser: verdicts by key and mouse are kept, saved, read again and merged; nothing in a file runs."""

import json

import pytest

from lenssbi import catalogue
from lenssbi.catalogue.reviewed import with_verdicts
from lenssbi.catalogue.verdicts import SCHEMA, Verdict, read_verdicts
from lenssbi.pipelines import pages
from lenssbi.pipelines.report import build
from lenssbi.pipelines.report import page as page_module

from ..browser import wait_until, watched
from .made_up_report import CARD, HOSTILE, hostile, rows, thumbnails
from .test_report_browser import flagged_first

COUNT = 30
TIME = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def table():
    return catalogue.build(rows(COUNT))


def written(table, path, identity="c", pictures=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_module, "draw", lambda *_: [])
        card = CARD | {"catalogue": identity, "fits": {str(name): f"fit of {name}" for name in table["name"]}}
        return pages.write(build(table, card, thumbnails(table), "", pictures), path)


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    return written(table, tmp_path_factory.mktemp("review") / "report.html")


@pytest.fixture
def opened(started, path):
    with watched(started) as found:
        found.open(path)
        yield found.page
        found.requests = [address for address in found.requests if not address.startswith("blob:")]
        found.assert_quiet()


def named(page, name="Ada"):
    page.get_by_role("button", name="Name", exact=True).click()
    page.get_by_role("textbox", name="name of the reviewer").fill(name)
    page.get_by_role("button", name="Continue").click()


def open_lens(page, name):
    page.locator("#rows").get_by_role("button", name=name, exact=True).click()


def save(page, path):
    with page.expect_download() as held:
        page.get_by_role("button", name="Save verdicts").click()
    held.value.save_as(path)
    return held.value.suggested_filename


def load(page, path, text):
    path.write_text(text)
    page.locator("#review-file").set_input_files(path)
    wait_until(page, "document.getElementById('review-said').textContent !== ''")
    return page.locator("#review-said").inner_text()


def file_of(*entries, **changes):
    found = [{"verdict": "success", "failed_step": "", "note": "", "time": TIME, "fit": "", **one} for one in entries]
    return json.dumps(
        {"schema": SCHEMA, "catalogue": "c", "reviewer": "Ada", "saved": "", "verdicts": found, **changes}
    )


def test_the_first_verdict_asks_for_a_name_once(opened, table):
    second, third = flagged_first(table)[1:3]
    open_lens(opened, second)
    opened.keyboard.press("1")
    assert opened.get_by_role("dialog", name="Who reviews?").is_visible()
    assert opened.locator("#who-name").input_value() == "", "the key is not typed into the field"
    opened.keyboard.type("Ada\u202e  L")
    opened.keyboard.press("Enter")
    assert opened.locator("#review-name").inner_text() == "Ada L"
    assert opened.get_by_role("button", name="success").get_attribute("aria-pressed") == "true"
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("2")
    assert opened.locator("#who").is_hidden()
    assert opened.get_by_role("dialog", name=third).is_visible(), "Enter has pressed no other button"
    assert opened.locator("#review-count").inner_text() == "2 of 30 lenses reviewed"


def test_keys_mouse_save_load_and_merge(opened, started, path, table, tmp_path):
    first, second, third = flagged_first(table)[:3]
    named(opened, "Ada Lovelace")
    open_lens(opened, first)
    steps = opened.get_by_role("group", name="earliest step")
    assert steps.is_hidden()
    for key in ("6", "b", "n"):
        opened.keyboard.press(key)
    opened.keyboard.type("1 <b>bold</b> n")
    opened.keyboard.press("Escape")
    assert opened.get_by_role("dialog", name=first).is_visible(), "Escape leaves the note, not the lens"
    opened.get_by_role("button", name="next lens", exact=True).click()
    opened.get_by_role("button", name="failure").click()
    steps.get_by_role("button", name="lens light").click()
    opened.get_by_role("button", name="not a lens").click()
    assert steps.is_hidden()
    opened.get_by_label("next lens after a verdict").check()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("3")
    assert opened.locator("#lens-place").inner_text() == "4 of 30"
    opened.get_by_role("button", name="Close").click()
    cells = [opened.locator("#rows tr:not(.space)").nth(row).locator("td").nth(3).inner_text() for row in range(4)]
    assert [cell.split() for cell in cells] == [
        ["failure✎", "basin"],
        ["not", "a", "lens"],
        ["several", "lens", "galaxies"],
        [],
    ]
    assert opened.locator("#review-late").inner_text() == "3 not saved to a file"
    assert save(opened, tmp_path / "ada.json") == "verdicts-Ada_Lovelace.json"
    assert opened.locator("#review-late").inner_text() == ""
    found = read_verdicts(tmp_path / "ada.json", "c", set(table["name"]))
    assert [(one.lens, one.reviewer, *one[2:5], one.fit) for one in found] == [
        (first, "Ada Lovelace", "failure", "basin", "1 <b>bold</b> n", f"fit of {first}"),
        (second, "Ada Lovelace", "not_a_lens", "", "", f"fit of {second}"),
        (third, "Ada Lovelace", "several_lens_galaxies", "", "", f"fit of {third}"),
    ]
    with watched(started) as other:  # another browser, where nothing is kept
        page = other.open(path)
        assert page.locator("#review-count").inner_text() == "0 of 30 lenses reviewed"
        assert load(page, tmp_path / "copy.json", (tmp_path / "ada.json").read_text()).startswith("3 verdicts read, 3")
        assert page.locator("#review-name").inner_text() == "Ada Lovelace"
        open_lens(page, first)
        assert page.locator("#review-note").input_value() == "1 <b>bold</b> n"
        page.keyboard.press("0")
        assert page.locator("#review-count").inner_text() == "2 of 30 lenses reviewed"
        other.assert_quiet()


def test_verdicts_are_kept_by_the_browser_for_their_catalogue_only(opened, path, table, tmp_path):
    first = flagged_first(table)[0]
    named(opened)
    open_lens(opened, first)
    opened.keyboard.press("5")
    opened.reload()
    assert opened.locator("#review-count").inner_text() == "1 of 30 lenses reviewed"
    assert opened.locator("#review-name").inner_text() == "Ada"
    opened.evaluate("localStorage.setItem(PLACE, '{\"schema\": 3')")
    opened.reload()
    assert opened.locator("#review-count").inner_text() == "0 of 30 lenses reviewed", "what is damaged is not read"


def test_another_catalogue_has_verdicts_of_its_own(started, path, table, tmp_path):
    with watched(started) as found:
        page = found.open(path)
        named(page)
        page.evaluate("judge(0, { verdict: 'success' })")
        page = found.open(written(table, tmp_path / "other.html", "d"))
        assert page.locator("#review-count").inner_text() == "0 of 30 lenses reviewed"
        assert page.locator("#review-name").inner_text() == "no name yet"
        found.assert_quiet()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not a JSON file"),
        ("null", "not a file of verdicts"),
        (file_of(catalogue="d"), "another catalogue"),
        (file_of(schema="lenssbi-verdicts-9"), "another version"),
        (file_of(reviewer="Bob"), "of Bob, and you are Ada"),
        (file_of({"lens": "<img src=x onerror=alert(1)>"}), 'entry of "<img src=x onerror=alert(1)>" is not valid'),
        (file_of({"lens": "lens 00001", "verdict": "__proto__"}), "is not valid"),
        (file_of({"lens": "lens 00001", "failed_step": "mask"}), "is not valid"),
        (file_of({"lens": "lens 00001", "time": "then"}), "is not valid"),
        (file_of({"lens": "lens 00001", "note": ["x"]}), "is not valid"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(opened, tmp_path, text, sentence):
    named(opened)
    assert sentence in load(opened, tmp_path / "x.json", text)
    assert opened.locator("#review-count").inner_text() == "0 of 30 lenses reviewed"
    assert opened.locator("#review-said img").count() == 0


def test_nothing_in_a_file_runs(started, tmp_path):
    table = hostile()
    page_file = written(table, tmp_path / "report.html")
    entries = [{"lens": text, "note": text, "fit": f"fit of {text}"} for text in HOSTILE]
    with watched(started) as found:
        page = found.open(page_file)
        read = load(page, tmp_path / "x.json", file_of(*entries, reviewer="<img src=x onerror=alert(1)>"))
        assert read.startswith(f"{len(HOSTILE)} verdicts read")
        assert page.locator("#review-name").inner_text() == "<img src=x onerror=alert(1)>"
        page.locator("#rows .name").first.click()
        for number, text in enumerate(HOSTILE):
            assert page.locator("#review-note").input_value() == text
            page.keyboard.press("ArrowRight")
            assert page.locator("#lens-place").inner_text() == f"{min(number + 2, len(HOSTILE))} of {len(HOSTILE)}"
        assert page.locator("#review img, #lens-body b, #review script").count() == 0
        found.assert_quiet()


def test_a_verdict_on_an_earlier_result_is_asked_for_anew(opened, tmp_path):
    load(opened, tmp_path / "x.json", file_of({"lens": "lens 00001", "verdict": "unsure", "fit": "old"}))
    assert opened.locator("#review-count").inner_text() == "0 of 30 lenses reviewed"
    opened.get_by_role("searchbox", name="Name").fill("lens 00001")
    open_lens(opened, "lens 00001")
    assert opened.locator("#review-earlier").inner_text() == "Your verdict on an earlier result was: unsure."


def test_the_later_of_two_verdicts_stays(opened, tmp_path):
    mine = {"lens": "lens 00001", "fit": "fit of lens 00001"}
    load(opened, tmp_path / "x.json", file_of({**mine, "verdict": "unsure", "time": "2026-01-02T00:00:00Z"}))
    opened.evaluate("tell('')")
    assert load(opened, tmp_path / "y.json", file_of(mine)).startswith("1 verdicts read, 0 of them")
    assert opened.evaluate("current(numbers.get('lens 00001')).verdict") == "unsure"


def test_the_table_filters_and_sorts_by_verdict(started, table, tmp_path):
    said = {
        "lens 00001": [Verdict("lens 00001", who, "failure", "mask", "<i>", TIME, "") for who in ("Ada", "Bob")],
        "lens 00002": [Verdict("lens 00002", "Ada", "success", "", "", TIME, "")],
    }
    with watched(started) as found:
        page = found.open(written(with_verdicts(table, said), tmp_path / "report.html"))
        page.locator("#heads").get_by_role("button", name="Verdict").click()
        cells = page.locator("#rows tr:not(.space)")
        assert [cells.nth(row).locator("th").inner_text() for row in (0, 1)] == ["lens 00001", "lens 00002"]
        assert cells.first.locator("td").nth(3).inner_text().split("\n") == ["failure", "2 of 2 reviewers"]
        page.get_by_role("combobox", name="Verdict", exact=True).select_option("success")
        assert page.locator("#count").inner_text() == "1 of 30 lenses"
        page.get_by_role("combobox", name="Verdict", exact=True).select_option("none")
        assert page.locator("#count").inner_text() == "28 of 30 lenses"
        found.assert_quiet()


@pytest.mark.parametrize("width", [1400, 700])
def test_radius_flags_and_verdict_are_in_view(started, path, width):
    with watched(started, width) as found:
        page = found.open(path)
        right = page.locator("#region").evaluate("region => region.getBoundingClientRect().right")
        for title in ("Einstein radius", "Flags", "Verdict"):
            head = page.locator("#heads th", has_text=title)
            assert head.evaluate("head => head.getBoundingClientRect().right") <= right + 1, title
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found.assert_quiet()
