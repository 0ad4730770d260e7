"""Parts of the page of a catalogue in a browser."""

CHOICES = ("Status", "Method", "Flag", "Range of")
LOADED = "images => images.every(image => image.complete && image.naturalWidth > 0 && image.naturalHeight * 4 === image.naturalWidth)"


def names(page):
    """Names of the lenses in the document, as they stand in the table."""
    return page.locator("#rows .name").all_inner_texts()


def count(page):
    return page.locator("#count").inner_text()


def field(part, label):
    """A field of the filters by what a reader hears."""
    kind = "combobox" if label in CHOICES else "searchbox" if label == "Name" else "spinbutton"
    return part.get_by_role(kind, name=label, exact=True)


FILTERS = (
    ("Name", "0029", lambda row: "0029" in row["name"]),
    ("Method", "refined", lambda row: row["method"] == "refined"),
    ("Status", "done", lambda row: row["status"] == "done"),
    ("Flag", "misspecified", lambda row: row["misspecified"]),
    ("Flag", "none", lambda row: not row["needs_human"]),
    ("from", "1.5", lambda row: row["einstein_radius"] >= 1.5),
    ("to", "0.8", lambda row: row["einstein_radius"] <= 0.8),
)
