"""Pages that the site makes from outside its folder: API, options of the commands, notebooks, configurations, the project's own files.

Pages link to files of the project by their relative path (`../../configs/refinement/default.yaml`), which works in a clone and on a
hosting site; in the built site such links point to the page that shows the file.
"""

import json
import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any, get_args, get_type_hints

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "lenssbi"
DOCS = ROOT / "docs"
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RENAMED = {"benchmarks/paper/README.md": "benchmarks/paper/findings.md"}  # its folder has an index.html of its own
PROJECT = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "CHANGELOG.md": "changelog.md",
}
COMMANDS_PAGE = "reference/commands.md"
AS_TEXT = {"CITATION.cff": ("citation.md", "How to cite"), "LICENSE": ("licence.md", "Licence")}
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
NOTEBOOK_LINK = re.compile(r'href="([^":#]+)\.ipynb"')
DOCS_LINK = re.compile(r'href="\.\./docs/([^"#]+)\.md')  # of notebooks
FROM_ELSEWHERE = re.compile(r"<script[^>]*>(?:(?!</script>).)*https?://cdnjs(?:(?!</script>).)*</script>", re.DOTALL)


def top_modules() -> dict[str, str]:
    """Modules and packages directly below lenssbi, with their line of the map in `lenssbi/__init__.py`, in its order."""
    said = dict(re.findall(r"^    (\w+) +(\S.*)$", (PACKAGE / "__init__.py").read_text(), re.MULTILINE))
    there = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    there -= {"__init__", PACKAGE.name}
    return {name: said.get(name, "") for name in (*(n for n in said if n in there), *sorted(there - said.keys()))}


def reference(name: str) -> str:
    """The page of one top-level module and everything in it; a package repeats nothing of its modules."""
    files = [PACKAGE / f"{name}.py", *sorted((PACKAGE / name).rglob("*.py"))]
    parts = [f"# lenssbi.{name}"]
    for path in filter(Path.exists, files):
        module = path.relative_to(ROOT).with_suffix("").parts
        package = module[-1] == "__init__"
        repeats = package and not re.search(r"^(def|class) ", path.read_text(), re.MULTILINE)
        parts.append(
            f"::: {'.'.join(module[:-1] if package else module)}" + "\n    options: {members: false}" * repeats
        )
    return "\n\n".join(parts) + "\n"


def reference_index() -> str:
    """The page that lists them."""
    rows = [f"| [`{name}`]({name}.md) | {said} |" for name, said in top_modules().items()]
    head = "# API\n\nA module imports only from lines above its own.\n\n"
    return head + "\n".join(["| module | content |", "|---|---|", *rows]) + "\n"


def options_of_commands() -> str:
    """Tables of the options of every command, from the command line itself."""
    from typer.main import get_command

    from lenssbi_cli.main import COMMANDS, app

    parts, commands = [], get_command(app).commands
    for name, verb in COMMANDS.items():
        types = get_type_hints(verb)
        rows = [_option_row(parameter, types.get(parameter.name)) for parameter in commands[name].params]
        table = "\n".join(["| option | default | meaning |", "|---|---|---|", *rows])
        parts += [f"## lenssbi {name}", " ".join(commands[name].help.split()), table]
    return "\n\n".join(parts) + "\n"


def _option_row(parameter: Any, kind: Any) -> str:
    """One option or argument of a command, whose value is of this type, as a row of a table."""
    argument = parameter.param_type_name == "argument"
    names = [parameter.metavar or parameter.name.upper()] if argument else [*parameter.opts, *parameter.secondary_opts]
    choices = [one for one in (*get_args(kind), *(two for part in get_args(kind) for two in get_args(part))) if isinstance(one, str)]
    text = (parameter.help or "") + (f" Values: {', '.join(choices)}." if choices else "")
    plain = isinstance(parameter.default, str | int | float | Path) and not isinstance(parameter.default, bool)
    default = "required" if parameter.required else f"`{parameter.default}`" if plain else ""
    cells = (", ".join(f"`{one}`" for one in names), default, text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def configurations() -> str:
    """The page that shows every configuration."""
    parts = [
        "# Configurations",
        "All of them come with the package: `configs/...` on a command line means these from anywhere.",
    ]
    for path in CONFIGS:
        name = path.relative_to(ROOT).as_posix()
        parts += [f"## {name} {{ #{_anchor(name)} }}", f"```yaml\n{path.read_text().rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def notebook_title(path: Path) -> str:
    """The first heading of a notebook."""
    cells = json.loads(path.read_text())["cells"]
    text = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "markdown"))
    return text.splitlines()[0].lstrip("# ").strip()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages that are made here to the contents."""
    assert config.nav is not None
    sections = {title: pages for section in config.nav for title, pages in section.items()}
    sections["Get started"].append(
        {"Notebooks": [{notebook_title(path): f"notebooks/{path.name}"} for path in NOTEBOOKS]}
    )
    sections["Reference"] += [
        "configurations.md",
        {"API": ["api/index.md", *({name: f"api/{name}.md"} for name in top_modules())]},
    ]
    others = [*list(PROJECT.values())[1:], *(page for page, _ in AS_TEXT.values())]
    config.nav.append({"Project": [{"README": "readme.md"}, *others]})
    return config


@event_priority(100)  # before the plugin that renders notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    made = {f"api/{name}.md": reference(name) for name in top_modules()}
    made |= {"api/index.md": reference_index(), "configurations.md": configurations()}
    made |= {page: (DOCS / source).read_text() for source, page in RENAMED.items()}
    made |= {f"{folder}/index.md": listing(DOCS / folder) for folder in folders_of_data()}
    made |= {page: (ROOT / source).read_text() for source, page in PROJECT.items()}
    for source, (page, title) in AS_TEXT.items():
        made[page] = f"# {title}\n\n```text\n{(ROOT / source).read_text().rstrip()}\n```\n"
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    for path in NOTEBOOKS:
        name = path.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def folders_of_data() -> list[str]:
    """Folders of measured data that have no page of their own."""
    folders = [path for path in sorted((DOCS / "benchmarks").rglob("*")) if path.is_dir()]
    return [path.relative_to(DOCS).as_posix() for path in folders if not {"README.md", "index.md"} & set(_names(path))]


def listing(folder: Path) -> str:
    """The page of such a folder."""
    return "\n".join([f"# Data: {folder.name}", "", *(f"- [{name}]({name})" for name in _names(folder))]) + "\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to the pages that show the files, and add the options of the commands to their page."""
    here = page.file.src_uri
    if here == COMMANDS_PAGE:
        markdown = f"{markdown}\n\n{options_of_commands()}"
    source = next((name for name, made in PROJECT.items() if made == here), f"docs/{here}")

    def led(found: re.Match[str]) -> str:
        shown = shown_by(normpath(f"{Path(source).parent.as_posix()}/{found[1]}"))
        return found[0] if shown is None else relative(shown, here) + ("" if "#" in shown else found[2] or "")

    return LINK.sub(led, markdown)


def shown_by(target: str) -> str | None:
    """The page that shows a file of the project, named from the project's root; None if there is none."""
    first, _, rest = target.partition("/")
    if target in PROJECT or target in AS_TEXT:
        return PROJECT[target] if target in PROJECT else AS_TEXT[target][0]
    if first == "docs":
        page = f"{rest}/README.md" if (ROOT / target / "README.md").exists() else f"{rest}/index.md"
        rest = page if (ROOT / target).is_dir() else rest
        return RENAMED.get(rest, rest)
    if first == "configs":
        return "configurations.md" + (f"#{_anchor(target)}" if target.endswith(".yaml") else "")
    if first == "notebooks":
        return f"notebooks/{rest or NOTEBOOKS[0].name}"
    if first == "lenssbi" and rest:
        module = target.removesuffix(".py").removesuffix("/__init__").split("/")
        if len(module) == 1:
            return "api/index.md"
        inside = len(module) > 2 and (ROOT / target).suffix == ".py"
        return f"api/{module[1]}.md" + (f"#{'.'.join(module)}" if inside else "")
    return None


def relative(page: str, here: str) -> str:
    """The path from one page to another."""
    return relpath(page, Path(here).parent.as_posix() or ".")


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Notebooks lead to each other's pages and to those of the docs, and load nothing: their template asks a network for renderers that they do not need."""
    if page.file.src_uri.startswith("notebooks/"):
        output = DOCS_LINK.sub(r'href="../\1.html', NOTEBOOK_LINK.sub(r'href="\1.html"', output))
    return FROM_ELSEWHERE.sub("", output)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
