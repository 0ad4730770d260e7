"""One lens in the report: the figure of its fit or of the network's model, its position in both forms, and the title of the page."""

import json

import numpy as np
import pytest
from PIL import Image

from lenssbi import catalogue
from lenssbi.pipelines import pages
from lenssbi.pipelines.catalogue.view import POINTS, view_of
from lenssbi.pipelines.report import build
from lenssbi.pipelines.report import page as page_module
from lenssbi.pipelines.report.drawn import WIDTH, kept_figures
from lenssbi.refinement.own_model import OwnModel

from ..browser import watched
from .made_up_report import CARD, rows, thumbnails

CIRCLE = np.exp(2j * np.pi * np.arange(73) / 72)
FLAT = [float(value) for value in np.stack([CIRCLE.real, CIRCLE.imag], 1).ravel()]
VIEW = {"half": [2.0, 2.0], "source": [-0.5, 0.5, -0.5, 0.5], "critical": [FLAT], "caustics": [[0.0, 0.0, 0.25, 0.25]]}


class Seen:
    """What of a stamp its view depends on."""

    shape = (40, 60)
    pixel_scale = 0.1


def model(**mass):
    params = {"einstein_radius": 1.2, "e1": 0.0, "e2": 0.0, "centre_x": 0.1, "centre_y": 0.0, **mass}
    blank = np.zeros(Seen.shape)
    return OwnModel(blank, blank, np.ones(Seen.shape, bool), 1.0, (-0.3, 0.3, -0.2, 0.4), params)


def test_the_curves_of_a_round_lens_are_a_circle_and_a_point():
    view = json.loads(json.dumps(view_of(Seen(), model())))
    assert view["half"] == [3.0, 2.0]
    assert view["source"] == [-0.3, 0.3, -0.2, 0.4]
    (critical,), (caustic,) = (
        np.array(view[name]).reshape(len(view[name]), -1, 2) for name in ("critical", "caustics")
    )
    np.testing.assert_allclose(np.hypot(critical[:, 0] - 0.1, critical[:, 1]), 1.2, atol=2e-3)
    np.testing.assert_allclose(caustic, [[0.1, 0.0]] * len(caustic), atol=2e-3)
    assert len(critical) <= POINTS


def test_shear_opens_the_caustic():
    view = view_of(Seen(), model(shear1=0.05, shear2=0.0))
    caustic = np.array(view["caustics"][0]).reshape(-1, 2) - [0.1 * (1 - 0.05), 0.0]
    # cusps of an isothermal sphere in shear lie at 2 gamma b / (1 +- gamma) from the centre's image
    assert np.abs(caustic).max() == pytest.approx(2 * 0.05 * 1.2 / (1 - 0.05), rel=0.05)


def with_figures(folder, count):
    made = rows(count)
    (folder / "lenses").mkdir()
    for row in made:
        if row["figure"]:
            Image.new("RGB", (2000, 900), "white").save(folder / row["figure"])
    return made


def test_figures_are_taken_in_flagged_lenses_first(tmp_path):
    made = with_figures(tmp_path, 60)
    made[43]["flags"] = ["needs_human"]
    table = catalogue.build(made)
    found = kept_figures(table, tmp_path)
    assert list(found) == ["lens 00043", "lens 00003", "lens 00023"]
    assert list(kept_figures(table, tmp_path, 1)) == ["lens 00043"]
    assert kept_figures(table, tmp_path, 0) == {}
    assert found["lens 00003"][8:12] == b"WEBP"


def test_a_figure_that_is_none_is_left_out(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    made = with_figures(folder, 60)
    (folder / made[3]["figure"]).write_bytes(b"<svg onload='alert(1)'>")
    (tmp_path / "secret.png").write_bytes((folder / made[23]["figure"]).read_bytes())
    made[23]["figure"] = "../secret.png"
    (folder / made[43]["figure"]).unlink()
    (folder / made[43]["figure"]).symlink_to(tmp_path / "secret.png")
    assert kept_figures(catalogue.build(made), folder) == {}


@pytest.fixture
def page(started, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "draw", lambda *_: [])
    made = with_figures(tmp_path, 30)
    for row in made:
        row |= {"ra": 57.25, "dec": -20.5}
    table = catalogue.build(made)
    card = CARD | {"title": "My <b>lenses</b>", "views": {"lens 00001": VIEW}}
    text = build(table, card, thumbnails(table), "", kept_figures(table, tmp_path))
    with watched(started) as found:
        alone = tmp_path / "mailed"  # nothing lies beside the page
        yield found.open(pages.write(text, alone / "report.html"))
        found.assert_quiet()


def open_lens(page, name):
    page.get_by_role("searchbox", name="Name").fill(name)
    page.locator("#rows").get_by_role("button", name=name, exact=True).click()
    return page.locator("#lens-body")


def test_a_page_that_is_sent_alone_shows_the_figure_of_a_fit(page):
    body = open_lens(page, "lens 00003")
    image = body.locator("img.whole")
    image.evaluate("image => image.decode()")
    assert image.evaluate("image => image.naturalWidth") == WIDTH
    page.keyboard.press("z")
    assert image.bounding_box()["width"] == WIDTH
    image.click()
    assert image.bounding_box()["width"] < WIDTH


def test_the_networks_model_has_axes_scale_and_curves(page):
    figure = open_lens(page, "lens 00001").locator("svg.panels")
    assert figure.locator(".head").all_text_contents() == [
        "data", "model and critical curves", "residual / noise", "source and caustics",
    ]  # fmt: skip
    assert figure.locator(".light").all_text_contents() == ["1″", "1″", "1″", "0.2″"]
    box = figure.locator(".curve").first.evaluate("one => { const { x, width } = one.getBBox(); return { x, width }; }")
    assert (box["x"], box["width"]) == pytest.approx((250 / 4, 250 / 2), abs=0.2), "radius 1 in a window of 4"
    place = figure.locator(".curve").nth(1).evaluate("one => one.getAttribute('d')")
    assert place == "M125.0 125.0L187.5 62.5", "y goes up"
    assert "−1" in figure.locator("text").all_text_contents()


def test_a_lens_without_either_has_its_thumbnail(page):
    body = open_lens(page, "lens 00002")
    assert body.locator("svg, .whole").count() == 0
    assert body.locator("figure img").count() == 1


def test_positions_are_given_both_ways_and_the_title_is_text(page):
    text = open_lens(page, "lens 00001").inner_text()
    assert "03:49:00.00 (57.250000°)" in text
    assert "−20:30:00.0 (−20.500000°)" in text
    assert page.title() == "My <b>lenses</b>"
    assert page.locator("h1").inner_text() == "My <b>lenses</b>"
