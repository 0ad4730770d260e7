"""The page of a catalogue in a real browser: it opens, sorts, filters, shows thumbnails, and nothing hostile in it runs."""

import time
from urllib.parse import unquote

import numpy as np
import pytest

from lenssbi import catalogue
from lenssbi.pipelines import pages
from lenssbi.pipelines.report import build
from lenssbi.pipelines.report import page as page_module

from ..browser import wait_until, watched
from .made_up_report import CARD, HOSTILE, hostile, rows, thumbnails
from .report_page import CHOICES, FILTERS, LOADED, count, field, names

COUNT = 300


@pytest.fixture(scope="module")
def table():
    return catalogue.build(rows(COUNT))


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    return pages.write(build(table, CARD, thumbnails(table)), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def opened(started, path):
    """The page, which is quiet to the end of every test."""
    with watched(started) as found:
        found.open(path)
        yield found.page
        found.assert_quiet()


def flagged_first(table):
    flagged = np.array(table["needs_human"])
    return [*np.array(table["name"])[flagged], *np.array(table["name"])[~flagged]]


def test_it_opens_with_the_flagged_lenses_first(opened, table):
    found = names(opened)
    assert found == flagged_first(table)[: len(found)]
    assert 8 < len(found) < 40
    assert count(opened) == "300 of 300 lenses"
    assert opened.get_by_text("scripts are disabled").is_hidden()
    assert "unlike the network's training" in opened.locator("#rows tr").nth(1).inner_text()


def test_places_on_the_sky_are_sexagesimal_and_flags_are_flags(started, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "draw", lambda *_: [])
    places = [{"ra": 57.25, "dec": -20.5}, {"ra": 359.99999999, "dec": 22.0145}, {}]
    table = catalogue.build([row | place for row, place in zip(rows(3), places, strict=True)])
    with watched(started) as found:
        found.open(pages.write(build(table, CARD | {"name": "my run"}, {}), tmp_path / "page.html"))
        text = found.page.locator("#rows").inner_text()
        heads = found.page.locator("#heads").inner_text()
        assert found.page.title().startswith("my run: ")
        found.assert_quiet()
    for place in ("03:49:00.00", "−20:30:00.0", "00:00:00.00", "+22:00:52.2"):
        assert place in text
    assert "h:m:s" in heads
    assert "Flags" in heads


def test_thumbnails_are_pictures(opened):
    pictures = opened.locator("#rows img")
    assert pictures.count() > 5
    wait_until(opened, f"({LOADED})([...document.querySelectorAll('#rows img')])")
    assert pictures.first.get_attribute("alt").startswith("data, model, residual and source of lens ")
    assert opened.evaluate("[...document.querySelectorAll('figure img')].every(image => image.naturalWidth > 0)")


def test_a_column_sorts_both_ways_and_back(opened, table):
    head = opened.locator("#heads th", has_text="Einstein radius")
    radius = np.array(table["einstein_radius"])
    rising = list(np.array(table["name"])[np.argsort(radius)][: np.isfinite(radius).sum()])
    assert head.get_attribute("aria-sort") == "none"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(opened)[:8] == rising[:8]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert names(opened)[:8] == rising[::-1][:8]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "none"
    assert names(opened)[:8] == flagged_first(table)[:8]


def test_a_fit_shows_the_network_beside_it(opened):
    opened.get_by_role("searchbox", name="Name").fill("lens 00003")
    cells = opened.locator("#rows .net").all_inner_texts()
    assert len(cells) == 3
    assert all(text.startswith("network ") and "±" in text for text in cells)
    tall = "rows => rows.map(row => row.offsetHeight)"
    (height,) = opened.locator("#rows tr:not(.space)").evaluate_all(tall)
    opened.get_by_role("searchbox", name="Name").fill("lens 0000")
    assert set(opened.locator("#rows tr:not(.space)").evaluate_all(tall)) == {height}, "its lines fit into a row"
    opened.get_by_role("button", name="lens 00003").click()
    shown = opened.locator("#lens-body")
    assert shown.locator("thead th").all_inner_texts() == ["", "fit", "network", ""]
    radius = shown.locator("tbody tr").first.locator("td").all_inner_texts()
    fit, network = (float(text.split("+")[0]) for text in radius[:2])
    assert network == pytest.approx(1.1 * fit, abs=0.02)
    assert "flags of the network" in shown.inner_text()


def test_a_networks_row_has_no_second_column(opened):
    opened.get_by_role("searchbox", name="Name").fill("lens 00001")
    assert opened.locator("#rows .net").count() == 0
    opened.get_by_role("button", name="lens 00001").click()
    assert opened.locator("#lens-body thead").count() == 0


def test_lenses_without_a_number_come_last_either_way(opened, table):
    failed = set(np.array(table["name"])[np.array(table["status"]) != "done"])
    button = opened.get_by_role("button", name="Einstein radius")
    for _ in range(2):
        button.click()
        opened.evaluate("region.scrollTop = region.scrollHeight")
        wait_until(opened, "rows.has(order[order.length - 1])")
        assert set(names(opened)[-len(failed) :]) == failed


def test_a_filter_keeps_what_it_says(opened, table):
    for label, value, wanted in FILTERS:
        one = field(opened, label)
        one.select_option(value) if label in CHOICES else one.fill(value)
        kept = [row["name"] for row in table if wanted(row)]
        assert 0 < len(kept) < COUNT
        assert count(opened) == f"{len(kept)} of 300 lenses", label
        assert set(names(opened)) <= set(kept), label
        opened.get_by_role("button", name="Reset").click()
        assert count(opened) == "300 of 300 lenses", label


def test_filters_add_up_and_may_leave_nothing(opened, table):
    field(opened, "Method").select_option("refined")
    opened.get_by_role("button", name="Add a range").click()
    second = opened.locator(".range").nth(1)
    field(second, "Range of").select_option("error of q")
    field(second, "from").fill("0.01")
    field(opened.locator(".range").first, "from").fill("1")
    kept = sum((row["method"] == "refined") and row["einstein_radius"] >= 1 for row in table)
    assert count(opened) == f"{kept} of 300 lenses"
    assert opened.locator("#nothing").is_hidden()
    field(opened, "Name").fill("nobody is called that")
    assert names(opened) == []
    assert opened.locator("#nothing").is_visible()


def test_only_rows_in_view_are_there_and_all_can_be_reached(opened, table):
    assert opened.locator("#rows tr:not(.space)").count() < 40
    assert opened.locator("#table").get_attribute("aria-rowcount") == "301"
    opened.evaluate("region.scrollTop = region.scrollHeight")
    wait_until(opened, "rows.has(order[order.length - 1])")
    assert names(opened)[-1] == flagged_first(table)[-1]
    assert opened.locator("#rows tr:not(.space)").last.get_attribute("aria-rowindex") == "301"
    assert opened.locator("#rows tr:not(.space)").count() < 40


def test_the_keyboard_is_enough(opened, table):
    first, second = flagged_first(table)[:2]
    opened.locator("#rows .name").first.focus()
    opened.keyboard.press("Enter")
    dialog = opened.get_by_role("dialog", name=first)
    assert dialog.is_visible()
    opened.keyboard.press("ArrowRight")
    assert opened.get_by_role("dialog", name=second).is_visible()
    assert opened.locator("#lens-place").inner_text() == "2 of 300"
    opened.keyboard.press("Escape")
    assert opened.locator("#lens").is_hidden()
    wait_until(opened, f"document.activeElement.textContent === '{second}'")


def test_a_reader_hears_a_table(opened):
    found = opened.get_by_role("table", name="Every lens")
    assert found.get_by_role("columnheader").count() == opened.evaluate("columns.length")
    assert found.get_by_role("rowheader").count() == len(names(opened))
    unnamed = "[...document.querySelectorAll('input, select')].filter(field => !field.labels.length).length"
    assert opened.evaluate(unnamed) == 0


def test_links_lead_below_the_page(opened, path):
    field(opened, "Method").select_option("refined")
    link = opened.get_by_role("link", name="posterior of lens 00003")
    folder = path.parent.as_uri()
    assert unquote(link.evaluate("link => link.href")) == unquote(f"{folder}/lenses/lens 00003.h5")


@pytest.mark.parametrize("width", [1400, 420])
def test_the_page_is_never_wider_than_the_window(started, path, width):
    with watched(started, width) as found:
        assert found.open(path).evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_summary_is_there(started, path):
    with watched(started, scripts=False) as found:
        page = found.open(path)
        assert page.get_by_text("300", exact=True).first.is_visible()
        assert page.get_by_text("scripts are disabled").is_visible()
        assert page.locator("figure img").first.is_visible()
        assert page.locator("#browse").is_hidden()
        found.assert_quiet()


def test_hostile_cells_are_text(started, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "draw", lambda *_: [])
    table = hostile()
    card = CARD | {"version": HOSTILE[0], "inputs": list(HOSTILE), "config": {"a": HOSTILE[1]}}
    path = pages.write(build(table, card, thumbnails(table)), tmp_path / "report.html")
    with watched(started) as found:
        page = found.open(path)
        shown = page.locator("#rows .name").evaluate_all("all => all.map(one => one.textContent)")
        assert shown == list(HOSTILE)
        for number in range(len(HOSTILE)):
            page.locator("#rows .name").nth(number).click()
            assert page.locator("#lens-name").evaluate("one => one.textContent") == HOSTILE[number]
            page.keyboard.press("Escape")
        for select in ("Status", "Method", "Flag"):
            choices = field(page, select)
            for option in range(choices.locator("option").count()):
                choices.select_option(index=option)
        for address in page.locator("#rows a").evaluate_all("all => all.map(one => one.href)"):
            assert address.startswith(tmp_path.as_uri() + "/")
        assert page.locator("#table script, #table svg, #table iframe, #rows img[onerror]").count() == 0
        rows_high = page.locator("#rows tr:not(.space)").evaluate_all("all => all.map(one => one.offsetHeight)")
        assert len(set(rows_high)) <= 1
        found.assert_quiet()


def test_no_other_script_can_run(started, path):
    with watched(started) as found:
        page = found.open(path)
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            const image = document.createElement("img");
            image.setAttribute("onerror", "window.ran = 2");
            image.src = "data:,";
            document.body.append(script, image);
        }""")
        page.wait_for_timeout(100)
        assert page.evaluate("window.ran") is None
        assert found.errors
        assert all("Content Security Policy" in text for text in found.errors)


def test_the_page_sets_no_address_that_leads_away(opened):
    for address in ("javascript:alert(1)", "../x", "a/../../x", "//x", "/x", "https://x", "x?y", "x#y"):
        assert opened.evaluate("href => make('a', { href }).attributes.length", address) == 0, address
    for address in ("x.png", "https://x/y.png", "data:image/svg+xml,<svg/>", "data:text/html,x"):
        assert opened.evaluate("src => make('img', { src }).attributes.length", address) == 0, address
    assert opened.evaluate("href => make('a', { href }).attributes.length", "lenses/a%20b.h5") == 1


def test_the_page_sets_no_attribute_that_runs(opened):
    tried = (
        "() => { try { make('a', { onclick: 'alert(1)' }); return 'made'; } catch (error) { return error.message; } }"
    )
    assert opened.evaluate(tried) == "attribute onclick"


@pytest.mark.slow
def test_ten_thousand_lenses(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page_module, "draw", lambda *_: [])
    table = catalogue.build(rows(10_000))
    path = pages.write(build(table, CARD, thumbnails(table)), tmp_path / "report.html")
    with watched(started) as found:
        start = time.perf_counter()
        page = found.open(path)
        page.locator("#rows .name").first.wait_for()
        opened = time.perf_counter() - start
        start = time.perf_counter()
        page.get_by_role("button", name="Einstein radius").click()
        by_radius = time.perf_counter() - start
        page.evaluate("region.scrollTop = region.scrollHeight / 2")
        wait_until(page, "rows.has(order[5000])")
        assert page.locator("#rows tr:not(.space)").count() < 40
        wait_until(page, f"({LOADED})([...document.querySelectorAll('#rows img')])")
        found.assert_quiet()
    with capsys.disabled():
        size = path.stat().st_size / 1e6
        print(f"\n10,000 lenses, {size:.1f} MB: open in {opened:.2f} s, sorted in {by_radius:.2f} s")
