"""A reader of the page of a catalogue."""

import json
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "col"}


class Read(HTMLParser):
    """What is in a page: its tags, addresses, scripts by their kind, and text; a tag that is not closed in its turn fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.sources, self.handlers = [], [], [], [], []
        self.scripts, self.policy, self.words, self.kind = {}, "", [], None
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.handlers += [name for name in found if name.startswith("on")]
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if tag == "script":
            self.kind = found.get("id", "code")
            self.scripts[self.kind] = ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[self.kind] += data
        else:
            self.words.append(data.strip())

    def data(self):
        return json.loads(self.scripts["data"])
